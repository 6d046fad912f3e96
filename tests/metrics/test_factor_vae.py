import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.metrics.factor_vae import (
    Votes,
    active_latents,
    factor_vae,
    least_varying,
    local_variances,
    majority_accuracies,
    variances,
)
from disbench.table import LabelledCodes, RepresentationTable


@pytest.mark.parametrize("name", ["dead_dims", "split", "nonlinear"])
def test_second_half_is_the_reference_s(name, explicit_points, toy_scores):
    points = {key.split("/")[-1]: value for key, value in explicit_points.items() if key.startswith(f"factor/{name}/")}
    variances = points["global_variances"].astype(np.float64)
    active = active_latents(variances, 0.05)
    np.testing.assert_array_equal(active, points["active_dims"])
    latents = least_varying(points["local_variances"], variances, active)
    np.testing.assert_array_equal(latents, np.flatnonzero(active)[points["argmin"]])
    factors = points["factor_index"].astype(np.int64)
    num = len(factors) * 2 // 3
    train, evaluation = majority_accuracies(
        Votes(factors[:num], latents[:num]), Votes(factors[num:], latents[num:]), len(active), 5
    )
    expected = toy_scores["factor_vae_on_explicit_points"][name]
    assert (train, evaluation) == (expected["train_accuracy"], expected["eval_accuracy"])
    assert active.sum() == expected["n_active"]


@pytest.mark.parametrize("name", ["perfect_noisy", "dead_dims", "split", "nonlinear"])
def test_scores_are_within_three_standard_errors_of_the_reference_s(name, toy, toy_scores):
    expected = toy_scores["summary"]["factor_vae_score"][name]
    ours = np.array([factor_vae(toy[name], np.random.default_rng(seed))["eval_accuracy"] for seed in range(20, 25)])
    assert abs(ours.mean() - expected["eval_mean"]) <= 3 * expected["eval_sd_ddof1"] / np.sqrt(5)


def test_inactive_latents_are_counted_only_if_asked_as_the_reference_does(toy, rng):
    options = {"num_train": 500, "num_eval": 200}
    assert factor_vae(toy["dead_dims"], rng, **options)["num_active_dims"] == 7.0
    assert factor_vae(toy["dead_dims"], rng, **options, compat="reference")["num_active_dims"] == 10.0


def test_constant_codes_score_zero(identity, rng):
    constant = RepresentationTable(identity.space, np.full_like(identity.mean, 2.5))
    for compat in ("disbench", "reference"):
        scores = factor_vae(constant, rng, prune_threshold=0.05, compat=compat)
        assert scores["train_accuracy"] == scores["eval_accuracy"] == 0.0
    assert factor_vae(constant, rng, prune_threshold=0.0)["num_active_dims"] == 0.0


def test_pruning_relative_to_the_largest_latent_ignores_units(identity, rng):
    small = RepresentationTable(identity.space, identity.mean * 1e-3)
    assert factor_vae(small, rng, num_train=50)["num_active_dims"] == 0.0
    scores = factor_vae(small, rng, num_train=50, prune_relative_to="largest")
    assert scores == {"train_accuracy": 1.0, "eval_accuracy": 1.0, "num_active_dims": 4.0}


def test_only_latents_above_the_threshold_vote(identity, rng):
    """Standard deviations of 0.06, 0.04 and 0.0025: the threshold is 0.05, or 0.05 times the largest."""
    deviations = np.array([0.06, 0.04, 0.0025, 0.0025])
    table = RepresentationTable(identity.space, identity.mean / identity.mean.std(axis=0) * deviations)
    assert factor_vae(table, rng, num_train=50)["num_active_dims"] == 1.0
    assert factor_vae(table, rng, num_train=50, prune_relative_to="largest")["num_active_dims"] == 2.0


def test_variances_by_hand():
    np.testing.assert_array_equal(variances(np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)), [2, 0])
    np.testing.assert_array_equal(variances(np.array([[1.0, 5.0]])), [0, 0])


def test_a_constant_latent_that_is_active_always_varies_least():
    """At threshold 0 of the reference's pruning it is."""
    local, everywhere = np.array([[0.5, 0.0, 0.1], [1.0, 0.0, 0.0]]), np.array([1.0, 0.0, 0.5])
    active = active_latents(everywhere, 0.0, inclusive=True)
    assert active.all()
    np.testing.assert_array_equal(least_varying(local, everywhere, active), [1, 1])
    np.testing.assert_array_equal(least_varying(local, everywhere, active_latents(everywhere, 0.0)), [2, 2])


def test_two_points_are_a_batch(identity, rng):
    assert factor_vae(identity, rng, num_train=2000, batch_size=2)["eval_accuracy"] > 0.5


def test_variances_are_of_batches_that_share_the_factor(identity, rng):
    fixed = np.array([0, 1, 2, 3] * 50)
    local = local_variances(identity, fixed, 16, rng)
    assert (local[np.arange(200), fixed] == 0).all()
    assert (np.delete(local, 0, axis=1)[fixed == 0] > 0).all()


def test_a_factor_with_one_value_is_never_fixed(rng):
    space = FactorSpace(("a", "constant", "b"), (4, 1, 5))
    table = RepresentationTable.from_codes(space, space.factors(np.arange(20))[:, ::2])
    assert factor_vae(table, rng, num_train=200, num_eval=100)["eval_accuracy"] == 1.0


def test_points_of_a_user(rng):
    factors = rng.integers(4, size=(500, 3))
    assert factor_vae(LabelledCodes(1.0 * factors, factors, 1.0 * factors, factors), rng)["eval_accuracy"] == 1.0


def test_what_it_cannot_score_is_an_error(identity, rng):
    with pytest.raises(ValueError, match="batch_size of at least 2; got 1"):
        factor_vae(identity, rng, batch_size=1)
    values = rng.normal(size=(50, 2))
    with pytest.raises(ValueError, match="points that share the value of a factor"):
        factor_vae(LabelledCodes(values, values, values, values), rng)
    one = np.stack([np.zeros(50, int), rng.integers(3, size=50)], axis=1)
    with pytest.raises(ValueError, match="at least 2 factors with two or more values"):
        factor_vae(LabelledCodes(values, one, values, one), rng)
