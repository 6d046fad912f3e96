"""The schema of params.yaml, and the only place that reads YAML."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from disbench import catalogue, files

_MOST_NODES, _MOST_LEVELS = 100_000, 50  # of a YAML file; the published studies have 60 and 5


Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What tables and files keep as a whole number."""


class Section(BaseModel):
    """A part of a file of parameters: no key that it does not know, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetParams(Section):
    """Which data set a run learns from."""

    name: str


class TrainParams(Section):
    """How an encoder is trained; the defaults are the published study's."""

    objective: str
    seed: Seed = 0
    num_steps: NonNegativeInt = 300_000
    batch_size: PositiveInt = 64
    num_latents: PositiveInt = 10
    architecture: Literal["conv", "fc"] = "conv"
    reconstruction: Literal["bernoulli", "squared_error"] = "bernoulli"
    activation: Literal["logits", "tanh"] = "logits"
    subtract_entropy: bool = False
    learning_rate: PositiveFloat = 1e-4
    adam_epsilon: Literal["hat", "standard"] = "hat"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    image_gigabytes: PositiveFloat | None = None  # memory for the images; by default half of what is free
    log_every: PositiveInt = 100
    checkpoint_seconds: PositiveFloat = 60.0

    @model_validator(mode="after")
    def _only_bernoulli_has_entropy(self) -> Self:
        if self.subtract_entropy and self.reconstruction != "bernoulli":
            raise ValueError(
                f"subtract_entropy expects reconstruction bernoulli; a {self.reconstruction} is 0 for a perfect image "
                "anyway. Set subtract_entropy to false"
            )
        return self

    @property
    def image_bytes(self) -> int | None:
        """Memory for the images, in bytes."""
        return None if self.image_gigabytes is None else int(1e9 * self.image_gigabytes)


class PostprocessParams(Section):
    """What is encoded; where observations are random, the codes of that many draws of each state."""

    num_observations: PositiveInt = 1


class EvaluateParams(Section):
    """What the metrics see, and the seed from which each derives its own."""

    seed: Seed = 0
    representation: Literal["mean", "sampled"] = "mean"


class Params(Section):
    """Everything that params.yaml may say; options of objectives and metrics are checked against their signatures."""

    dataset: DatasetParams
    train: TrainParams
    objectives: dict[str, dict[str, Any]]
    postprocess: PostprocessParams = PostprocessParams()
    evaluate: EvaluateParams
    metrics: dict[str, dict[str, Any]]

    def objective(self) -> tuple[Callable[..., Any], dict[str, Any]]:
        """Class of the chosen objective and its checked options."""
        return _checked("objectives", self.objectives, self.train.objective)

    def metric(self, name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
        """Function of one metric and its checked options."""
        return _checked("metrics", self.metrics, name)


def read(path: Path) -> Params:
    """Read and check params.yaml; options of objectives and metrics are checked when one is asked for.

    Raises
    ------
    ValueError
        If the file is not YAML, or a name or a value is wrong; one line a mistake.
    """
    try:
        return Params.model_validate(read_mapping(path))
    except ValidationError as error:
        raise ValueError(f"{path}: {catalogue.explain(error, '', Params)}") from None


def write(path: Path, params: Params) -> None:
    """Write parameters as `read` takes them, whole or not at all."""
    content = yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False)
    files.write_bytes(path, content.encode())


def check(path: Path, metrics: Sequence[str], store: Path | None = None) -> None:
    """Check everything that params.yaml names, used or not, and the metrics that the pipeline evaluates.

    Parameters
    ----------
    path
        params.yaml.
    metrics
        Names of the metrics.
    store
        Where the pipeline expects the data set; with a store there, its name may be one of the user's own.

    Raises
    ------
    ValueError
        With one line a mistake; nothing has run by then.
    """
    mistakes = _mistakes(read(path), metrics, store)
    if mistakes:
        raise ValueError(f"{path}: " + "\n".join(mistakes))


def _mistakes(params: Params, metrics: Sequence[str], store: Path | None) -> list[str]:
    checks: list[Callable[[], object]] = [partial(_find_dataset, params.dataset.name, store)]
    checks += [partial(_checked, "objectives", params.objectives, name) for name in _flat(params.objectives)]
    named = {**_flat(params.metrics), **dict.fromkeys(metrics)}
    checks += [partial(_checked, "metrics", params.metrics, name) for name in named]
    checks += [params.objective]
    return list(dict.fromkeys(message for run in checks if (message := _mistake(run))))


def _find_dataset(name: str, store: Path | None) -> None:
    if store is not None and store.is_dir():
        return
    try:
        catalogue.find("datasets", name)
    except ValueError as error:
        remedy = f"\nIf it is your own, convert it first: there is no store at {store}" if store is not None else ""
        raise ValueError(f"{error}{remedy}") from error


def _mistake(run: Callable[[], object]) -> str | None:
    try:
        run()
    except ValueError as error:
        return str(error)
    return None


def _checked(kind: catalogue.Kind, blocks: Mapping[str, Any], name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    function = catalogue.find(kind, name)
    return function, catalogue.check_options(f"{kind}.{name}", function, _flat(blocks).get(name) or {})


def _flat(blocks: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Options by full name: DVC addresses parameters by dots, so `my_lab.metrics:mine` is a block in a block."""
    found: dict[str, Any] = {}
    for key, value in blocks.items():
        inner = value if isinstance(value, Mapping) else {}
        if any(":" in name for name in _all_keys(inner)):
            found |= _flat(inner, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _all_keys(block: Mapping[str, Any]) -> Iterator[str]:
    for key, value in block.items():
        yield str(key)
        if isinstance(value, Mapping):
            yield from _all_keys(value)


def read_mapping(path: Path) -> dict[str, Any]:
    """Content of a YAML file that is a mapping; ValueError if it is not. No tag makes an object of Python."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except OSError:
        raise
    except Exception as error:  # of a tag that does not fit its value, PyYAML raises KeyError, AttributeError and more
        raise ValueError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping of sections; got {type(content).__name__}")
    return content


class _Loader(yaml.SafeLoader):
    """Loads what needs no more time and memory than a file of parameters may."""

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._level += 1
        if self._level > _MOST_LEVELS:
            raise ValueError(f"expected at most {_MOST_LEVELS} levels")
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def construct_document(self, node: yaml.Node) -> Any:
        if _num_nodes(node, {}) > _MOST_NODES:
            raise ValueError(f"expected at most {_MOST_NODES:,} values, an alias counted as all that it stands for")
        return super().construct_document(node)


def _num_nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """Values that a node stands for: a few lines of aliases of aliases can stand for more than any memory holds."""
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1  # for whoever contains itself
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in pairs for part in pair]
        known[id(node)] = 1 + sum(_num_nodes(part, known) for part in parts)
    return known[id(node)]
