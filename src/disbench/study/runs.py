"""A run of a study: one encoder, its parameters, and what identifies it."""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from disbench.params import DatasetParams, EvaluateParams, Params, PostprocessParams, TrainParams

# What does not change what a run computes, or says only how often it is looked at.
NOT_IDENTIFYING = ("train.device", "train.image_gigabytes", "train.log_every", "train.checkpoint_seconds")
_CODE = (
    "factors.py", "metrics", "models", "objectives", "observations.py", "scoring.py", "seeds.py",
    "stages/_training.py", "stages/postprocess.py", "stages/together.py", "stages/train.py", "table.py", "training",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One point of the grid of a study, all its parameters checked."""

    study: str
    number: int
    dataset: str
    hyperparameters: dict[str, Any]
    train: TrainParams
    postprocess: PostprocessParams
    representations: tuple[Literal["mean", "sampled"], ...]
    evaluation_seed: int
    metric_seeds: Literal["by_name", "drawn"]
    metrics: dict[str, dict[str, Any]]

    @property
    def params(self) -> Params:
        """The same as the stages read it from params.yaml."""
        return Params(
            dataset=DatasetParams(name=self.dataset),
            train=self.train,
            objectives={self.train.objective: self.hyperparameters},
            postprocess=self.postprocess,
            evaluate=EvaluateParams(seed=self.evaluation_seed, representation=self.representations[0]),
            metrics=self.metrics,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters by dotted name, as plain values or lists of them."""
        nested = {
            "dataset": {"name": self.dataset},
            "train": self.train.model_dump(),
            "objectives": {self.train.objective: self.hyperparameters},
            "postprocess": self.postprocess.model_dump(),
            "evaluate": {
                "seed": self.evaluation_seed,
                "metric_seeds": self.metric_seeds,
                "representations": self.representations,
            },
            "metrics": self.metrics,
        }
        return dict(_flatten(nested))

    def fingerprint(self, data_checksum: str) -> str:
        """What identifies the result: parameters, data and code; 32 hexadecimal digits."""
        identifying = {name: value for name, value in self.parameters.items() if name not in NOT_IDENTIFYING}
        content = {"parameters": identifying, "data": data_checksum, "code": code_checksum()}
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def metric_seed(self, representation: str, metric: str) -> int:
        """Seed from which a metric derives its generator.

        By name it is the same for every representation. Drawn, it is what the published study drew: RandomState of
        the evaluation seed, one number for each representation's own seed, then one for each metric, representation
        after representation.
        """
        if self.metric_seeds == "by_name":
            return self.evaluation_seed
        drawn = _drawn_seeds(self.evaluation_seed, len(self.representations) * (1 + len(self.metrics)))
        position = self.representations.index(representation) * len(self.metrics) + list(self.metrics).index(metric)
        return drawn[len(self.representations) + position]

    @property
    def drawn_seeds(self) -> dict[str, dict[str, int]]:
        """Seeds by representation and metric, if they are drawn; by name they follow from the evaluation seed."""
        if self.metric_seeds == "by_name":
            return {}
        return {
            representation: {metric: self.metric_seed(representation, metric) for metric in self.metrics}
            for representation in self.representations
        }

    def describe(self) -> dict[str, Any]:
        """The configuration, for people and for JSON."""
        return {
            "study": self.study,
            "model_num": self.number,
            "dataset": self.dataset,
            "objective": self.train.objective,
            "hyperparameters": self.hyperparameters,
            **self.train.model_dump(exclude={"objective"}),
            "num_observations": self.postprocess.num_observations,
            "representations": list(self.representations),
            "evaluation_seed": self.evaluation_seed,
            "metric_seeds": self.metric_seeds,
            "metrics": self.metrics,
        }


@cache
def code_checksum() -> str:
    """SHA-256 of the modules that decide what a run computes."""
    package = Path(__file__).parents[1]
    sources = sorted(
        path for part in _CODE for path in [package / part, *(package / part).rglob("*.py")] if path.is_file()
    )
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


@cache
def _drawn_seeds(seed: int, num: int) -> tuple[int, ...]:
    # NumPy froze this generator: the numbers are those of 2019
    random_state = np.random.RandomState(seed)
    return tuple(int(random_state.randint(2**32, dtype=np.int64)) for _ in range(num))


def _flatten(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            flat += _flatten(value, f"{prefix}{key}.")
        else:
            flat.append((prefix + key, list(value) if isinstance(value, tuple) else value))
    return flat
