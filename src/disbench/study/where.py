"""Runs of a study that fulfil conditions: `dataset=cars3d objective=beta_vae seed<5`."""

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from disbench import catalogue
from disbench.study.runs import Run
from disbench.study.schema import Study

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"([\w.]+)(<=|>=|!=|=|<|>)(\S+)")

Condition = Callable[[dict[str, Any]], bool]


def select(study: Study, where: str) -> list[Run]:
    """Runs of a study that fulfil all conditions, in the order of their numbers.

    Parameters
    ----------
    where
        Conditions apart by spaces, each a name, one of `=`, `!=`, `<`, `<=`, `>`, `>=`, and a value; with `=`, several
        values apart by commas. Names are `number`, `dataset`, `objective`, `seed` and those of hyper-parameters; a
        run without the hyper-parameter is left out.

    Raises
    ------
    ValueError
        A condition is none, or no run of the study has the name.
    """
    runs = [study.run(number) for number in range(study.num_runs)]
    values = [_values(run) for run in runs]
    conditions = [_parse(word, values) for word in where.split()]
    return [run for run, own in zip(runs, values, strict=True) if all(condition(own) for condition in conditions)]


def _values(run: Run) -> dict[str, Any]:
    own = {"number": run.number, "dataset": run.dataset, "objective": run.train.objective, "seed": run.train.seed}
    return {**run.hyperparameters, **own}


def _parse(word: str, values: Iterable[dict[str, Any]]) -> Condition:
    match = _CONDITION.fullmatch(word)
    if match is None:
        raise ValueError(f"expected a condition such as dataset=cars3d or seed<5; got {word!r}")
    name, sign, text = match.groups()
    known = {key for own in values for key in own}
    if name not in known:
        raise ValueError(catalogue.no_such("name in a condition", name, sorted(known)))
    if sign == "=":
        return lambda own: name in own and any(_compare("=", own[name], part) for part in text.split(","))
    return lambda own: name in own and _compare(sign, own[name], text)


def _compare(sign: str, value: Any, text: str) -> bool:
    """Compare as numbers where the value is one, otherwise as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _COMPARISONS[sign](str(value), text)
    try:
        return _COMPARISONS[sign](value, float(text))
    except ValueError:
        raise ValueError(f"expected a number to compare {value!r} with; got {text!r}") from None
