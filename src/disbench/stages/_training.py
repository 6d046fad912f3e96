"""What training one run and training several have in common: what they read, what they state, what they write."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from dvclive.live import Live

from disbench import files, storage
from disbench.models import Vae, save_model
from disbench.objectives._objective import Objective
from disbench.params import Params, TrainParams
from disbench.seeds import derive_seed
from disbench.storage import ImageStore
from disbench.training.assess import assess
from disbench.training.devices import choose_device, choose_dtype
from disbench.training.images import Images
from disbench.training.load import load_images, observed_shape, order_of
from disbench.training.state import Row

_NUM_ASSESSED = 10_000
_STATED_APART = {"objective", "checkpoint_seconds", "device", "precision", "image_gigabytes"}
_OF_THE_LOOP = {
    "num_steps", "batch_size", "learning_rate", "reconstruction", "activation", "subtract_entropy", "adam_epsilon",
    "log_every", "checkpoint_seconds",
}  # fmt: skip
_OF_THE_LOSS = {"reconstruction", "activation", "subtract_entropy"}
_CODE = ("models", "objectives", "observations.py", "training", "seeds.py")


@dataclass(frozen=True)
class TrainingSet:
    """A store whose images are ready to be drawn, where training runs."""

    store: ImageStore
    images: Images
    device: torch.device
    dtype: torch.dtype


def open_training_set(setup: TrainParams, store_path: Path) -> TrainingSet:
    """Load the images of a store as the parameters say."""
    device = choose_device(setup.device)
    dtype = choose_dtype(setup.precision, device)
    store = storage.open_dataset(store_path)
    images = load_images(store, device=device, dtype=dtype, seed=setup.seed, num_bytes=setup.image_bytes)
    return TrainingSet(store, images, device, dtype)


def make_model(settings: Params, data: TrainingSet) -> tuple[Vae, Objective]:
    """What learns, with the initial weights of the seed."""
    setup = settings.train
    make_objective, options = settings.objective()
    generator = torch.Generator().manual_seed(derive_seed(setup.seed, "weights"))
    vae = Vae(setup.architecture, observed_shape(data.store), setup.num_latents, generator)
    return vae.to(data.device), make_objective(**options)


def options_of_loop(setup: TrainParams) -> dict[str, Any]:
    """Parameters that the training loops take under the same names."""
    return setup.model_dump(include=_OF_THE_LOOP)


def describe(settings: Params, data: TrainingSet) -> dict[str, Any]:
    """All that decides what a run ends with, as JSON values."""
    return {
        "dataset": settings.dataset.name,
        "dataset_checksum": data.store.checksum,
        "objective": settings.train.objective,
        "hyperparameters": settings.objective()[1],
        "train": settings.train.model_dump(exclude=_STATED_APART),
        "images": order_of(data.images),
        "precision": str(data.dtype).removeprefix("torch."),
        "device": data.device.type,
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
    generator = torch.Generator(images.device).manual_seed(derive_seed(settings.train.seed, "assess"))
    options = settings.train.model_dump(include=_OF_THE_LOSS)
    files.write_json(scores_path, assess(vae, images, num=_NUM_ASSESSED, generator=generator, **options))
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


def _code_checksum() -> str:
    """SHA-256 of the modules that decide what training computes: a checkpoint of other code is another run's."""
    package = Path(__file__).parents[1]
    sources = sorted(
        path for part in _CODE for path in [package / part, *(package / part).rglob("*.py")] if path.is_file()
    )
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
