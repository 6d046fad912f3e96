"""All relations between latents and factors, aggregated in all ways."""

import numpy as np
from numpy.typing import NDArray

from disbench.metrics._checks import discrete, require_factors, require_latents, varying_factors
from disbench.metrics._information import discretize, entropy, mutual_information
from disbench.metrics._options import NumBins, NumPoints, TreeSeed
from disbench.metrics._scale import as_float64
from disbench.metrics._trees import Trees
from disbench.metrics.dci import completeness, concentration, disentanglement, importance_matrix
from disbench.metrics.mce import modularity
from disbench.metrics.mig import information_gaps
from disbench.metrics.sap import svm_accuracies
from disbench.table import Table, TrainTest

Floats = NDArray[np.float64]


def unified_scores(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: NumPoints = 10_000,
    num_test: NumPoints = 5_000,
    num_bins: NumBins = 20,
    trees: Trees = "disbench",
    tree_seed: TreeSeed = 0,
) -> dict[str, float]:
    """Three relations between latents and factors, each aggregated like DCI, MIG, SAP and modularity.

    The metrics differ in what relates a latent to a factor and in how the matrix of relations becomes a number; here
    every matrix meets every aggregation. Factors with a single value among the training points are left out.

    Parameters
    ----------
    num_train, num_test
        Points drawn.
    num_bins
        Bins of equal width over the range of each latent, for the mutual information.
    trees
        Whose boosted trees.
    tree_seed
        Decides between splits of them that are equally good.

    Returns
    -------
    dict
        For each matrix M of `importance_gbt_matrix`, `mutual_information_matrix` and `accuracy_svm_matrix`:
        `M.dci_disentanglement` (also `M.dci`), `M.dci_completeness`, `M.mig`, `M.sap`, `M.modularity`; what they
        average, `M.dci_disentanglement.code_d`, `M.dci_completeness.code_f` (f is a factor; the key is the
        reference's), `M.mig.factor_f`, `M.sap.factor_f`, `M.modularity.code_d`; and of the graph that joins latents
        and factors related by at least a threshold: `M.max_precision`, the largest number of groups at any threshold,
        `M.area_precision`, the area under that number over thresholds, and `M.merge_i_j`, how many stronger relations
        there are than the one that first puts factors i and j in the same group. All are at least 0; those of DCI and
        modularity are in [0, 1], 1 if each latent, or for completeness each factor, has one relation only. Gaps are in
        [0, 1], too, but for `sap` of mutual informations, which is in nats, and for `mig` of the other matrices, which
        is divided by the factors' entropies although they are not in nats.

    Raises
    ------
    ValueError
        With fewer than two latents, if fewer than two factors vary, or if a factor is continuous.

    Notes
    -----
    Locatello et al., "A sober look at the unsupervised learning of disentangled representations and their evaluation",
    JMLR 2020, section 6. The reference's `unified_scores`.
    """
    data, varying = points(table, rng, num_train, num_test)
    entropies = entropy(data.train_factors)
    scores: dict[str, float] = {}
    for name, matrix in matrices(data, num_bins, trees, tree_seed).items():
        values = {**aggregated(matrix, entropies, varying.tolist()), **merges(matrix, varying.tolist())}
        scores.update({f"{name}.{key}": value for key, value in values.items()})
    return scores


def points(
    table: Table, rng: np.random.Generator, num_train: int, num_test: int, name: str = "unified_scores"
) -> tuple[TrainTest, NDArray[np.int64]]:
    """Points with the factors that vary among them, and which factors these are; `name` stands in errors."""
    require_latents(table, 2, name)
    data = discrete(name, table.train_test(num_train, num_test, rng))
    varying = varying_factors(data.train_factors)
    require_factors(varying, 2, name)
    varied = data._replace(
        train_codes=as_float64(data.train_codes),
        train_factors=data.train_factors[:, varying],
        test_codes=as_float64(data.test_codes),
        test_factors=data.test_factors[:, varying],
    )
    return varied, varying


def matrices(data: TrainTest, num_bins: int, trees: Trees, tree_seed: int = 0) -> dict[str, Floats]:
    """Relations (num_latents, num_factors): tree importances, mutual informations, accuracies of support vectors."""
    importance, _, _ = importance_matrix(data, trees, tree_seed)
    return {
        "importance_gbt_matrix": importance,
        "mutual_information_matrix": mutual_information(discretize(data.train_codes, num_bins), data.train_factors),
        "accuracy_svm_matrix": svm_accuracies(*data),
    }


def aggregated(matrix: Floats, entropies: Floats, factors: list[int]) -> dict[str, float]:
    """Scores of a matrix (num_latents, num_factors) whose columns have entropies and numbers (num_factors,)."""
    gaps = information_gaps(matrix, np.ones(len(factors)))
    per_code = {"dci_disentanglement": concentration(matrix), "modularity": modularity(matrix)}
    per_factor = {
        "dci_completeness.code": concentration(matrix.T),
        "mig.factor": gaps / entropies,
        "sap.factor": gaps,
    }
    _, precision, _ = precision_recall(matrix)
    scores = {
        "dci": disentanglement(matrix),
        "dci_disentanglement": disentanglement(matrix),
        "dci_completeness": completeness(matrix),
        "mig": float(per_factor["mig.factor"].mean()),
        "sap": float(gaps.mean()),
        "modularity": float(per_code["modularity"].mean()),
        "max_precision": float(precision.max()),
        "area_precision": float(np.trapezoid(precision[::-1], np.sort(matrix.ravel()))),
    }
    for name, values in per_code.items():
        scores.update({f"{name}.code_{index}": float(value) for index, value in enumerate(values)})
    for name, values in per_factor.items():
        scores.update({f"{name}_{factor}": float(value) for factor, value in zip(factors, values, strict=True)})
    return scores


def precision_recall(matrix: Floats) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Curves (num_latents * num_factors,) over the thresholds, largest first.

    For each threshold, of the graph of latents and factors whose relation is not 0 and at least the threshold: the
    number of groups of more than one ("independent groups"), and the number of latents in them ("discovered").
    """
    thresholds = np.sort(matrix.ravel())[::-1]
    groups, discovered = [], []
    for threshold in thresholds:
        edges = (matrix >= threshold) & (matrix != 0)
        labels = _groups(edges)
        groups.append(len(np.unique(labels[: len(matrix)][edges.any(axis=1)])))
        discovered.append(int(edges.any(axis=1).sum()))
    return thresholds, np.array(groups), np.array(discovered)


def merges(matrix: Floats, factors: list[int]) -> dict[str, float]:
    """When factors fall into one group as relations are added, strongest first: the dendrogram of the factors.

    `merge_i_j` counts the relations added before the one that joins i and j; i is in the group of its factor, j in the
    group of its latent. Factors that no relation joins have no entry.
    """
    num_latents = len(matrix)
    group = [{factor} for factor in factors], [set[int]() for _ in range(num_latents)]
    scores = {}
    for count, edge in enumerate(np.argsort(-matrix.T.ravel(), kind="stable")):
        factor, latent = divmod(int(edge), num_latents)
        first, second = group[0][factor], group[1][latent]
        if matrix[latent, factor] != 0 and first is not second:
            scores.update({f"merge_{i}_{j}": float(count) for i in sorted(first) for j in sorted(second)})
            union = first | second
            for side in group:
                side[:] = [union if each is first or each is second else each for each in side]
    return scores


def _groups(edges: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Label (num_latents + num_factors,) of the group of each latent and factor."""
    from scipy.sparse.csgraph import connected_components

    num_latents, num_factors = edges.shape
    graph = np.zeros((num_latents + num_factors,) * 2, dtype=bool)
    graph[:num_latents, num_latents:] = edges
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
