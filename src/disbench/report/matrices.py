"""The matrices behind the scores: how much each latent has to do with each factor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disbench.metrics._checks import class_indices, varying_factors
from disbench.metrics.dci import importance_matrix
from disbench.metrics.sap import svm_accuracies
from disbench.report.latents import information_shares
from disbench.table import LabelledCodes, TrainTest


@dataclass(frozen=True, eq=False)
class Matrix:
    """One number for each factor and latent.

    Parameters
    ----------
    name, meaning
        What the numbers are, in a word and in a sentence.
    factors, latents
        Names of the rows, numbers of the columns.
    values
        (number of factors, number of latents), in [0, 1].
    """

    name: str
    meaning: str
    factors: tuple[str, ...]
    latents: tuple[int, ...]
    values: NDArray[np.float64]


def relation_matrices(points: LabelledCodes, names: tuple[str, ...]) -> list[Matrix]:
    """Information, importance and accuracy matrices of points; factors that do not vary among them are left out.

    Latents are in the order of the factors that they tell most about, so that a disentangled code shows a diagonal.
    """
    varying = varying_factors(points.train_factors)
    if len(varying) < 1:
        return []
    train, test = class_indices("report", points.train_factors[:, varying], points.test_factors[:, varying])
    data = TrainTest(points.train_codes, train, points.test_codes, test)
    information = information_shares(data.train_codes, train)
    order = matched_order(information)
    importance, _, _ = importance_matrix(data, "disbench")
    codes = data.train_codes.astype(np.float64), data.test_codes.astype(np.float64)
    accuracy = svm_accuracies(codes[0], train, codes[1], test)
    factors = tuple(names[index] for index in varying)
    return [
        Matrix(name, meaning, factors, tuple(map(int, order)), values.T[:, order])
        for name, meaning, values in (
            (
                "Mutual information",
                "Share of a factor's entropy that one latent tells; MIG is a gap in a row.",
                information,
            ),
            (
                "Importance",
                "Use that boosted trees make of a latent to predict a factor; a row sums to 1 (DCI).",
                importance,
            ),
            ("Accuracy", "Test accuracy of a linear classifier that sees one latent; SAP is a gap in a row.", accuracy),
        )
    ]


def matched_order(information: NDArray[np.float64]) -> NDArray[np.intp]:
    """Latents (num_latents,) by the factor that each tells most about, then by how much."""
    best = information.argmax(axis=1)
    strength = information.max(axis=1)
    nothing = strength < 0.1 * max(strength.max(), 1e-12)  # what tells hardly anything stands last
    return np.lexsort((-strength, best, nothing))
