"""The training loop."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from disbench.models.reconstruction import ReconstructionName, reconstruction_loss
from disbench.models.vae import Vae
from disbench.objectives._objective import AdversarialObjective, Objective, permute_latents
from disbench.seeds import derive_seed
from disbench.training.adam import Adam
from disbench.training.checkpoint import Checkpoint, CheckpointFolder
from disbench.training.images import Images

Row = dict[str, float]

_ADVERSARY_BETAS = (0.5, 0.9)  # of Adam for a discriminator, in the published study


class DivergedError(ValueError):
    """The loss is not finite; there is no trained model."""


class InterruptedTrainingError(KeyboardInterrupt):
    """A signal asked training to stop; a checkpoint was written first."""


def train(
    vae: Vae,
    objective: Objective,
    images: Images,
    *,
    num_steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    reconstruction: ReconstructionName = "bernoulli",
    seed: int = 0,
    log_every: int = 100,
    log: Callable[[Row], None] = lambda row: None,
    checkpoints: CheckpointFolder | None = None,
    checkpoint_seconds: float = 60.0,
) -> None:
    """Train a VAE in place; go on from the newest checkpoint if there is one.

    The result does not depend on how often the run was interrupted.

    Parameters
    ----------
    vae, objective
        What learns, on the device of the images.
    images
        All rows of the data set.
    num_steps
        Number of updates.
    seed
        Batches and noise are drawn from generators derived from it.
    log_every
        Updates between rows of the log.
    log
        Takes one row: `step`, `loss` and its summands, `elbo`, `kl`, the KL divergence of each latent, the norm of the
        gradient, `steps_per_second`. Rows from before a resumed checkpoint come again first.
    checkpoints, checkpoint_seconds
        Where to keep the state of the run, and how often.

    Raises
    ------
    DivergedError
        If the loss is not finite when it is next looked at.
    InterruptedTrainingError
        After SIGTERM or Ctrl-C.
    """
    batch_generator = torch.Generator(images.device).manual_seed(derive_seed(seed, "batches"))
    noise_generator = torch.Generator(images.device).manual_seed(derive_seed(seed, "noise"))
    generators = {"batches": batch_generator, "noise": noise_generator}
    objective.prepare(vae.num_latents, len(images), torch.Generator().manual_seed(derive_seed(seed, "objective")))
    objective.to(images.device)
    optimizers = {"adam": Adam(vae.parameters(), learning_rate=learning_rate)}
    adversary = objective if isinstance(objective, AdversarialObjective) else None
    if adversary is not None:
        num_steps = adversary.num_updates(num_steps)
        optimizers["adversary"] = Adam(adversary.parameters(), learning_rate=learning_rate, betas=_ADVERSARY_BETAS)
    state = _State(vae, objective, images, optimizers, generators)
    history = state.resume(checkpoints, log)
    start, last_saved = state.step, time.monotonic()
    began = last_saved
    with _stop_signals() as stopped:
        for step in range(start, num_steps):
            x = images.draw(batch_size, batch_generator)
            posterior = vae.encode(x)
            z = posterior.sample(noise_generator)
            decoded = vae.decode(z.to(x.dtype))
            summands = {"reconstruction": reconstruction_loss(reconstruction, x.float(), decoded).mean()}
            summands |= objective.terms(posterior, z, step)
            loss = torch.stack(list(summands.values())).sum()
            optimizers["adam"].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if adversary is not None:
                # at the weights of this step, before either network is updated; its gradients from the loss are dropped
                optimizers["adversary"].zero_grad()
                others = (
                    _encode_apart(vae, images.draw(batch_size, batch_generator), noise_generator)
                    if adversary.second_batch
                    else z.detach()
                )
                adversary.adversary_loss(z.detach(), permute_latents(others, noise_generator)).backward()  # type: ignore[no-untyped-call]
            for optimizer in optimizers.values():
                optimizer.step(step)
            state.step = step + 1

            logs = state.step % log_every == 0 or state.step == num_steps
            saves = checkpoints is not None and (stopped() or time.monotonic() - last_saved >= checkpoint_seconds)
            if logs or saves:
                _require_finite(summands, state.step, checkpoints)
            if logs:
                rate = (state.step - start) / (time.monotonic() - began)
                history.append(_row(state.step, loss, summands, posterior.kl, vae) | {"steps_per_second": rate})
                log(history[-1])
            if saves and checkpoints is not None:
                checkpoints.save(state.checkpoint(history))
                last_saved = time.monotonic()
            if stopped():
                raise InterruptedTrainingError(f"stopped after {state.step:,} of {num_steps:,} steps")


class _State:
    """Everything that a checkpoint holds."""

    def __init__(
        self,
        vae: Vae,
        objective: Objective,
        images: Images,
        optimizers: Mapping[str, Adam],
        generators: Mapping[str, torch.Generator],
    ) -> None:
        self.step = 0
        self._modules: dict[str, nn.Module] = {"vae": vae, "objective": objective}
        if isinstance(images, nn.Module):  # a stream, which remembers how far it is
            self._modules["images"] = images
        self._optimizers = optimizers
        self._generators = generators

    def checkpoint(self, history: list[Row]) -> Checkpoint:
        tensors = {
            f"{part}/{name}": value
            for part, optimizer in self._optimizers.items()
            for name, value in optimizer.state().items()
        }
        for part, module in self._modules.items():
            tensors |= {f"{part}/{name}": value for name, value in module.state_dict().items()}
        tensors |= {f"generator/{name}": generator.get_state() for name, generator in self._generators.items()}
        return Checkpoint(self.step, tensors, history)

    def resume(self, checkpoints: CheckpointFolder | None, log: Callable[[Row], None]) -> list[Row]:
        """Take the state of the newest checkpoint, log again what was logged before it, and return that."""
        checkpoint = checkpoints.load() if checkpoints is not None else None
        if checkpoint is None:
            return []
        print(f"go on from step {checkpoint.step:,}, which a checkpoint holds", flush=True)
        self.step = checkpoint.step
        for part, module in self._modules.items():
            module.load_state_dict(_part(checkpoint.tensors, part))
        for part, optimizer in self._optimizers.items():
            optimizer.load_state(_part(checkpoint.tensors, part))
        for name, value in _part(checkpoint.tensors, "generator").items():
            self._generators[name].set_state(value)
        for row in checkpoint.history:
            log(row)
        return checkpoint.history


@torch.no_grad()
def _encode_apart(vae: Vae, images: Tensor, generator: torch.Generator) -> Tensor:
    return vae.encode(images).sample(generator)


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}


def _row(step: int, loss: Tensor, summands: Mapping[str, Tensor], kl: Tensor, vae: Vae) -> Row:
    """What is logged after an update: values of the batch, before the update."""
    kl_latents = kl.detach().mean(0)
    gradients = [parameter.grad for parameter in vae.parameters() if parameter.grad is not None]
    values = {
        "loss": loss,
        **summands,
        "elbo": -(summands["reconstruction"] + kl_latents.sum()),
        "kl": kl_latents.sum(),
        **{f"kl_latent_{index}": value for index, value in enumerate(kl_latents)},
        "gradient_norm": torch.stack(torch._foreach_norm(gradients)).norm(),
    }
    numbers = torch.stack([value.detach() for value in values.values()]).tolist()
    return {"step": float(step), **dict(zip(values, numbers, strict=True))}


def _require_finite(summands: Mapping[str, Tensor], step: int, checkpoints: CheckpointFolder | None) -> None:
    wrong = {name: float(value.detach()) for name, value in summands.items() if not isfinite(value.detach())}
    if wrong:
        good = checkpoints.newest() if checkpoints is not None else None
        raise DivergedError(
            f"training diverged: at step {step:,} the loss has {wrong!r}; nothing was written. "
            + (f"The last good checkpoint is {good}. " if good else "")
            + "Lower `train.learning_rate` or the objective's hyper-parameters"
        )


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM or Ctrl-C came; what was set for them is set again at the end."""
    received: list[int] = []

    def remember(number: int, frame: Any) -> None:
        received.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
