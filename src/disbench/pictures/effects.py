"""Interventional effects: how a latent follows one factor, and how little all others move it."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from disbench.metrics._information import discretize
from disbench.metrics.irs import robustness
from disbench.pictures.style import COLORS, new_figure, styled, write_figure
from disbench.pictures.subject import Subject

_NUM_BINS, _QUANTILE = 20, 0.99  # those of the metric
_NUM_SHOWN = 500  # points
_NUM_COLUMNS = 3


@styled
def effects(subject: Subject, folder: Path) -> list[Path]:
    """Draw each latent against the factor that it is most robust for.

    The line is the latent's mean at each value of the factor; the band reaches as far from it as 99% of the points, and
    what is left of the whole range is the robustness that IRS averages.
    """
    codes, factors = subject.points.train_codes, subject.points.train_factors
    active = np.flatnonzero(np.ptp(codes, axis=0) > 0)
    bins = discretize(factors, _NUM_BINS)
    matrix, _ = robustness(codes[:, active], bins, _QUANTILE)
    place = {latent: index for index, latent in enumerate(active)}
    order = [latent for latent in subject.by_factor if latent in place]
    num_rows = -(-len(order) // _NUM_COLUMNS)
    figure = new_figure(3.2 * _NUM_COLUMNS, 0.5 + 2.4 * num_rows)
    panels = figure.subplots(num_rows, _NUM_COLUMNS, squeeze=False).ravel()
    for axes, latent in zip(panels, order, strict=False):
        factor = int(matrix[place[latent]].argmax())
        _panel(axes, codes[:, latent], factors[:, factor], bins[:, factor])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(subject.factor_names[factor])
        axes.set_title(f"z{latent}: robustness {matrix[place[latent], factor]:.2f}")
    for axes in panels[len(order) :]:
        axes.set_axis_off()
    return [write_figure(folder / "interventional_effects.png", figure)]


def _panel(axes: Axes, values: np.ndarray, factor: np.ndarray, bins: np.ndarray) -> None:
    axes.plot(factor[:_NUM_SHOWN], values[:_NUM_SHOWN], ".", color="#999999", markersize=2, alpha=0.5)
    groups = [bins == number for number in np.unique(bins)]
    at = np.array([factor[group].mean() for group in groups])
    middle = np.array([values[group].mean() for group in groups])
    reach = [np.quantile(np.abs(values[group] - mean), _QUANTILE) for group, mean in zip(groups, middle, strict=True)]
    axes.fill_between(at, middle - reach, middle + reach, color=COLORS[0], alpha=0.25, linewidth=0)
    axes.plot(at, middle, "o-", color=COLORS[0], markersize=3)
