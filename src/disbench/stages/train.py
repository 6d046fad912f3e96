"""Train: images in, encoder, decoder and loss curves out."""

from pathlib import Path

from disbench import params
from disbench.progress import progress
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
from disbench.training.loop import train as train_loop
from disbench.training.memory import keep_freed_memory


@flushed_denormals()
def train(*, params_path: Path, store_path: Path, checkpoints: Path, model: Path, log: Path, scores_path: Path) -> None:
    """Train as params.yaml says; go on from a checkpoint of the same run if one is there.

    A run is the same if its parameters, its data and the code that trains are the same.

    Raises
    ------
    DivergedError
        A loss or a weight is not finite; there is no model.
    InterruptedTrainingError
        Training was asked to stop, and a checkpoint is written.
    """
    keep_freed_memory()
    settings = params.read(params_path)
    setup = settings.train
    data = open_training_set(setup, store_path)
    vae, objective = make_model(settings, data)
    run = describe(settings, data)
    folder = CheckpointFolder(checkpoints / fingerprint(run))
    with folder.locked():
        with progress(setup.num_steps, "train", "steps") as advance, log_rows(log, advance) as write_row:
            train_loop(
                vae,
                objective,
                data.images,
                seed=setup.seed,
                log=write_row,
                checkpoints=folder,
                **options_of_loop(setup),
            )
        write_results(settings, vae, data.images, run, model=model, scores_path=scores_path)
        folder.clear()
