"""Train several runs of one objective in one process; each leaves what the train stage alone would leave."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from disbench import params, storage
from disbench.params import Params
from disbench.stages.train import describe, fingerprint, log_rows, make_model, write_results
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.devices import choose_device, choose_dtype, flushed_denormals
from disbench.training.finite import DivergedError
from disbench.training.interrupt import InterruptedTrainingError
from disbench.training.load import load_images
from disbench.training.memory import keep_freed_memory
from disbench.training.together import train_together as train_loop


@dataclass(frozen=True)
class RunPaths:
    """Parameters and outputs of one run, as the train stage takes them."""

    params_path: Path
    model: Path
    log: Path
    scores_path: Path


@flushed_denormals()
def train_together(runs: Sequence[RunPaths], *, store_path: Path, checkpoints: Path) -> list[DivergedError | None]:
    """Train all runs as their params.yaml say; go on from a checkpoint of the same runs if one is there.

    Models equal those that the train stage gives one at a time, up to rounding.

    Parameters
    ----------
    runs
        Of one data set and one objective; only seeds and numbers among the hyper-parameters may differ.
    store_path
        The image store, small enough to be kept in memory.
    checkpoints
        Folder in which these runs have one for all of them.

    Returns
    -------
    list
        For each run None, or why it diverged; of a run that did, no model and no scores are written.

    Raises
    ------
    ValueError
        If the runs differ in more.
    """
    keep_freed_memory()
    settings = [params.read(run.params_path) for run in runs]
    _require_alike(settings, [run.params_path for run in runs])
    setup = settings[0].train
    device = choose_device(setup.device)
    dtype = choose_dtype(setup.precision, device)
    store = storage.open_dataset(store_path)
    images = load_images(store, device=device, dtype=dtype, seed=setup.seed, num_bytes=setup.image_bytes)
    made = [make_model(each, store, device) for each in settings]
    vaes, objectives = [vae for vae, _ in made], [objective for _, objective in made]
    descriptions = [describe(each, store, images, device, dtype) for each in settings]
    folder = CheckpointFolder(checkpoints / fingerprint({"together": descriptions}))
    with folder.locked():
        try:
            with ExitStack() as stack:
                logs = [stack.enter_context(log_rows(run.log)) for run in runs]
                errors = train_loop(
                    vaes,
                    objectives,
                    images,
                    seeds=[each.train.seed for each in settings],
                    num_steps=setup.num_steps,
                    batch_size=setup.batch_size,
                    learning_rate=setup.learning_rate,
                    reconstruction=setup.reconstruction,
                    activation=setup.activation,
                    subtract_entropy=setup.subtract_entropy,
                    adam_epsilon=setup.adam_epsilon,
                    log_every=setup.log_every,
                    logs=logs,
                    checkpoints=folder,
                    checkpoint_seconds=setup.checkpoint_seconds,
                )
        except InterruptedTrainingError as stopped:
            sys.exit(f"disbench: {stopped}")  # in words, as the train stage does
        for run, each, vae, description, error in zip(runs, settings, vaes, descriptions, errors, strict=True):
            if error is None:
                write_results(each, vae, images, description, model=run.model, scores_path=run.scores_path)
        folder.clear()
    return errors


def _require_alike(settings: Sequence[Params], paths: Sequence[Path]) -> None:
    first = settings[0]
    for other, path in zip(settings[1:], paths[1:], strict=True):
        same_train = other.train.model_copy(update={"seed": first.train.seed}) == first.train
        if other.dataset != first.dataset or not same_train:
            raise ValueError(
                f"{path}: runs trained together may differ in train.seed and the objective's hyper-parameters only; "
                f"got dataset={other.dataset!r}, train={other.train!r} beside {first.dataset!r}, {first.train!r} of "
                f"{paths[0]}: train them apart"
            )
