"""Options that are not given have the published values, those of the reference's configurations, where it has them."""

import pytest

from disbench import catalogue

POINTS = {"num_train": 10_000, "num_test": 5_000}
VOTES = {"num_train": 10_000, "num_eval": 5_000, "batch_size": 64}
TASK = {"num_train": (10, 100, 1_000, 10_000), "num_test": 5_000}
TREES = {"trees": "disbench"}
DEFAULTS = {
    "beta_vae": {**VOTES, "solver": "multinomial"},
    "dci": {**POINTS, **TREES, "tree_seed": 0},
    "downstream_boosted_trees": {**TASK, **TREES},
    "downstream_logistic_regression": {**TASK, "solver": "multinomial"},
    "factor_vae": {
        **VOTES,
        "num_variance_estimate": 10_000,
        "prune_threshold": 0.05,
        "prune_relative_to": "unit",
        "compat": "disbench",
    },
    "fairness": {
        "num_train": 10_000,
        "num_test_points_per_class": 100,
        "predictor": "boosted_trees",
        **TREES,
    },
    "irs": {"num_train": 10_000, "num_bins": 20, "diff_quantile": 0.99, "compat": "disbench"},
    "mce": {**POINTS, "num_bins": 20, "solver": "multinomial", "active_only": False},
    "mig": {"num_train": 10_000, "num_bins": 20},
    "reduced_downstream": {**TASK, "num_factors_to_remove": 2, "predictor": "boosted_trees", **TREES},
    "sap": {**POINTS, "continuous_factors": False, "standardize": False, "regularization": 0.01},
    "strong_downstream": {**TASK, "num_experiments": 1, "predictor": "boosted_trees", **TREES},
    "udr": {
        "num_points": 10_000,
        "correlation": "lasso",
        "lasso_alpha": 0.1,
        "kl_threshold": 0.01,
        "compat": "disbench",
    },
    "unified_scores": {**POINTS, "num_bins": 20, **TREES, "tree_seed": 0},
    "unsupervised": {"num_train": 10_000, "num_bins": 20},
}


@pytest.mark.parametrize("metric", catalogue.names("metrics"))
def test_options_that_are_not_given(metric):
    fields = catalogue.options(catalogue.find("metrics", metric)).model_fields
    assert {name: field.default for name, field in fields.items()} == DEFAULTS[metric]
