"""Figures of a study: how scores spread, how they agree, and what they depend on."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from disbench.pictures.matrices import heat_map
from disbench.pictures.study_frame import StudyFrame, study_frame
from disbench.pictures.style import COLORS, new_figure, styled, write_figure
from disbench.pictures.subject import Matrix
from disbench.seeds import derive_rng
from disbench.study.columns import value_text

if TYPE_CHECKING:
    import pandas as pd

_DIVERGING = "cividis"  # even in lightness from -1 to 1
_NUM_COLUMNS = 3
_LEAST_FOR_VIOLIN = 10  # runs; of fewer, the points say everything
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_study(results: "pd.DataFrame", out: Path, *, representation: str = "mean") -> list[Path]:
    """Draw the figures of a study into a folder, and return the files; the same results give the same bytes.

    Parameters
    ----------
    results
        As `disbench.load_results` returns it: a row for each run, representation and score.
    out
        Made if it is not there.
    representation
        Whose scores, `mean` or `sampled`.

    Raises
    ------
    ValueError
        If no run has scores of the representation.
    """
    frame = study_frame(results, representation)
    paths = [distributions(frame, score, out) for score in frame.supervised]
    paths.append(rank_correlations(frame, out))
    if any(frame.hyperparameters.values()):
        paths += [against_hyperparameters(frame, score, out) for score in frame.supervised]
    return paths + [against_unsupervised(frame, dataset, out) for dataset in frame.datasets if frame.unsupervised]


@styled
def distributions(frame: StudyFrame, score: str, out: Path) -> Path:
    """Draw a score of all runs: a panel for each data set, a violin with its points for each objective."""
    figure, panels = _grid(len(frame.datasets), width=max(3.2, 0.9 + 0.55 * len(frame.objectives)), height=3.2)
    rng = derive_rng(0, score)
    for axes, dataset in zip(panels, frame.datasets, strict=True):
        runs = frame.runs[frame.runs["dataset"] == dataset]
        for place, objective in enumerate(frame.objectives):
            values = runs.loc[runs["objective"] == objective, score].dropna().to_numpy(float)
            _violin(axes, place, values, rng.uniform(-0.12, 0.12, len(values)))
        axes.set_xticks(range(len(frame.objectives)), frame.objectives, rotation=35, ha="right", rotation_mode="anchor")
        axes.set_title(dataset)
        axes.set_ylabel(_wrapped(score))
    return write_figure(out / f"distribution_{_file_name(score)}.png", figure)


@styled
def rank_correlations(frame: StudyFrame, out: Path) -> Path:
    """Draw Spearman's rank correlation of each pair of scores over the runs of a data set, in percent."""
    names, titles = frame.supervised, [_wrapped(name) for name in frame.supervised]
    side = 1.6 + 0.5 * len(names)
    figure, panels = _grid(len(frame.datasets), width=side + 0.6, height=side, num_columns=2)
    for axes, dataset in zip(panels, frame.datasets, strict=True):
        runs = frame.runs[frame.runs["dataset"] == dataset]
        matrix = runs[list(names)].corr(method="spearman").to_numpy()
        heat_map(
            axes,
            100 * matrix,
            titles,
            titles,
            dataset,
            "rank correlation, %",
            low=-100,
            high=100,
            colors=_DIVERGING,
            digits=0,
        )
        axes.set_xticks(range(len(names)), titles, rotation=90)
    return write_figure(out / "rank_correlation.png", figure)


@styled
def against_hyperparameters(frame: StudyFrame, score: str, out: Path) -> Path:
    """Draw a score against each hyper-parameter that varies: points are runs, lines the medians of a data set."""
    pairs = [(objective, name) for objective, names in sorted(frame.hyperparameters.items()) for name in names]
    figure, panels = _grid(len(pairs), width=3.4, height=2.7)
    for axes, (objective, name) in zip(panels, pairs, strict=True):
        runs = frame.runs[frame.runs["objective"] == objective].dropna(subset=[name, score])
        values = sorted(set(runs[name]))
        for index, dataset in enumerate(frame.datasets):
            own = runs[runs["dataset"] == dataset]
            places = np.array([values.index(value) for value in own[name]], float)
            color, marker = _look(index)
            shift = 0.3 * (index - (len(frame.datasets) - 1) / 2) / len(frame.datasets)
            axes.plot(places + shift, own[score], marker, color=color, markersize=3, alpha=0.45)
            medians = own.groupby(name)[score].median()
            axes.plot([values.index(value) for value in medians.index], medians, "-", color=color)
        axes.set_xticks(range(len(values)), [value_text(value) for value in values])
        axes.set_xlabel(name.rpartition(".")[2])
        axes.set_ylabel(_wrapped(score))
        axes.set_title(objective)
    _legend(figure, frame.datasets)
    return write_figure(out / f"hyperparameters_{_file_name(score)}.png", figure)


@styled
def against_unsupervised(frame: StudyFrame, dataset: str, out: Path) -> Path:
    """Draw scores that need factors against those that do not, with their rank correlation; a point is a run."""
    runs = frame.runs[frame.runs["dataset"] == dataset]
    shape = len(frame.supervised), len(frame.unsupervised)
    figure = new_figure(1.0 + 1.7 * shape[1], 1.0 + 1.5 * shape[0])
    panels = figure.subplots(*shape, squeeze=False, sharex="col", sharey="row")
    for (row, column), axes in np.ndenumerate(panels):
        pair = [frame.unsupervised[column], frame.supervised[row]]
        for index, objective in enumerate(frame.objectives):
            color, marker = _look(index)
            own = runs[runs["objective"] == objective]
            axes.plot(own[pair[0]], own[pair[1]], marker, color=color, markersize=3, alpha=0.7)
        axes.set_title(f"{100 * runs[pair].corr(method='spearman').iat[0, 1]:.0f} %", fontsize=9)
        axes.tick_params(labelsize=7)
        axes.locator_params(axis="x", nbins=2)
        axes.locator_params(axis="y", nbins=3)
        if row == shape[0] - 1:
            axes.set_xlabel(_wrapped(pair[0]))
        if column == 0:
            axes.set_ylabel(_wrapped(pair[1]))
    figure.suptitle(f"{dataset}, with the rank correlation over all runs above each panel", x=0.02, ha="left")
    _legend(figure, frame.objectives)
    return write_figure(out / f"unsupervised_{_file_name(dataset)}.png", figure)


def _violin(axes: Axes, place: int, values: Matrix, shifts: Matrix) -> None:
    color, _ = _look(place)
    if len(values) >= _LEAST_FOR_VIOLIN and np.ptp(values) > 0:
        axes.violinplot([values], [place], widths=0.8, showextrema=False, facecolor=(color, 0.3))
    axes.plot(place + shifts, values, ".", color=color, markersize=4, alpha=0.7)
    if len(values):
        axes.hlines(np.median(values), place - 0.25, place + 0.25, color="black", linewidth=1.5)


def _grid(num: int, width: float, height: float, num_columns: int = _NUM_COLUMNS) -> tuple[Figure, list[Axes]]:
    """A figure with as many panels; width and height, in inches, are those of a panel."""
    across = min(num, num_columns)
    down = -(-num // across)
    figure = new_figure(width * across, height * down + 0.4)
    panels = list(figure.subplots(down, across, squeeze=False).ravel())
    for axes in panels[num:]:
        axes.set_axis_off()
    return figure, panels[:num]


def _legend(figure: Figure, names: Sequence[str]) -> None:
    looks = [_look(index) for index in range(len(names))]
    handles = [
        Line2D([], [], color=c, marker=m, linestyle="", label=name) for name, (c, m) in zip(names, looks, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(names), 4))


def _look(index: int) -> tuple[str, str]:
    """Colour and marker of the n-th of a kind."""
    return COLORS[index % len(COLORS)], _MARKERS[index % len(_MARKERS)]


def _wrapped(name: str) -> str:
    """A long name in several lines."""
    return "\n".join(textwrap.wrap(name.replace("_", " "), 15))


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", name)
