"""Several models of one objective, trained in one process with stacked weights."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from disbench.models.reconstruction import Activation, ReconstructionName, reconstruction_loss
from disbench.models.vae import Vae
from disbench.objectives._objective import AdversarialObjective, Objective
from disbench.seeds import derive_seed
from disbench.training.adam import EpsilonPlacement
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.draws import draw, make_generators, stack_draws
from disbench.training.finite import DivergedError, require_finite_terms, require_finite_weights
from disbench.training.images import Images
from disbench.training.interrupt import InterruptedTrainingError, SaveClock, stop_signals
from disbench.training.load import order_of
from disbench.training.loop import log_row, make_optimizers
from disbench.training.recorded import DeviceUpdate, cuda_graph
from disbench.training.stacked import stack_modules, stack_objectives, unstack_module
from disbench.training.state import Row, State
from disbench.training.update import Outcome, Update, gradient_norm


def train_together(
    vaes: Sequence[Vae],
    objectives: Sequence[Objective],
    images: Images,
    *,
    seeds: Sequence[int],
    num_steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    reconstruction: ReconstructionName = "bernoulli",
    activation: Activation = "logits",
    subtract_entropy: bool = False,
    adam_epsilon: EpsilonPlacement = "hat",
    log_every: int = 100,
    logs: Sequence[Callable[[Row], None]] | None = None,
    checkpoints: CheckpointFolder | None = None,
    checkpoint_seconds: float = 60.0,
    record: bool = True,
) -> list[DivergedError | None]:
    """Train each VAE in place as `train` would with its objective and seed; the same up to rounding.

    Parameters
    ----------
    vaes, objectives, seeds
        Of each model. Architectures are the same, objectives of one kind; their numbers may differ.
    images
        All rows of the data set, kept on the device: the order of a stream would be that of one seed.
    logs
        For each model, what takes a row of its log.
    checkpoints
        Where to keep the state of all of them.

    The other parameters are those of `train`.

    Returns
    -------
    list
        For each model None, or the error of a model that diverged, whose weights are worth nothing. The others go on.

    Raises
    ------
    ValueError
        If the images are streamed, or the models cannot be stacked.
    InterruptedTrainingError
        After SIGTERM or Ctrl-C.
    OSError
        If a checkpoint cannot be written; those before it stay.
    """
    if order_of(images) != "resident":
        raise ValueError(
            f"models trained together need their images in memory, these are {order_of(images)}; raise "
            "`train.image_gigabytes` or train the models one by one"
        )
    device = images.device
    for objective, seed in zip(objectives, seeds, strict=True):
        generator = torch.Generator().manual_seed(derive_seed(seed, "objective"))
        objective.prepare(vaes[0].num_latents, len(images), generator)
        objective.to(device)
    vae, objective = stack_modules(vaes), stack_objectives(objectives, device)
    game = isinstance(objective, AdversarialObjective)
    second = isinstance(objective, AdversarialObjective) and objective.second_batch
    num_steps = objective.num_updates(num_steps) if isinstance(objective, AdversarialObjective) else num_steps
    optimizers = make_optimizers(vae, objective, learning_rate, adam_epsilon)
    update = Update(
        vae,
        objective,
        optimizers,
        lambda x, decoded: reconstruction_loss(reconstruction, x, decoded, activation, subtract_entropy),
    )
    take = DeviceUpdate(update, device, cuda_graph if record and device.type == "cuda" else None)
    generators = [make_generators(seed, device) for seed in seeds]
    named = {f"{name} {number}": each[name] for number, each in enumerate(generators) for name in each}
    state = State({"vae": vae, "objective": objective}, images, optimizers, named)
    logbook = _Logbook(logs or [lambda row: None] * len(vaes))
    logbook.history = state.resume(checkpoints, logbook.repeat)
    start, began = state.step, time.monotonic()
    clock = SaveClock(checkpoint_seconds)
    with stop_signals() as stopped:
        for step in range(start, num_steps):
            drawn = stack_draws(
                [draw(images, batch_size, vae.num_latents, each, keys=game, second=second) for each in generators]
            )
            outcome = take(drawn, step)
            logbook.unseen.append(outcome.summands)
            state.step = step + 1
            if state.step % log_every == 0 or state.step == num_steps:
                rate = (state.step - start) / (time.monotonic() - began)
                logbook.write(state.step, outcome, gradient_norm(vae, len(vaes)), rate)
            stops = stopped()
            if checkpoints is not None and (stops or clock.due()):
                logbook.look(outcome.names, state.step)
                clock.save(checkpoints, state.checkpoint(logbook.history))
            if stops:
                raise InterruptedTrainingError(state.step, num_steps, checkpoints)
    unstack_module(vae, vaes)
    unstack_module(objective, objectives)
    for number, modules in enumerate(zip(vaes, objectives, strict=True)):
        logbook.look_at_weights(number, dict(zip(("vae", "objective"), modules, strict=True)), state.step)
    return logbook.errors


class _Logbook:
    """Rows of each model's log, and which models have diverged."""

    def __init__(self, logs: Sequence[Callable[[Row], None]]) -> None:
        self._logs = logs
        self.errors: list[DivergedError | None] = [None] * len(logs)
        self.history: list[Row] = []
        self.unseen: list[Tensor] = []  # summands of all models and the steps since they were last looked at

    def repeat(self, row: Row) -> None:
        """Log a row again that a checkpoint holds."""
        number, values = int(row["model"]), {name: value for name, value in row.items() if name != "model"}
        if "diverged" in values:
            self.errors[number] = DivergedError(f"training diverged: at step {int(values['step']):,}")
        else:
            self._logs[number](values)

    def look(self, names: tuple[str, ...], step: int) -> None:
        """Look at the summands of all models and steps since the last time."""
        if not self.unseen:
            return
        table = torch.stack(self.unseen).cpu()
        self.unseen.clear()
        for number, error in enumerate(self.errors):
            if error is None:
                try:
                    require_finite_terms(names, list(table[:, number]), step, None)
                except DivergedError as found:
                    self._diverged(number, step, found)

    def look_at_weights(self, number: int, modules: dict[str, Vae | Objective], step: int) -> None:
        """Look at what a model ended with."""
        if self.errors[number] is None:
            try:
                require_finite_weights(modules, step, None)
            except DivergedError as found:
                self._diverged(number, step, found)

    def write(self, step: int, outcome: Outcome, norms: Tensor, rate: float) -> None:
        """Log a row of each model that has not diverged."""
        self.look(outcome.names, step)
        table = torch.cat((outcome.summands, outcome.kl, norms[:, None]), 1).tolist()
        for number, (values, error) in enumerate(zip(table, self.errors, strict=True)):
            if error is None:
                row = log_row(step, outcome.names, values) | {"steps_per_second": rate}
                self.history.append(row | {"model": float(number)})
                self._logs[number](row)

    def _diverged(self, number: int, step: int, error: DivergedError) -> None:
        self.errors[number] = error
        self.history.append({"model": float(number), "step": float(step), "diverged": 1.0})
