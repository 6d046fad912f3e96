"""Train: images in, encoder, decoder and loss curves out."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from dvclive.live import Live

from disbench import files, params, storage
from disbench.models import Vae, save_model
from disbench.objectives._objective import Objective
from disbench.params import Params
from disbench.progress import progress
from disbench.seeds import derive_seed
from disbench.storage import ImageStore
from disbench.training.assess import assess
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.devices import choose_device, choose_dtype, flushed_denormals
from disbench.training.images import Images
from disbench.training.interrupt import InterruptedTrainingError
from disbench.training.load import load_images, observed_shape, order_of
from disbench.training.loop import train as train_loop
from disbench.training.memory import keep_freed_memory
from disbench.training.state import Row

_NUM_ASSESSED = 10_000
_STATED_APART = {"objective", "checkpoint_seconds", "device", "precision", "image_gigabytes"}
_CODE = ("models", "objectives", "observations.py", "training", "seeds.py")


@flushed_denormals()
def train(*, params_path: Path, store_path: Path, checkpoints: Path, model: Path, log: Path, scores_path: Path) -> None:
    """Train as params.yaml says; go on from a checkpoint of the same run if one is there.

    A run is the same if its parameters, its data and the code that trains are the same.
    """
    keep_freed_memory()
    settings = params.read(params_path)
    setup = settings.train
    device = choose_device(setup.device)
    dtype = choose_dtype(setup.precision, device)
    store = storage.open_dataset(store_path)
    images = load_images(store, device=device, dtype=dtype, seed=setup.seed, num_bytes=setup.image_bytes)
    vae, objective = make_model(settings, store, device)
    run = describe(settings, store, images, device, dtype)
    folder = CheckpointFolder(checkpoints / fingerprint(run))
    with folder.locked():
        try:
            with progress(setup.num_steps, "train", "steps") as advance, log_rows(log, advance) as write_row:
                train_loop(
                    vae,
                    objective,
                    images,
                    num_steps=setup.num_steps,
                    batch_size=setup.batch_size,
                    learning_rate=setup.learning_rate,
                    reconstruction=setup.reconstruction,
                    activation=setup.activation,
                    subtract_entropy=setup.subtract_entropy,
                    adam_epsilon=setup.adam_epsilon,
                    seed=setup.seed,
                    log_every=setup.log_every,
                    log=write_row,
                    checkpoints=folder,
                    checkpoint_seconds=setup.checkpoint_seconds,
                )
        except InterruptedTrainingError as error:
            sys.exit(f"disbench: {error}")  # in words, for a Ctrl-C alone would only say that it came
        write_results(settings, vae, images, run, model=model, scores_path=scores_path)
        folder.clear()


def make_model(settings: Params, store: ImageStore, device: torch.device) -> tuple[Vae, Objective]:
    """What learns, with the initial weights of the seed."""
    setup = settings.train
    make_objective, options = settings.objective()
    vae = Vae(setup.architecture, observed_shape(store), setup.num_latents, _generator(setup.seed, "weights"))
    return vae.to(device), make_objective(**options)


def describe(
    settings: Params, store: ImageStore, images: Images, device: torch.device, dtype: torch.dtype
) -> dict[str, Any]:
    """All that decides what a run ends with, as JSON values."""
    return {
        "dataset": settings.dataset.name,
        "dataset_checksum": store.checksum,
        "objective": settings.train.objective,
        "hyperparameters": settings.objective()[1],
        "train": settings.train.model_dump(exclude=_STATED_APART),
        "images": order_of(images),
        "precision": str(dtype).removeprefix("torch."),
        "device": device.type,
        "code": _code_checksum(),
        "versions": {name: version(name) for name in ("numpy", "torch")},
    }


def fingerprint(run: dict[str, Any]) -> str:
    """Name of the folder with the checkpoints of a run, or of several."""
    return sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:32]


def write_results(
    settings: Params, vae: Vae, images: Images, run: dict[str, Any], *, model: Path, scores_path: Path
) -> None:
    """Assess a trained model on a fixed sample; write its scores, then the model."""
    setup = settings.train
    generator = torch.Generator(images.device).manual_seed(derive_seed(setup.seed, "assess"))
    scores = assess(
        vae,
        images,
        num=_NUM_ASSESSED,
        reconstruction=setup.reconstruction,
        activation=setup.activation,
        subtract_entropy=setup.subtract_entropy,
        generator=generator,
    )
    files.write_json(scores_path, scores)
    save_model(model, vae, run)


@contextmanager
def log_rows(folder: Path, advance: Callable[[int], None] = lambda num: None) -> Iterator[Callable[[Row], None]]:
    """Yield a function that writes a row of the log, as DVCLive does, and tells how many more steps are done."""
    live = Live(dir=str(folder), save_dvc_exp=False, dvcyaml=None, report=None)
    done = 0

    def write_row(row: Row) -> None:
        nonlocal done
        live.step = int(row["step"])
        for name, value in row.items():
            if name != "step":
                live.log_metric(name, value)
        advance(live.step - done)
        done = live.step

    yield write_row
    live.make_summary()  # type: ignore[no-untyped-call]


def _generator(seed: int, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, name))


def _code_checksum() -> str:
    """SHA-256 of the modules that decide what training computes: a checkpoint of other code is another run's."""
    package = Path(__file__).parents[1]
    sources = sorted(
        path for part in _CODE for path in [package / part, *(package / part).rglob("*.py")] if path.is_file()
    )
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
