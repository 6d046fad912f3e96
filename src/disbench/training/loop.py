"""The training loop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from disbench.models.reconstruction import Activation, ReconstructionName, reconstruction_loss
from disbench.models.vae import Vae
from disbench.objectives._objective import AdversarialObjective, Objective, permute_latents
from disbench.seeds import derive_seed
from disbench.training.adam import Adam, EpsilonPlacement
from disbench.training.checkpoint import Checkpoint, CheckpointFolder
from disbench.training.finite import require_finite_terms, require_finite_weights
from disbench.training.images import Images

Row = dict[str, float]

_ADVERSARY_BETAS = (0.5, 0.9)  # of Adam for a discriminator, in the published study
_PAUSE_AFTER_SAVE = 100  # times the duration of a save is the least time until the next


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
    activation: Activation = "logits",
    subtract_entropy: bool = False,
    adam_epsilon: EpsilonPlacement = "hat",
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
    reconstruction, activation, subtract_entropy
        As `reconstruction_loss` takes them.
    adam_epsilon
        As `Adam` takes it.
    seed
        Batches and noise are drawn from generators derived from it.
    log_every
        Updates between rows of the log.
    log
        Takes one row: `step`, `loss` and its summands, `elbo`, `kl`, the KL divergence of each latent, the norm of the
        gradient, `steps_per_second`. Rows from before a resumed checkpoint come again first.
    checkpoints, checkpoint_seconds
        Where to keep the state of the run, and how often: less often if that took more than a hundredth of the time,
        and after every step if 0.

    Raises
    ------
    DivergedError
        If a summand of the loss or a weight is not finite, when that is next looked at: with each row of the log, and
        before a checkpoint is written. It names the first step that was wrong.
    InterruptedTrainingError
        After SIGTERM or Ctrl-C.
    OSError
        If a checkpoint cannot be written; those before it stay.
    """
    batch_generator = torch.Generator(images.device).manual_seed(derive_seed(seed, "batches"))
    noise_generator = torch.Generator(images.device).manual_seed(derive_seed(seed, "noise"))
    generators = {"batches": batch_generator, "noise": noise_generator}
    objective.prepare(vae.num_latents, len(images), torch.Generator().manual_seed(derive_seed(seed, "objective")))
    objective.to(images.device)
    optimizers = {"adam": Adam(vae.parameters(), learning_rate=learning_rate, epsilon_placement=adam_epsilon)}
    adversary = objective if isinstance(objective, AdversarialObjective) else None
    if adversary is not None:
        num_steps = adversary.num_updates(num_steps)
        optimizers["adversary"] = Adam(
            adversary.parameters(), learning_rate=learning_rate, betas=_ADVERSARY_BETAS, epsilon_placement=adam_epsilon
        )
    state = _State(vae, objective, images, optimizers, generators)
    history = state.resume(checkpoints, log)
    start, began = state.step, time.monotonic()
    next_save = began + checkpoint_seconds
    unseen: list[Tensor] = []  # summands of the steps since they were last looked at, still on the device
    with _stop_signals() as stopped:
        for step in range(start, num_steps):
            x = images.draw(batch_size, batch_generator)
            posterior = vae.encode(x)
            z = posterior.sample(noise_generator)
            decoded = vae.decode(z.to(x.dtype))
            errors = reconstruction_loss(reconstruction, x.float(), decoded, activation, subtract_entropy)
            summands = {"reconstruction": errors.mean()}
            rival_loss = None
            if adversary is None:
                summands |= objective.terms(posterior, z, step)
            else:
                others = (
                    _encode_apart(vae, images.draw(batch_size, batch_generator), noise_generator)
                    if adversary.second_batch
                    else z.detach()
                )
                permuted = permute_latents(others, noise_generator)
                terms, rival_loss = adversary.both(posterior, z.to(x.dtype), permuted.to(x.dtype), step)
                summands |= terms
            values = torch.stack(list(summands.values()))
            unseen.append(values.detach())
            loss = values.sum()
            for optimizer in optimizers.values():
                optimizer.zero_grad()
            # Both players take their gradients at the weights of this step, before either is updated.
            (loss if rival_loss is None else loss + rival_loss).backward()  # type: ignore[no-untyped-call]
            for optimizer in optimizers.values():
                optimizer.step(step)
            state.step = step + 1

            logs = state.step % log_every == 0 or state.step == num_steps
            if logs:
                require_finite_terms(list(summands), unseen, state.step, checkpoints)
                unseen.clear()
                rate = (state.step - start) / (time.monotonic() - began)
                history.append(_row(state.step, loss, summands, posterior.kl, vae) | {"steps_per_second": rate})
                log(history[-1])
            stops = stopped()  # asked once, so that a signal between the two questions cannot skip the checkpoint
            if checkpoints is not None and (stops or time.monotonic() >= next_save):
                require_finite_terms(list(summands), unseen, state.step, checkpoints)
                unseen.clear()
                require_finite_weights(state.modules, state.step, checkpoints)
                began_saving = time.monotonic()
                checkpoints.save(state.checkpoint(history))
                ended = time.monotonic()
                pause = _PAUSE_AFTER_SAVE * (ended - began_saving)
                next_save = ended + (max(checkpoint_seconds, pause) if checkpoint_seconds else 0)
            if stops:
                raise InterruptedTrainingError(_stopped_text(state.step, num_steps, checkpoints))
    require_finite_weights(state.modules, state.step, checkpoints)


def _stopped_text(step: int, num_steps: int, checkpoints: CheckpointFolder | None) -> str:
    done = f"stopped after {step:,} of {num_steps:,} steps"
    if checkpoints is None:
        return f"{done}; no checkpoints were asked for, so the next run starts anew"
    return f"{done}; {checkpoints.newest()} holds them. To go on, start the same command again"


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
        self.modules: dict[str, nn.Module] = {"vae": vae, "objective": objective}
        if isinstance(images, nn.Module):  # a stream, which remembers how far it is
            self.modules["images"] = images
        self._optimizers = optimizers
        self._generators = generators

    def checkpoint(self, history: list[Row]) -> Checkpoint:
        tensors = {
            f"{part}/{name}": value
            for part, optimizer in self._optimizers.items()
            for name, value in optimizer.state().items()
        }
        for part, module in self.modules.items():
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
        for part, module in self.modules.items():
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


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM or Ctrl-C came; what was set for them is set again at the end."""
    if threading.current_thread() is not threading.main_thread():  # no signal arrives there, nor can be waited for
        yield lambda: False
        return
    received: list[int] = []

    def remember(number: int, frame: Any) -> None:
        received.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
