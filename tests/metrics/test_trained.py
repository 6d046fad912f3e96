"""Scores of two encoders that the reference trained on dSprites: 10,000 rows, of which the first 7,000 train."""

import json

import numpy as np
import pytest
from tests import ROOT

import disbench
from disbench.metrics._information import discretize, mutual_information
from disbench.metrics.mce import explicitness
from disbench.table import TrainTest

GOLDEN = ROOT / "tests" / "golden" / "trained"
# The solvers of logistic regression stop at different distances from the optimum.
TOLERANCE = 2e-5


@pytest.mark.parametrize("encoder", ["beta_vae_b4_s0", "factor_vae_g10_s0"])
def test_scores_of_a_trained_encoder(encoder):
    with np.load(GOLDEN / f"{encoder}.npz") as arrays:
        codes, factors = arrays["codes"], arrays["factors"].astype(np.int64)
    expected = json.loads((GOLDEN / "scores.json").read_text())[encoder]
    mig, mce, sap = (disbench.score(name, codes, factors, train_fraction=0.7) for name in ("mig", "mce", "sap"))
    continuous = disbench.score("sap", codes, factors, train_fraction=0.7, continuous_factors=True)
    points = TrainTest(codes[:7000], factors[:7000], codes[7000:], factors[7000:])
    ours = {
        "mig": mig["discrete_mig"],
        "modularity": mce["modularity_score"],
        "explicitness_train": mce["explicitness_score_train"],
        "explicitness_test": mce["explicitness_score_test"],
        "explicitness_test_per_factor": explicitness(points)[:, 1],
        "mutual_info_20bins": mutual_information(discretize(codes[:7000], 20), factors[:7000]),
        "sap_discrete": sap["SAP_score"],
        "sap_continuous": continuous["SAP_score"],
    }
    assert ours.keys() == expected.keys()
    for name, value in ours.items():
        tolerance = TOLERANCE if name.startswith("explicitness") else 1e-9
        np.testing.assert_allclose(value, expected[name], atol=tolerance, rtol=0, err_msg=name)
