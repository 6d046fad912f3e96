"""Scores of an encoder that the reference trained: a FactorVAE, after 4,000 steps, 10,000 rows of dSprites."""

import json

import numpy as np
import pytest
from tests import ROOT

import disbench

GOLDEN = ROOT / "tests" / "golden"
# The solvers of logistic regression stop at different distances from the optimum.
TOLERANCE = {"explicitness_train": 2e-5, "explicitness_test": 2e-5}


def test_scores_of_a_trained_encoder():
    with np.load(GOLDEN / "trained" / "factor_vae_g10_s0.npz") as arrays:
        codes, factors = arrays["codes"], arrays["factors"]
    runs = json.loads((GOLDEN / "curves.json").read_text())["runs"]
    expected = next(run for run in runs if (run["case"], run["seed"]) == ("factor_vae_g10", 0))["scores"]["4000"]
    found = {
        name: disbench.score(name.split(" ")[0], codes, factors, train_fraction=0.7, **options)
        for name, options in {"mig": {}, "mce": {}, "sap": {}, "sap ": {"continuous_factors": True}}.items()
    }
    ours = {
        "mig": found["mig"]["discrete_mig"],
        "modularity": found["mce"]["modularity_score"],
        "explicitness_train": found["mce"]["explicitness_score_train"],
        "explicitness_test": found["mce"]["explicitness_score_test"],
        "sap_discrete": found["sap"]["SAP_score"],
        "sap_continuous": found["sap "]["SAP_score"],
    }
    assert ours.keys() == expected.keys()
    for name, value in ours.items():
        assert value == pytest.approx(expected[name], abs=TOLERANCE.get(name, 1e-9)), name
