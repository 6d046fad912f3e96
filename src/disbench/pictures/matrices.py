"""Heat maps of what relates latents to factors, and the KL divergence of each latent."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from disbench.pictures.style import COLOR_MAP, COLORS, new_figure, styled, write_figure
from disbench.pictures.subject import ACTIVE_NATS, Matrix, Subject

_MOST_WRITTEN = 400  # cells; with more, numbers would not be readable
_INACTIVE = "#BBBBBB"


def information(subject: Subject, folder: Path) -> list[Path]:
    """Draw the mutual information of factors and latents."""
    path = folder / "mutual_information.png"
    return [_relation(subject, path, subject.information, "Mutual information", "nats")]


def importance(subject: Subject, folder: Path) -> list[Path]:
    """Draw how important latents are for trees that predict the factors."""
    path = folder / "dci_importance.png"
    return [_relation(subject, path, subject.importance, "Importance for boosted trees (DCI)", "share of a factor")]


def accuracy(subject: Subject, folder: Path) -> list[Path]:
    """Draw how well single latents predict the factors."""
    path = folder / "sap_accuracy.png"
    return [_relation(subject, path, subject.accuracy, "Accuracy from one latent (SAP)", "test accuracy")]


@styled
def kl(subject: Subject, folder: Path) -> list[Path]:
    """Draw the KL divergence of each latent, in the colour of the factor that it tells most about."""
    order, names = subject.by_kl, subject.factor_names
    active = subject.kl >= ACTIVE_NATS
    colors = [COLORS[subject.matched[d] % len(COLORS)] if active[d] else _INACTIVE for d in order]
    figure = new_figure(max(5.0, 1.5 + 0.45 * len(order)), 3.4)
    axes = figure.subplots()
    bars = axes.bar(range(len(order)), subject.kl[order], color=colors)
    axes.bar_label(bars, [f"{subject.kl[d]:.2f}" for d in order], padding=2, fontsize=8)
    axes.set_xticks(range(len(order)), [f"z{d}" for d in order])
    axes.set_ylabel("nats")
    axes.set_title(f"KL divergence from the prior, {subject.kl.sum():.1f} nats in all")
    shown = [index for index in range(len(names)) if (active & (subject.matched == index)).any()]
    handles = [Patch(color=COLORS[index % len(COLORS)], label=names[index]) for index in shown]
    handles += [Patch(color=_INACTIVE, label="inactive")] if not active.all() else []
    figure.legend(handles=handles, title="tells most about", loc="outside right upper")
    return [write_figure(folder / "kl.png", figure)]


@styled
def _relation(subject: Subject, path: Path, matrix: Matrix, title: str, unit: str) -> Path:
    """Heat map of a matrix (num_latents, number of factors): factors down, latents across in the order of factors."""
    order = subject.by_factor
    rows, columns = subject.factor_names, [f"z{latent}" for latent in order]
    figure = new_figure(max(5.0, 2.4 + 0.55 * len(columns)), max(2.6, 1.3 + 0.42 * len(rows)))
    heat_map(figure.subplots(), matrix[order].T, rows, columns, title, unit)
    return write_figure(path, figure)


def heat_map(
    axes: Axes,
    matrix: Matrix,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    unit: str,
    *,
    low: float | None = 0.0,
    high: float | None = None,
    colors: str = COLOR_MAP,
    digits: int = 2,
) -> None:
    """Draw a matrix (len(rows), len(columns)) with its values; those that are not finite stay empty."""
    image = axes.imshow(np.ma.masked_invalid(matrix), cmap=colors, vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    axes.figure.colorbar(image, ax=axes, label=unit, pad=0.02)
    if matrix.size > _MOST_WRITTEN:
        return
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            red, green, blue, _ = image.to_rgba(np.array(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axes.text(
                column,
                row,
                f"{value:.{digits}f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
            )
