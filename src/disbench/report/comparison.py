"""Runs beside each other: what differs in their parameters, and what they scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from disbench.catalogue import less_is_better
from disbench.report.meanings import meanings
from disbench.report.run import Run, Scores

Cell = float | str | None

_ALWAYS = ("dataset", "objective", "seed")
_TRAINING = ("reconstruction", "kl", "elbo")
# of all other scores more is better; the KL divergence is neither
_NEITHER = {"kl"}


@dataclass(frozen=True)
class Row:
    """One run: its name, its parameters, and its scores by full name."""

    name: str
    parameters: Mapping[str, Cell]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Parameters
    ----------
    name
        Of the parameter or the score.
    cells
        One for each run; None where a run has none.
    best
        Numbers of the runs with the best score; none for a parameter.
    """

    name: str
    cells: tuple[Cell, ...]
    best: frozenset[int] = field(default_factory=frozenset)

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return all(isinstance(cell, int | float) or cell is None for cell in self.cells)


def row_of(name: str, run: Run) -> Row:
    """Row of a finished run."""
    description = run.description
    parameters = {
        "dataset": description["dataset"],
        "objective": description["objective"],
        **description["hyperparameters"],
        **description["train"],
        "representation": run.settings.evaluate.representation,
    }
    scores = {key: run.training[key] for key in _TRAINING if key in run.training}
    return Row(name, {key: as_cell(value) for key, value in parameters.items()}, explained(run.scores) | scores)


def explained(scores: Scores) -> dict[str, float]:
    """Scores that the report explains, by metric and key."""
    return {
        f"{metric}: {key}": values[key] for metric, values in scores.items() for key in meanings(metric, list(values))
    }


def as_cell(value: Any) -> Cell:
    """Numbers as they are, everything else as text."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Parameters that differ between the runs, and some that always matter; then the scores."""
    parameters = {key: tuple(row.parameters.get(key) for row in rows) for row in rows for key in row.parameters}
    shown = [Column(key, cells) for key, cells in parameters.items() if key in _ALWAYS or len(set(cells)) > 1]
    scores = {key: tuple(row.scores.get(key) for row in rows) for row in rows for key in row.scores}
    return shown + [Column(key, cells, _best(key, cells)) for key, cells in scores.items()]


def _best(name: str, cells: Sequence[float | None]) -> frozenset[int]:
    values = [cell for cell in cells if cell is not None]
    if name in _NEITHER or len(values) < 2:
        return frozenset()
    metric, _, score = name.partition(": ")
    best = min(values) if name == "reconstruction" or less_is_better(metric, score) else max(values)
    return frozenset(number for number, cell in enumerate(cells) if cell == best)
