"""Boosted trees that predict factors from codes, with the defaults of scikit-learn's GradientBoostingClassifier."""

# mypy: allow-untyped-calls

from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._threads import map_threads, num_threads
from disbench.table import FloatArray

Floats = NDArray[np.float64]

Trees = Literal["disbench", "scikit-learn"]
"""Whose implementation of boosted trees."""

_NUM_STAGES, _LEARNING_RATE = 100, 0.1
_NUM_BINS = 128  # Most bins of the points sorted by a latent; fewer bound less tightly, more cost more. At most 256.
_SEED_END = 2**31 - 1  # Trees of scikit-learn draw their seed below this.


class RankingClassifier(Protocol):
    """A fitted classifier of one factor that says which latents matter."""

    @property
    def importances(self) -> Floats:
        """Importance (num_latents,) of each latent; they sum to 1, or are all 0 if no tree splits."""

    def predict(self, codes: FloatArray) -> IntArray:
        """Class numbers (n,) of codes (n, num_latents)."""


class Majority:
    """Classifier for points of a single class: predicts it, and no latent is important."""

    def __init__(self, label: int, num_latents: int) -> None:
        self._label = label
        self.importances = np.zeros(num_latents)

    def predict(self, codes: FloatArray) -> IntArray:
        """Class numbers (n,) of codes (n, num_latents)."""
        return np.full(len(codes), self._label, dtype=np.int64)


def fit_trees(codes: FloatArray, factors: IntArray, trees: Trees, seed: int = 0) -> list[RankingClassifier]:
    """One classifier for each column of factors (n, num_factors), class numbers.

    A factor with a single value gets a classifier that predicts it. The seed decides between equal splits only, as
    NumPy's global seed does for scikit-learn's trees, which are fitted factor by factor.
    """
    # The generator of scikit-learn: only its sequence gives the same choices.
    state = np.random.RandomState(seed)
    several = [bool((labels != labels[0]).any()) for labels in factors.T]
    chosen = [labels for labels, fit in zip(factors.T, several, strict=True) if fit]
    fitted: list[RankingClassifier]
    if trees == "scikit-learn":
        fitted = [_ScikitLearn(codes, labels, state) for labels in chosen]
    else:
        fitted = list(_boost(codes, chosen, state))
    return [
        fitted.pop(0) if fit else Majority(int(labels[0]), codes.shape[1])
        for labels, fit in zip(factors.T, several, strict=True)
    ]


class _ScikitLearn:
    def __init__(self, codes: FloatArray, labels: IntArray, state: np.random.RandomState) -> None:
        from sklearn.ensemble import GradientBoostingClassifier

        self._model = GradientBoostingClassifier(random_state=state).fit(codes, labels)
        self.importances = np.asarray(self._model.feature_importances_)

    def predict(self, codes: FloatArray) -> IntArray:
        return np.asarray(self._model.predict(codes), dtype=np.int64)


class Sorted(NamedTuple):
    """Training codes of d latents and n points, prepared for all trees."""

    values: NDArray[np.float32]  # (d, n); scikit-learn splits in single precision too.
    order: NDArray[np.uint32]  # (d, n), points by value.
    edges: IntArray  # (num_bins + 1,), where in the order the bins start.
    bins: NDArray[np.uint8]  # (n, d), the bin of each point.
    runs: IntArray  # (d,), the most points that share a value.
    inverse: Floats  # (n + 1,), 1 / n, and 0 for 0.


class _Boosted:
    """Trees of one factor, and the scores of the training points while they grow.

    Arrays have one entry for each class, or a single one for two classes, as scikit-learn's.
    """

    def __init__(self, data: Sorted, labels: IntArray, state: np.random.RandomState) -> None:
        from scipy.special import logit

        self._classes, self.labels = np.unique(labels, return_inverse=True)
        num_features, num = data.values.shape
        num_rows = len(self._classes) if len(self._classes) > 2 else 1
        shares = np.bincount(self.labels) / num
        # Rounded like the links of scikit-learn.
        center = np.exp(np.log(shares).mean())
        self._prior = np.log(shares / center) if num_rows > 1 else np.asarray(logit(shares[1:]))
        self.raw = np.repeat(self._prior[:, None], num, axis=1)
        self.gradients = np.empty_like(self.raw)
        self._features = np.zeros((_NUM_STAGES, num_rows, 7), dtype=np.uint32)
        self._thresholds = np.zeros((_NUM_STAGES, num_rows, 7))
        self._leaves = np.zeros((_NUM_STAGES, num_rows, 8))
        self._gains = np.zeros((num_rows, num_features))
        self._seeds = state.randint(0, _SEED_END, size=(_NUM_STAGES, num_rows)).astype(np.uint64)
        self._data = data

    @property
    def num_trees(self) -> int:
        return len(self.raw)

    @property
    def importances(self) -> Floats:
        gains = self._gains.sum(axis=0)
        return np.asarray(gains / gains.sum() if gains.sum() > 0 else gains)

    def find_gradients(self, start: int, stop: int) -> None:
        from disbench.metrics._rounding import binomial_gradients, multinomial_gradients

        if self.num_trees == 1:
            binomial_gradients(self.raw[0], self.labels, start, stop, self.gradients[0])
        else:
            multinomial_gradients(self.raw, self.labels, start, stop, self.gradients)

    def grow(self, stage: int, first: int, last: int) -> None:
        from disbench.metrics._boosting import grow_trees

        grow_trees(
            first, last, self._data, self.labels, self._seeds[stage], _LEARNING_RATE, self.gradients, self.raw,
            self._features[stage], self._thresholds[stage], self._leaves[stage], self._gains,
        )  # fmt: skip

    def predict(self, codes: FloatArray) -> IntArray:
        from disbench.metrics._boosting import add_trees

        values = np.ascontiguousarray(codes, dtype=np.float32)
        raw = np.repeat(self._prior[:, None], len(codes), axis=1)
        trees = self._features, self._thresholds, self._leaves, raw
        map_threads(lambda part: add_trees(*part, values, _LEARNING_RATE, *trees), _parts(self.num_trees))
        winner = raw.argmax(axis=0) if self.num_trees > 1 else (raw[0] >= 0).astype(np.int64)
        return np.asarray(self._classes[winner])


def _boost(codes: FloatArray, factors: list[IntArray], state: np.random.RandomState) -> list[_Boosted]:
    """Fit all factors at once, stage by stage, so that threads share the trees of all."""
    if not factors:
        return []
    data = _sort(codes)
    models = [_Boosted(data, labels, state) for labels in factors]
    points = [(model, *part) for model in models for part in _parts(len(codes), 1024)]
    classes = [(model, *part) for model in models for part in _parts(model.num_trees)]
    for stage in range(_NUM_STAGES):
        map_threads(lambda task: task[0].find_gradients(*task[1:]), points)
        map_threads(lambda task, stage=stage: task[0].grow(stage, *task[1:]), classes)  # type: ignore[misc]
    return models


def _parts(num: int, size: int | None = None) -> list[tuple[int, int]]:
    """Ranges that cover 0 to num, of a given size or a few for each thread."""
    size = size or max(1, -(-num // (4 * num_threads())))
    return [(start, min(start + size, num)) for start in range(0, num, size)]


def _sort(codes: FloatArray) -> Sorted:
    """Prepare training codes (n, d). Values beyond the range of single precision are an error, as in scikit-learn."""
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(codes.T, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"expected codes within 3e38 of zero; got {float(np.abs(codes).max())!r}. Rescale them")
    order = np.argsort(values, axis=1, kind="stable")
    runs = np.array([_longest_run(column) for column in np.take_along_axis(values, order, axis=1)])
    inverse = np.concatenate([[0.0], 1 / np.arange(1, len(codes) + 1)])
    num, num_latents = codes.shape
    num_bins = min(_NUM_BINS, -(-num // 8))
    edges = np.linspace(0, num, num_bins + 1).astype(np.int64)
    bins = np.empty((num, num_latents), dtype=np.uint8)
    of_place = np.repeat(np.arange(num_bins), np.diff(edges))
    for latent in range(num_latents):
        bins[order[latent], latent] = of_place
    return Sorted(values, order.astype(np.uint32), edges, bins, runs, inverse)


def _longest_run(column: NDArray[np.float32]) -> int:
    """Most neighbours in sorted values (n,) that scikit-learn does not split."""
    apart = np.flatnonzero(column[1:] > column[:-1] + np.float32(1e-7)) + 1
    return int(np.diff(np.concatenate([[0], apart, [len(column)]])).max())
