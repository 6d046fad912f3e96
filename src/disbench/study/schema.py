"""The schema of a study file, and the arithmetic of its numbers."""

from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    ValidationError,
    create_model,
    model_validator,
)

from disbench import catalogue, params
from disbench.params import PostprocessParams, Section, Seed, TrainParams
from disbench.study.runs import Run

_PUBLISHED = Path(__file__).parent / "published"
_VARIED = ("objective", "seed")  # of the parameters of training, what the grid itself sets
_MOST_RUNS = 1_000_000  # the published studies have up to 12,600

Scalar = bool | int | float | str
Representation = Literal["mean", "sampled"]

# What `train` may say: all that params.yaml may, but for what the grid varies; a study states its number of steps.
TrainSettings: type[BaseModel] = create_model(
    "TrainSettings",
    __config__=ConfigDict(extra="forbid", frozen=True),
    **{name: (info.annotation, info) for name, info in TrainParams.model_fields.items() if name not in _VARIED},  # type: ignore[call-overload]
)


def _distinct(values: Any) -> Any:
    if isinstance(values, list) and len(set(map(repr, values))) < len(values):
        raise ValueError(f"expected each value once; got {values!r}")
    return values


Distinct = BeforeValidator(_distinct)


def _none_is_empty(blocks: Any) -> Any:
    return {name: {} if block is None else block for name, block in blocks.items()} if type(blocks) is dict else blocks


def _num_settings(block: dict[str, Any]) -> int:
    return prod(len(values) for values in block.values() if isinstance(values, list))


class Study(Section):
    """A grid of runs: data sets x settings of objectives x seeds, the seed fastest.

    Parameters
    ----------
    name
        Letters, digits, `_`, `-` and, but for the first, `.`.
    datasets
        Names of built-in data sets, or of stores of the user's own.
    objectives
        Hyper-parameters by objective. A list is varied, the last list fastest; a single value is fixed; what is left
        out has its default.
    seeds
        A list, or a number that stands for 0 up to it.
    train, postprocess
        As in params.yaml.
    representations
        What the metrics see.
    evaluation_seed
        The seed of what metrics draw.
    metric_seeds
        `by_name`: each metric derives its seed from `evaluation_seed` and its name, as in the pipeline. `drawn`: one
        NumPy RandomState draws them for one representation and metric after the other, as the published study did.
    metrics
        Options by metric.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[\w-][\w.-]*$")]
    description: str = ""
    datasets: Annotated[list[str], MinLen(1), Distinct]
    objectives: Annotated[
        dict[str, dict[str, Scalar | Annotated[list[Scalar], MinLen(1), Distinct]]],
        MinLen(1),
        BeforeValidator(_none_is_empty),
    ]
    seeds: PositiveInt | Annotated[list[Seed], MinLen(1), Distinct]
    train: TrainSettings = Field(default_factory=TrainSettings)
    postprocess: PostprocessParams = PostprocessParams()
    representations: Annotated[list[Representation], MinLen(1), Distinct] = Field(default=["mean"])
    evaluation_seed: Seed = 0
    metric_seeds: Literal["by_name", "drawn"] = "by_name"
    metrics: Annotated[dict[str, dict[str, Any]], MinLen(1), BeforeValidator(_none_is_empty)]

    @model_validator(mode="after")
    def _check_options(self) -> "Study":
        num_seeds = self.seeds if isinstance(self.seeds, int) else len(self.seeds)
        num_runs = sum(map(_num_settings, self.objectives.values())) * len(self.datasets) * num_seeds
        if num_runs > _MOST_RUNS:
            raise ValueError(f"expected at most {_MOST_RUNS:,} runs; got {num_runs:,}. Make several studies of it")
        mistakes = []
        for what in (lambda: self.settings, lambda: self.metric_options):
            try:
                what()
            except ValueError as error:
                mistakes.append(str(error))
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @cached_property
    def settings(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Objective and its checked hyper-parameters of each setting, in the order of their numbers."""
        found = []
        for name, block in self.objectives.items():
            function = catalogue.find("objectives", name)
            lists = [values if isinstance(values, list) else [values] for values in block.values()]
            for chosen in product(*lists):
                values = dict(zip(block, chosen, strict=True))
                found.append((name, catalogue.check_options(f"objectives.{name}", function, values)))
        return tuple(found)

    @cached_property
    def metric_options(self) -> dict[str, dict[str, Any]]:
        """Checked options of each metric, with defaults."""
        return {
            name: catalogue.check_options(f"metrics.{name}", catalogue.find("metrics", name), options)
            for name, options in self.metrics.items()
        }

    @cached_property
    def seed_values(self) -> tuple[int, ...]:
        """The seeds, in the order of their numbers."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else tuple(self.seeds)

    @property
    def num_runs(self) -> int:
        """Number of runs."""
        return len(self.datasets) * len(self.settings) * len(self.seed_values)

    def run(self, number: int) -> Run:
        """Run of a number in [0, num_runs); otherwise ValueError."""
        if not 0 <= number < self.num_runs:
            raise ValueError(f"{self.name} has the runs 0 to {self.num_runs - 1:,}; got {number!r}")
        rest, seed = divmod(number, len(self.seed_values))
        dataset, setting = divmod(rest, len(self.settings))
        objective, hyperparameters = self.settings[setting]
        return Run(
            study=self.name,
            number=number,
            dataset=self.datasets[dataset],
            hyperparameters=hyperparameters,
            train=TrainParams(objective=objective, seed=self.seed_values[seed], **self.train.model_dump()),
            postprocess=self.postprocess,
            representations=tuple(self.representations),
            evaluation_seed=self.evaluation_seed,
            metric_seeds=self.metric_seeds,
            metrics=self.metric_options,
        )


def published() -> tuple[str, ...]:
    """Names of the studies that are part of the package."""
    return tuple(sorted(path.stem for path in _PUBLISHED.glob("*.yaml")))


def load(name_or_file: str) -> Study:
    """Study of a published name, or of a file of one's own.

    Raises
    ------
    ValueError
        If nothing has this name, or the file has a mistake; one line a mistake.
    """
    own = name_or_file.endswith((".yaml", ".yml"))
    if not own and name_or_file not in published():
        message = catalogue.no_such("study", name_or_file, published())
        raise ValueError(f"{message}; a file of your own ends in .yaml")
    path = Path(name_or_file) if own else _PUBLISHED / f"{name_or_file}.yaml"
    try:
        return Study.model_validate(params.read_mapping(path))
    except ValidationError as error:
        raise ValueError(f"{path}: {catalogue.explain(error, '', Study)}") from None
