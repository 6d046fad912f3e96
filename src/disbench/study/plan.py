"""What a study takes: runs, hours from steps that are measured here and now, bytes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from disbench import catalogue
from disbench.study import results
from disbench.study.runs import Run
from disbench.study.tasks import store_of

_NUM_UNCOUNTED, _NUM_STEPS, _NUM_ENCODED = 3, 20, 1024
_AS_STORED = ("plain", "unclipped")  # observation processes of built-in sets that paint no colours
_BYTES_OF_A_NUMBER = 4

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """Runs of one data set and objective.

    Parameters
    ----------
    dataset, objective, num_runs
        Which runs.
    step_seconds
        Of one update, measured.
    train_hours, encode_hours
        Of all the runs one after the other on this machine.
    encoder_bytes, table_bytes
        Of weights of encoders and decoders, and of posteriors of all images if they are kept.
    """

    dataset: str
    objective: str
    num_runs: int
    step_seconds: float
    train_hours: float
    encode_hours: float
    encoder_bytes: int
    table_bytes: int


def plan(runs: Sequence[Run], data: str) -> list[Part]:
    """Measure a few updates of each objective on images of each shape, random ones, and multiply.

    Parameters
    ----------
    runs
        Of a study, in the order of their numbers.
    data
        Folder of the stores; asked only about data sets that are not built in.
    """
    measured: dict[tuple[Shape, str], tuple[float, float, int]] = {}
    parts = []
    for (dataset, objective), group in groupby(runs, key=lambda run: (run.dataset, run.train.objective)):
        own = list(group)
        shape, num_states = _images_of(dataset, data)
        num_states *= own[0].postprocess.num_observations
        if (shape, objective) not in measured:
            measured[shape, objective] = _measure(own[0], shape)
        step, encode, num_weights = measured[shape, objective]
        parts.append(
            Part(
                dataset,
                objective,
                len(own),
                step,
                sum(step * _num_updates(run) for run in own) / 3600,
                encode * num_states * len(own) / 3600,
                _BYTES_OF_A_NUMBER * num_weights * len(own),
                _BYTES_OF_A_NUMBER * 2 * own[0].train.num_latents * num_states * len(own),
            )
        )
    return parts


def scoring_hours(num_runs: int, out: Path) -> float | None:
    """Hours of scoring of so many runs, as long as those in the folder `out` took; None if none has finished."""
    if not (out / "runs").is_dir():
        return None
    seconds = [found.seconds["evaluate"] for found in results.read_all(out) if "evaluate" in found.seconds]
    return num_runs * mean(seconds) / 3600 if seconds else None


def _images_of(dataset: str, data: str) -> tuple[Shape, int]:
    """Shape of what a model sees, and number of states."""
    if dataset in catalogue.names("datasets"):
        found = catalogue.find("datasets", dataset)
        height, width, channels = found.image_shape
        return (height, width, channels if found.observation in _AS_STORED else 3), found.space.num_states
    from disbench import storage
    from disbench.training.load import observed_shape

    store = storage.open_dataset(storage.local_copy(store_of(data, dataset)))
    return observed_shape(store), store.space.num_states


def _num_updates(run: Run) -> int:
    objective = _objective(run)
    adversarial = hasattr(objective, "num_updates")
    return int(objective.num_updates(run.train.num_steps)) if adversarial else run.train.num_steps


def _objective(run: Run) -> Any:
    make, options = run.params.objective()
    return make(**options)


def _measure(run: Run, shape: Shape) -> tuple[float, float, int]:
    """Seconds of an update and of encoding an image, and the number of weights."""
    import torch

    from disbench.models import Vae
    from disbench.training.devices import choose_device, choose_dtype, flushed_denormals
    from disbench.training.encode import encode_all
    from disbench.training.images import ResidentImages
    from disbench.training.loop import train

    setup = run.train
    device = choose_device(setup.device)
    stored = np.random.default_rng(0).integers(256, size=(_NUM_ENCODED, *shape), dtype=np.uint8)
    images = ResidentImages(stored, binary=False, device=device, dtype=choose_dtype(setup.precision, device))
    vae = Vae(setup.architecture, shape, setup.num_latents, torch.Generator().manual_seed(0)).to(device)
    times: list[float] = []
    doubled = setup.num_steps // max(1, _num_updates(run))
    with flushed_denormals():
        train(
            vae,
            _objective(run),
            images,
            num_steps=(_NUM_UNCOUNTED + _NUM_STEPS) * max(1, doubled),
            batch_size=setup.batch_size,
            reconstruction=setup.reconstruction,
            activation=setup.activation,
            log_every=1,
            log=lambda row: times.append(time.monotonic()),
        )
        began = time.monotonic()
        encode_all(vae.encoder, images)
    step = float(np.median(np.diff(times[_NUM_UNCOUNTED:])))
    num_weights = sum(weight.numel() for weight in vae.parameters())
    return step, (time.monotonic() - began) / _NUM_ENCODED, num_weights
