"""Each objective through the stages, as processes of their own, on the toy set."""

import json
from math import log

import numpy as np
import pytest
import yaml

from disbench import open_table
from disbench.catalogue import names
from tests.faults.stages import run, write_params

TERMS = {
    "annealed_vae": {"capacity"},
    "beta_tc_vae": {"total_correlation"},
    "beta_vae": {"beta_kl"},
    "dip_vae_i": {"off_diagonal", "diagonal"},
    "dip_vae_ii": {"off_diagonal", "diagonal"},
    "factor_vae": {"total_correlation"},
}


def test_every_objective_is_run():
    assert TERMS.keys() == set(names("objectives"))


@pytest.mark.slow
@pytest.mark.parametrize("objective", TERMS)
def test_a_run_from_training_to_a_score(tmp_path, objective):
    write_params(tmp_path, objective=objective, num_steps=200, log_every=50, learning_rate=0.001)
    for stage in ("convert", "train", "postprocess", "evaluate"):
        code, output = run(tmp_path, stage)
        assert code == 0, output
    trained = json.loads((tmp_path / "reports/metrics/train.json").read_text())
    assert np.isfinite(list(trained.values())).all()
    curves = {path.stem: np.loadtxt(path, skiprows=1) for path in (tmp_path / "reports/train").rglob("*.tsv")}
    assert TERMS[objective] < curves.keys()
    assert len(curves["reconstruction"]) == 4
    assert trained["reconstruction"] < 0.6 * 256 * log(2)  # the error of 256 pixels that are all said to be even
    table = open_table(tmp_path / "data/run/table.zarr")
    assert np.isfinite(table.mean).all()
    assert (table.mean.std(0) > 0).all()
    score = json.loads((tmp_path / "reports/metrics/mig.json").read_text())["discrete_mig"]
    assert 0 < score < 1
    model = json.loads((tmp_path / "data/run/model/model.json").read_text())
    assert model["description"]["objective"] == objective
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert model["description"]["hyperparameters"] == params["objectives"][objective]
