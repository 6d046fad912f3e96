"""The training loop."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from disbench.models.reconstruction import Activation, ReconstructionName, reconstruction_loss
from disbench.models.vae import Vae
from disbench.objectives._objective import AdversarialObjective, Objective
from disbench.seeds import derive_seed
from disbench.training.adam import Adam, EpsilonPlacement
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.draws import draw, make_generators
from disbench.training.finite import require_finite_terms, require_finite_weights
from disbench.training.images import Images
from disbench.training.interrupt import InterruptedTrainingError, SaveClock, stop_signals
from disbench.training.recorded import DeviceUpdate, cuda_graph
from disbench.training.state import Row, State
from disbench.training.update import Outcome, Update, gradient_norm

_ADVERSARY_BETAS = (0.5, 0.9)  # of Adam for a discriminator, in the published study


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
    record: bool = True,
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
    record
        Whether an update on a GPU is a recorded CUDA graph; the numbers are the same without.

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
    generators = make_generators(seed, images.device)
    objective.prepare(vae.num_latents, len(images), torch.Generator().manual_seed(derive_seed(seed, "objective")))
    objective.to(images.device)
    adversary = objective if isinstance(objective, AdversarialObjective) else None
    num_steps = adversary.num_updates(num_steps) if adversary else num_steps
    optimizers = make_optimizers(vae, objective, learning_rate, adam_epsilon)
    update = Update(
        vae,
        objective,
        optimizers,
        lambda x, decoded: reconstruction_loss(reconstruction, x, decoded, activation, subtract_entropy),
    )
    # On a CPU the number of the step is a number, on a GPU a tensor, which a recorded update needs.
    on_gpu = images.device.type == "cuda"
    take = DeviceUpdate(update, images.device, cuda_graph if record else None) if on_gpu else update
    state = State({"vae": vae, "objective": objective}, images, optimizers, generators)
    history = state.resume(checkpoints, log)
    start, began = state.step, time.monotonic()
    clock = SaveClock(checkpoint_seconds)
    names: tuple[str, ...] = ()
    unseen: list[Tensor] = []  # summands of the steps since they were last looked at, still on the device

    def look() -> None:
        require_finite_terms(names, unseen, state.step, checkpoints)
        unseen.clear()

    with stop_signals() as stopped:
        for step in range(start, num_steps):
            drawn = draw(
                images,
                batch_size,
                vae.num_latents,
                generators,
                keys=adversary is not None,
                second=adversary is not None and adversary.second_batch,
            )
            outcome = take(drawn, step)
            names = outcome.names
            unseen.append(outcome.summands)
            state.step = step + 1
            if state.step % log_every == 0 or state.step == num_steps:
                look()
                rate = (state.step - start) / (time.monotonic() - began)
                history.append(_row(state.step, outcome, gradient_norm(vae)) | {"steps_per_second": rate})
                log(history[-1])
            stops = stopped()  # asked once, so that a signal between the two questions cannot skip the checkpoint
            if checkpoints is not None and (stops or clock.due()):
                look()
                require_finite_weights(state.modules, state.step, checkpoints)
                clock.save(checkpoints, state.checkpoint(history))
            if stops:
                raise InterruptedTrainingError(state.step, num_steps, checkpoints)
    require_finite_weights(state.modules, state.step, checkpoints)


def make_optimizers(
    vae: Vae, objective: Objective, learning_rate: float, adam_epsilon: EpsilonPlacement
) -> dict[str, Adam]:
    """Adam as the published study used it, for a model and, if its objective has one, for the adversary."""
    optimizers = {"adam": Adam(vae.parameters(), learning_rate=learning_rate, epsilon_placement=adam_epsilon)}
    if isinstance(objective, AdversarialObjective):
        optimizers["adversary"] = Adam(
            objective.parameters(), learning_rate=learning_rate, betas=_ADVERSARY_BETAS, epsilon_placement=adam_epsilon
        )
    return optimizers


def _row(step: int, outcome: Outcome, norm: Tensor) -> Row:
    """What is logged after an update: values of the batch, before the update."""
    return log_row(step, outcome.names, torch.cat((outcome.summands, outcome.kl, norm[None])).tolist())


def log_row(step: int, names: tuple[str, ...], values: list[float]) -> Row:
    """Row of the log from the summands of the loss, the KL divergences of the latents and the gradient's norm."""
    summands, kl, norm = values[: len(names)], values[len(names) : -1], values[-1]
    named = dict(zip(names, summands, strict=True))
    return {
        "step": float(step),
        "loss": sum(summands),
        **named,
        "elbo": -(named["reconstruction"] + sum(kl)),
        "kl": sum(kl),
        **{f"kl_latent_{index}": value for index, value in enumerate(kl)},
        "gradient_norm": norm,
    }
