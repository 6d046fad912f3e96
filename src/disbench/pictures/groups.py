"""How latents and factors fall into groups as weaker relations count: the curves and the tree of unified scores."""

from pathlib import Path

import numpy as np

from disbench.metrics.unified_scores import merges, precision_recall
from disbench.pictures.style import COLORS, new_figure, styled, write_figure
from disbench.pictures.subject import Matrix, Subject

_TITLES = ("Mutual information", "Importance (DCI)", "Accuracy (SAP)")


@styled
def groups(subject: Subject, folder: Path) -> list[Path]:
    """Draw, over the threshold from which a relation counts, the number of groups and of latents in them."""
    figure = new_figure(10, 3.2)
    panels = figure.subplots(1, len(_TITLES), sharey=True)
    for axes, title, matrix in zip(panels, _TITLES, _relations(subject), strict=True):
        thresholds, independent, discovered = precision_recall(matrix)
        axes.step(thresholds, independent, where="post", color=COLORS[0], label="independent groups")
        axes.step(thresholds, discovered, where="post", color=COLORS[1], linestyle="--", label="latents in a group")
        axes.invert_xaxis()
        axes.set_xlabel("threshold")
        axes.set_title(title)
    panels[0].set_ylabel("number")
    panels[0].yaxis.get_major_locator().set_params(integer=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return [write_figure(folder / "groups.png", figure)]


@styled
def dendrogram(subject: Subject, folder: Path) -> list[Path]:
    """Draw when factors fall into one group as relations are added, strongest first."""
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    figure = new_figure(10, 3.6)
    panels = figure.subplots(1, len(_TITLES), sharey=True)
    highest = 0.0
    for axes, title, matrix in zip(panels, _TITLES, _relations(subject), strict=True):
        joined = merge_counts(matrix)
        tree = hierarchy.dendrogram(hierarchy.linkage(squareform(joined), "single"), no_plot=True)
        for across, up in zip(tree["icoord"], tree["dcoord"], strict=True):
            axes.plot(across, up, color=COLORS[0])
        places = 5 + 10 * np.arange(len(joined))  # where scipy puts the leaves
        axes.set_xticks(places, [subject.factor_names[leaf] for leaf in tree["leaves"]], rotation=35, ha="right")
        axes.set_title(title)
        highest = max(highest, joined.max())
    panels[0].set_ylim(0, 1.05 * highest)
    panels[0].set_ylabel("relations added")
    return [write_figure(folder / "dendrogram.png", figure)]


def merge_counts(matrix: Matrix) -> Matrix:
    """Relations (f, f) added before two factors are in one group; all there are for those that never are."""
    num_factors = matrix.shape[1]
    counts = np.full((num_factors, num_factors), float(matrix.size))
    np.fill_diagonal(counts, 0)
    for key, count in merges(matrix, list(range(num_factors))).items():
        first, second = map(int, key.split("_")[1:])
        counts[first, second] = counts[second, first] = count
    return counts


def _relations(subject: Subject) -> tuple[Matrix, Matrix, Matrix]:
    return subject.information, subject.importance, subject.accuracy
