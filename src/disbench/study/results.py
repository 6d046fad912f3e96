"""What the runs of a study left: one checked result file each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

Whole = Annotated[int, Field(ge=0, lt=2**63)]
Scalar = bool | int | float | str | None
GROUPS = ("training", "seconds", "versions")
"""What a run has to say besides its parameters; no name of a parameter starts like that."""
NAME = "result.json"


def _dotted(name: str) -> str:
    group, dot, _ = name.partition(".")
    if not dot or group in GROUPS:
        raise ValueError(f"expected the name of a parameter such as train.seed; got {name!r}")
    return name


def _fits_a_column(value: Scalar | list[Scalar]) -> Scalar | list[Scalar]:
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            raise ValueError(f"expected whole numbers of at most 64 bits; got {number}")
    return value


ParameterName = Annotated[str, AfterValidator(_dotted)]
ParameterValue = Annotated[Scalar | list[Scalar], AfterValidator(_fits_a_column)]


class RunResult(BaseModel):
    """The file that a run writes when it ends.

    `parameters` have flat dotted names (`train.seed`); `scores` are by representation, metric and score; `training`
    has what the finished model's loss consists of; `seconds` what its parts took. `metric_seeds` has the seeds that a
    study drew, by representation and metric.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    fingerprint: str
    study: str
    number: Whole
    status: Literal["finished", "failed"]
    parameters: dict[ParameterName, ParameterValue]
    scores: dict[str, dict[str, dict[str, float]]] = {}
    metric_seeds: dict[str, dict[str, Whole]] = {}
    training: dict[str, float] = {}
    seconds: dict[str, float] = {}
    versions: dict[str, str] = {}
    error: str | None = None


def paths(folder: Path) -> list[Path]:
    """Result files of a study's folder, in the order of their names; a run that has not ended has none.

    Raises
    ------
    ValueError
        If it is no folder of a study.
    """
    runs = folder / "runs"
    if not runs.is_dir():
        raise ValueError(f"{folder}: expected the folder of a study, with a folder `runs` in it; there is none")
    return sorted(path for path in (run / NAME for run in runs.iterdir()) if path.is_file())


def read_all(folder: Path) -> Iterator[RunResult]:
    """Yield the result of each run that has ended, finished or failed; ValueError names a file that is none."""
    for path in paths(folder):
        yield read(path)


def read(path: Path) -> RunResult:
    """Read and check one result file.

    Raises
    ------
    ValueError
        If it is damaged, or not the file of the run whose folder it lies in.
    """
    try:
        result = RunResult.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"{path}: not the result of a run: {where + ': ' if where else ''}{first['msg']}. If it is damaged, delete "
            f"{path.parent} and the run is made again"
        ) from None
    if result.fingerprint != path.parent.name:
        raise ValueError(
            f"{path}: expected the result of the run {path.parent.name!r}, whose folder it lies in; "
            f"got that of {result.fingerprint!r}; move it to the folder of its run, or delete it"
        )
    return result
