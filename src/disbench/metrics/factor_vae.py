"""FactorVAE score."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveInt

from disbench.factors import IntArray
from disbench.metrics._options import Compat, NumPoints
from disbench.metrics._pairs import chunks, draw_factors, require_repeats
from disbench.metrics._scale import require_range
from disbench.table import FloatArray, RepresentationTable, Table

Floats = NDArray[np.float64]


def factor_vae(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: PositiveInt = 10_000,
    num_eval: PositiveInt = 5_000,
    num_variance_estimate: NumPoints = 10_000,
    batch_size: PositiveInt = 64,
    prune_threshold: NonNegativeFloat = 0.05,
    prune_relative_to: Literal["unit", "largest"] = "unit",
    compat: Compat = "disbench",
) -> dict[str, float]:
    """FactorVAE score: whether the latent that varies least tells which factor was held fixed.

    A vote fixes one factor (uniform over those that vary) at the value of a random point, draws a batch that shares it,
    and takes the active latent with the smallest variance relative to its variance over all points. The classifier
    assigns to each latent the factor that most of its training votes had.

    Parameters
    ----------
    num_train, num_eval
        Votes to train and to evaluate the classifier.
    num_variance_estimate
        Points for the variance of each latent over all points.
    batch_size
        Points of a vote, at least 2.
    prune_threshold
        A latent is active if its standard deviation is above this.
    prune_relative_to
        `unit`: the threshold is in the units of the codes, as published, which prunes wrongly if codes are not of the
        order of a standard normal. `largest`: it is relative to the largest standard deviation of any latent.
    compat
        `reference`: `num_active_dims` is the number of all latents, as the reference reports it, and a latent exactly
        at the threshold is active.

    Returns
    -------
    dict
        `train_accuracy`, `eval_accuracy` in [0, 1]; 1 if each latent varies with one factor only and each factor has
        one. `num_active_dims`, the number of active latents. Without active latents the accuracies are 0.

    Raises
    ------
    ValueError
        If fewer than two factors vary, for batches of one point, or for points of which no two share a value.

    Notes
    -----
    Kim and Mnih, "Disentangling by factorising", ICML 2018, section 4. The reference's `factor_vae_score`.
    """
    if batch_size < 2:
        raise ValueError(
            f"factor_vae takes variances over a batch; expected a batch_size of at least 2; got {batch_size!r}"
        )
    require_repeats(table, "factor_vae")
    require_range(table.mean if isinstance(table, RepresentationTable) else table.train_codes)
    codes, _ = table.sample(num_variance_estimate, rng)
    global_variances = variances(codes)
    scale = np.sqrt(global_variances.max()) if prune_relative_to == "largest" else 1.0
    active = active_latents(global_variances, prune_threshold * scale, inclusive=compat == "reference")
    num_active = table.num_latents if compat == "reference" else int(active.sum())
    fixed = draw_factors(table, num_train + num_eval, "factor_vae", rng)
    if not active.any():
        return {"train_accuracy": 0.0, "eval_accuracy": 0.0, "num_active_dims": float(num_active)}
    local = local_variances(table, fixed, batch_size, rng)
    latents = least_varying(local, global_variances, active)
    votes = Votes(fixed[:num_train], latents[:num_train]), Votes(fixed[num_train:], latents[num_train:])
    train, evaluation = majority_accuracies(*votes, table.num_latents, table.num_factors)
    return {"train_accuracy": train, "eval_accuracy": evaluation, "num_active_dims": float(num_active)}


class Votes(NamedTuple):
    """Fixed factor (n,) and least varying latent (n,) of each vote."""

    factors: IntArray
    latents: IntArray


def variances(codes: FloatArray) -> Floats:
    """Unbiased variances (num_latents,) of codes (n, num_latents), in double precision; 0 for a single point."""
    codes = np.asarray(codes, dtype=np.float64)
    return np.asarray(codes.var(axis=0, ddof=1)) if len(codes) > 1 else np.zeros(codes.shape[1])


def active_latents(global_variances: Floats, threshold: float, *, inclusive: bool = False) -> NDArray[np.bool_]:
    """Which latents (num_latents,) have a standard deviation above a threshold, or at it if inclusive."""
    deviations = np.sqrt(global_variances)
    return np.asarray(deviations >= threshold if inclusive else deviations > threshold)


def local_variances(table: Table, fixed: IntArray, batch_size: int, rng: np.random.Generator) -> Floats:
    """Variances (num_votes, num_latents) over batches of points that share the value of the fixed factor of a vote.

    In the precision of the codes, like the reference: between latents that are constant in a batch rounding decides.
    """
    result = np.empty((len(fixed), table.num_latents))
    for part in chunks(len(fixed), batch_size):
        factor = fixed[part, None]
        anchors = np.repeat(table.draw((len(factor), 1), rng), batch_size, axis=1)
        codes = table.codes(table.redraw_others(anchors, factor, rng), rng)
        result[part] = codes.var(axis=1, ddof=1)
    return result


def least_varying(local: Floats, global_variances: Floats, active: NDArray[np.bool_]) -> IntArray:
    """Latent (num_votes,) with the smallest local variance (num_votes, num_latents) relative to its global one."""
    indices = np.flatnonzero(active)
    ratios = local[:, indices] / np.where(global_variances > 0, global_variances, 1.0)[indices]
    return np.asarray(indices[ratios.argmin(axis=1)])


def majority_accuracies(train: Votes, evaluation: Votes, num_latents: int, num_factors: int) -> tuple[float, float]:
    """Accuracy on training and evaluation votes of the factor that most training votes of each latent had."""
    counts = np.zeros((num_latents, num_factors), dtype=np.int64)
    np.add.at(counts, (train.latents, train.factors), 1)
    majority = counts.argmax(axis=1)
    return (
        float((majority[train.latents] == train.factors).mean()),
        float((majority[evaluation.latents] == evaluation.factors).mean()),
    )
