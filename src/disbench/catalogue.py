"""A checked name becomes an object: `mig` is disbench.metrics.mig, `my_lab.metrics:tightness` is a user's own."""

import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

_MOST_SHOWN = 200  # characters of a wrong value

Kind = Literal["datasets", "objectives", "metrics"]


def names(kind: Kind) -> tuple[str, ...]:
    """Names of everything built in of one kind: the public modules of its package."""
    package = import_module(f"disbench.{kind}")
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_"))


def find(kind: Kind, name: str) -> Any:
    """Object of a name: a built-in one, or `module:attribute` from outside the package.

    Raises
    ------
    ValueError
        If nothing has this name; the message lists near misses and what is available.
    """
    if ":" in name:
        return _find_own(kind, name)
    check_name(kind, name)
    module = import_module(f"disbench.{kind}.{name}")
    if kind == "datasets":
        return module.dataset
    spelt = name.replace("_", "")
    return next(value for key, value in vars(module).items() if key.replace("_", "").lower() == spelt)


def check_name(kind: Kind, name: str) -> None:
    """Raise ValueError unless something built in has this name, without importing it."""
    if name not in names(kind):
        raise ValueError(no_such(f"{kind.removesuffix('s').replace('dataset', 'data set')}", name, names(kind)))


def no_such(what: str, name: str, available: Iterable[str]) -> str:
    """Sentence for a name that nothing has: the near miss, then all there is."""
    available = tuple(available)
    near = get_close_matches(name, available, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"no {what} called {name!r}.{hint} Available: {', '.join(available) or 'none'}"


def less_is_better(metric: str, score: str) -> bool:
    """Whether a small value is the better one: of unfairness, dependence among latents, and losses of accuracy."""
    return metric in ("fairness", "unsupervised") or score.endswith("generalization_gap")


@cache  # making a schema takes milliseconds, and a study checks as many blocks as it has settings
def options(function: Callable[..., Any]) -> type[BaseModel]:
    """Schema of what may be set: the keyword-only arguments with their annotations and defaults."""
    hints = get_type_hints(function.__init__ if inspect.isclass(function) else function, include_extras=True)
    fields: dict[str, Any] = {
        parameter.name: (hints[parameter.name], ... if parameter.default is parameter.empty else parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid", validate_default=True), **fields)


def check_options(name: str, function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of one metric or objective, checked and with defaults filled in.

    Raises
    ------
    ValueError
        If a name is unknown or a value is not allowed; the message says what was expected and what came.
    """
    schema = options(function)
    try:
        checked = schema.model_validate(dict(values))
    except ValidationError as error:
        raise ValueError(explain(error, name, schema)) from None
    return {field: getattr(checked, field) for field in schema.model_fields}


def explain(error: ValidationError, where: str, schema: type[BaseModel]) -> str:
    """What a validation error says, one line a mistake, with near misses for unknown names."""
    return "\n".join(_explain_one(dict(mistake), where, schema) for mistake in error.errors())


def _explain_one(mistake: dict[str, Any], where: str, schema: type[BaseModel]) -> str:
    path = [str(part) for part in mistake["loc"]]
    place = ".".join([where, *path] if where else path)
    if mistake["type"] == "extra_forbidden":
        parent = _descend(schema, path[:-1])
        return f"{place}: {no_such('parameter', path[-1], parent.model_fields)}"
    if mistake["type"] == "value_error":
        return f"{place}: {mistake['ctx']['error']}" if place else str(mistake["ctx"]["error"])
    return f"{place}: {mistake['msg']}; got {_shortened(mistake['input'])}"


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _descend(schema: type[BaseModel], path: list[str]) -> type[BaseModel]:
    for part in path:
        annotation = schema.model_fields[part].annotation
        if not (inspect.isclass(annotation) and issubclass(annotation, BaseModel)):
            break
        schema = annotation
    return schema


def _find_own(kind: Kind, name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{kind}: no module called {error.name!r} for {name!r}; put it beside params.yaml or on PYTHONPATH"
        ) from error
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise ValueError(f"{kind}: in {module_name}, {no_such('attribute', attribute, public)}")
    return getattr(module, attribute)
