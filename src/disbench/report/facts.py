"""What was run: data, parameters, versions, commit and durations, as rows of text."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from disbench.progress import bytes_text
from disbench.report.run import Curve, Run

Facts = dict[str, dict[str, str]]

_PACKAGES = ("disbench", "torch", "numpy", "scikit-learn", "zarr")


def facts(run: Run) -> Facts:
    """Groups of facts, each by its label."""
    description, settings = run.description, run.settings
    metrics = {name: settings.metric(name)[1] for name in run.scores}
    return {
        "Training": {
            "objective": str(description["objective"]),
            **_texts(description["hyperparameters"]),
            **_texts(description["train"]),
            "precision": str(description["precision"]),
            "device": str(description["device"]),
            **_duration(run.curves.get("steps_per_second")),
        },
        "Data": {"name": str(description["dataset"]), **_data(run)},
        "Evaluation": {
            **_texts(settings.evaluate.model_dump()),
            **{f"{name}.{key}": str(value) for name, chosen in metrics.items() for key, value in chosen.items()},
        },
        "Versions": {
            "commit": run.commit,
            "training code": str(description["code"])[:12],
            **{f"{name}, trained with": str(value) for name, value in description["versions"].items()},
            **{f"{name}, reported with": version(name) for name in _PACKAGES},
        },
    }


def training_seconds(speed: Curve) -> float:
    """Seconds between the first and the last step, from the speed since the row before (steps/s)."""
    steps = (0, *speed.steps)
    pairs = zip(steps, steps[1:], speed.values, strict=False)
    return sum((after - before) / rate for before, after, rate in pairs if rate > 0)


def duration_text(seconds: float) -> str:
    """Duration in the two largest units that it has."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{seconds:.1f} s"


def _duration(speed: Curve | None) -> dict[str, str]:
    return {"duration": duration_text(training_seconds(speed))} if speed is not None and speed.steps else {}


def _data(run: Run) -> dict[str, str]:
    store, space = run.store, run.store.space
    kinds = {name: "nuisance, " if name in space.nuisance else "" for name in space.names}
    return {
        "images": f"{store.num_images:,} of {' x '.join(map(str, store.image_shape))}",
        "stored": bytes_text(store.num_images * store.image_bytes),
        **{
            f"factor {name}": f"{kinds[name]}{size} values" for name, size in zip(space.names, space.sizes, strict=True)
        },
        **{key: str(store.attributes[key]) for key in ("source", "licence", "citation") if store.attributes.get(key)},
        "checksum": store.checksum.removeprefix("sha256:")[:12],
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}
