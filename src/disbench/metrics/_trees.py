"""Boosted trees that predict factors from codes."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray

Trees = Literal["disbench", "scikit-learn"]
"""Whose implementation of boosted trees."""

Floats = NDArray[np.float64]


class Classifier(Protocol):
    """A fitted classifier of one factor."""

    @property
    def importances(self) -> Floats:
        """Importance (num_latents,) of each latent; they sum to 1, or are all 0 if no tree splits."""

    def predict(self, codes: Floats) -> IntArray:
        """Class numbers (n,) of codes (n, num_latents)."""


class Majority:
    """Classifier for points of a single class: predicts it, and no latent is important."""

    def __init__(self, label: int, num_latents: int) -> None:
        self._label = label
        self.importances = np.zeros(num_latents)

    def predict(self, codes: Floats) -> IntArray:
        """Class numbers (n,) of codes (n, num_latents)."""
        return np.full(len(codes), self._label, dtype=np.int64)


def fit_trees(codes: Floats, factors: IntArray, rng: np.random.Generator, trees: Trees) -> list[Classifier]:
    """One classifier for each column of factors (n, num_factors), class numbers.

    A factor with a single value gets a classifier that predicts it.
    """
    seeds = [int(rng.integers(2**31)) for _ in range(factors.shape[1])]
    fit = _fit_scikit_learn
    return [
        fit(codes, labels, seed) if (labels != labels[0]).any() else Majority(int(labels[0]), codes.shape[1])
        for labels, seed in zip(factors.T, seeds, strict=True)
    ]


class _ScikitLearn:
    def __init__(self, codes: Floats, labels: IntArray, seed: int) -> None:
        from sklearn.ensemble import GradientBoostingClassifier

        self._model = GradientBoostingClassifier(random_state=seed).fit(codes, labels)
        self.importances = np.asarray(self._model.feature_importances_)

    def predict(self, codes: Floats) -> IntArray:
        return np.asarray(self._model.predict(codes), dtype=np.int64)


def _fit_scikit_learn(codes: Floats, labels: IntArray, seed: int) -> Classifier:
    return _ScikitLearn(codes, labels, seed)
