"""The pages of several runs: a few with their explorers, or all of a study."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure

from disbench.report.comparison import Column, Row, columns_of, row_of
from disbench.report.latents import describe_latents, table_shares
from disbench.report.page import render
from disbench.report.run import Run
from disbench.report.single import explorer
from disbench.seeds import derive_rng

_COLOR = "#D55E00"
_FILTERS = ("dataset", "objective", "representation")


def comparison_page(runs: Mapping[str, Run]) -> str:
    """HTML page of several finished runs, by name: a table, a scatter plot, and their explorers side by side."""
    explorers = [{**_explorer(run), "name": name} for name, run in runs.items()]
    rows = [row_of(name, run) for name, run in runs.items()]
    return _page(f"{len(rows)} runs", "comparison", rows, explorers)


@dataclass(frozen=True)
class Drawing:
    """A figure of a study.

    Parameters
    ----------
    caption
        What it shows.
    png
        Content of the file.
    """

    caption: str
    png: bytes

    @property
    def uri(self) -> str:
        """The file as an address that holds it."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


def study_page(name: str, rows: Sequence[Row], drawings: Sequence[Drawing]) -> str:
    """HTML page of the runs of a study: figures, and a table and a scatter plot that filters narrow down."""
    return _page(name, "study", rows, [], drawings)


def _page(
    title: str,
    kind: str,
    rows: Sequence[Row],
    explorers: Sequence[Mapping[str, Any]],
    drawings: Sequence[Drawing] = (),
) -> str:
    columns = columns_of(rows)
    return render(
        "several.html",
        title=title,
        kind=kind,
        names=[row.name for row in rows],
        columns=columns,
        filters=[column for column in columns if column.name in _FILTERS and len(set(column.cells)) > 1],
        chosen=_first_choice(columns),
        scatter=_scatter(),
        explorers=explorers,
        drawings=drawings,
    )


def _explorer(run: Run) -> dict[str, Any]:
    shares = table_shares(run.table, derive_rng(run.settings.evaluate.seed, "information"))
    return explorer(run, describe_latents(run.table, shares))


def _first_choice(columns: Sequence[Column]) -> tuple[int, int]:
    """What the scatter plot shows first: a score over the first parameter that differs."""
    across = next((n for n, column in enumerate(columns) if len(set(column.cells)) > 1), 0)
    scores = [number for number, column in enumerate(columns) if column.best]
    return across, scores[0] if scores else len(columns) - 1


def _scatter() -> Any:
    """Scatter plot of one point, which the page replaces; of none Bokeh could not tell the ranges."""
    source = ColumnDataSource({"x": [0], "y": [0], "name": [""], "across": [""], "up": [""]})
    plot = figure(height=380, sizing_mode="stretch_width", toolbar_location=None, tools="")
    drawn = plot.scatter("x", "y", source=source, size=11, color=_COLOR, fill_alpha=0.7, line_color=None)
    tips = [("", "@name"), ("across", "@across"), ("up", "@up")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=tips))
    return json_item(plot)
