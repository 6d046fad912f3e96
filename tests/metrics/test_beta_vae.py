import numpy as np
import pytest

from disbench.metrics.beta_vae import beta_vae, fit, mean_differences
from disbench.table import LabelledCodes


@pytest.mark.parametrize("name", ["dead_dims", "split", "nonlinear"])
@pytest.mark.parametrize(("solver", "suffix"), [("multinomial", ""), ("one-versus-rest", "_legacy_liblinear_ovr")])
def test_second_half_is_the_reference_s(name, solver, suffix, explicit_points, toy_scores):
    train, labels, evaluation, eval_labels = (
        explicit_points[f"beta/{name}/{key}"].astype(dtype)
        for key, dtype in (
            ("train_points", np.float64),
            ("train_labels", np.int64),
            ("eval_points", np.float64),
            ("eval_labels", np.int64),
        )
    )
    model = fit(train, labels, solver)
    expected = toy_scores[f"beta_vae_on_explicit_points{suffix}"][name]
    assert (model.predict(train) == labels).mean() == expected["train_accuracy"]
    assert (model.predict(evaluation) == eval_labels).mean() == expected["eval_accuracy"]


@pytest.mark.parametrize("name", ["perfect_noisy", "dead_dims", "nonlinear"])
def test_scores_are_within_three_standard_errors_of_the_reference_s(name, toy, toy_scores):
    expected = toy_scores["summary"]["beta_vae_sklearn"][name]
    ours = np.array([beta_vae(toy[name], np.random.default_rng(seed))["eval_accuracy"] for seed in range(5)])
    assert abs(ours.mean() - expected["eval_mean"]) <= 3 * expected["eval_sd_ddof1"] / np.sqrt(5)


def test_latents_of_the_fixed_factor_do_not_differ(identity, rng):
    fixed = np.array([0, 1, 2, 3] * 5)
    differences = mean_differences(identity, fixed, 32, rng)
    assert (differences[np.arange(20), fixed] == 0).all()
    assert (differences.sum(axis=1) > 0).all()


def test_extremes(identity, rng):
    options = {"num_train": 500, "num_eval": 300}
    assert beta_vae(identity, rng, **options) == {"train_accuracy": 1.0, "eval_accuracy": 1.0}
    constant = LabelledCodes(np.ones((200, 2)), rng.integers(3, size=(200, 2)), np.ones((1, 2)), np.ones((1, 2)))
    assert beta_vae(constant, rng, **options)["eval_accuracy"] < 0.6
    assert 0 <= beta_vae(identity, rng, num_train=1, num_eval=1)["eval_accuracy"] <= 1


def test_what_it_cannot_score_is_an_error(rng):
    values = rng.normal(size=(50, 2))
    with pytest.raises(ValueError, match="points that share the value of a factor"):
        beta_vae(LabelledCodes(values, values, values, values), rng)
    repeated = LabelledCodes(1e200 * np.sign(values), np.sign(values), values, np.sign(values))
    with pytest.raises(ValueError, match=r"within 1e\+100 of zero"):
        beta_vae(repeated, rng)
    one = np.stack([np.zeros(50, int), rng.integers(3, size=50)], axis=1)
    with pytest.raises(ValueError, match="at least 2 factors with two or more values"):
        beta_vae(LabelledCodes(values, one, values, one), rng)
