"""Train several runs of one objective in one process; each leaves what the train stage alone would leave."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from disbench import params
from disbench.params import Params
from disbench.stages._training import (
    describe,
    fingerprint,
    log_rows,
    make_model,
    open_training_set,
    options_of_loop,
    write_results,
)
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.devices import flushed_denormals
from disbench.training.finite import DivergedError
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
        If the runs differ in more, or the images are streamed.
    InterruptedTrainingError
        Training was asked to stop, and a checkpoint is written.
    """
    keep_freed_memory()
    settings = [params.read(run.params_path) for run in runs]
    _require_alike(settings, [run.params_path for run in runs])
    data = open_training_set(settings[0].train, store_path)
    vaes, objectives = zip(*(make_model(each, data) for each in settings), strict=True)
    descriptions = [describe(each, data) for each in settings]
    folder = CheckpointFolder(checkpoints / fingerprint({"together": descriptions}))
    with folder.locked():
        with ExitStack() as stack:
            errors = train_loop(
                vaes,
                objectives,
                data.images,
                seeds=[each.train.seed for each in settings],
                logs=[stack.enter_context(log_rows(run.log)) for run in runs],
                checkpoints=folder,
                **options_of_loop(settings[0].train),
            )
        for run, each, vae, description, error in zip(runs, settings, vaes, descriptions, errors, strict=True):
            if error is None:
                write_results(each, vae, data.images, description, model=run.model, scores_path=run.scores_path)
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
