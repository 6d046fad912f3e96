import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import disbench
from disbench import catalogue
from disbench.cli import app

runner = CliRunner()
SPACE = catalogue.find("datasets", "toy").space
FACTORS = SPACE.factors(np.arange(SPACE.num_states))


def scores_of(*arguments) -> dict[str, dict[str, float]]:
    result = runner.invoke(app, ["score", *map(str, arguments), "--json"], catch_exceptions=False)
    return json.loads(result.output)


def test_codes_of_all_rows_of_a_data_set_need_no_factors(tmp_path):
    np.save(tmp_path / "codes.npy", FACTORS)
    table = disbench.RepresentationTable.from_codes(SPACE, FACTORS)
    found = scores_of(tmp_path / "codes.npy", "--dataset", "toy", "--metrics", "mig,factor_vae")
    assert found == {name: disbench.evaluate(name, table) for name in ("mig", "factor_vae")}


def test_the_study_is_its_nine_metrics(tmp_path):
    rows = np.random.default_rng(0).integers(SPACE.num_states, size=60)
    np.savez(tmp_path / "points.npz", codes=FACTORS[rows] + 0.0, truth=FACTORS[rows])
    names = ("--codes-array", "codes", "--factors-array", "truth", "--metrics", "study")
    found = scores_of(tmp_path / "points.npz", "--factors", tmp_path / "points.npz", *names)
    assert sorted(found) == [
        "beta_vae", "dci", "downstream_boosted_trees", "downstream_logistic_regression", "factor_vae", "mce", "mig",
        "sap", "unsupervised",
    ]  # fmt: skip
    assert found["dci"]["informativeness_train"] == 1.0


def test_vectors_are_reduced_when_asked(tmp_path):
    directions = np.random.default_rng(0).normal(size=(FACTORS.shape[1], 4))
    save_file({"z": np.ascontiguousarray(FACTORS[..., None] * directions)}, tmp_path / "codes.safetensors")
    arguments = tmp_path / "codes.safetensors", "--dataset", "toy", "--metrics", "mig"
    assert scores_of(*arguments, "--pca")["mig"]["discrete_mig"] > 0.9
    with pytest.raises(ValueError, match="reduced by disbench.reduce_slots, or --pca"):
        scores_of(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected --factors FILE or --dataset NAME; got neither"),
        (["--dataset", "toy", "--factors", "codes.npy"], "got both"),
        (["--dataset", "tow"], "Did you mean 'toy'?"),
        (["--dataset", "toy", "--train-fraction", "0.5"], "--train-fraction is for points of your own"),
        (["--dataset", "cars3d"], r"expected mean of shape \(17568, num_latents\).*elevation"),
        (["--dataset", "toy", "--metrics", "mig,dcii"], "Did you mean 'dci'?"),
        (["--dataset", "toy", "--pca"], r"expected numbers of shape \(n, num_slots, width\)"),
        (["--dataset", "toy", "--metrics", "udr"], "udr compares models"),
    ],
)
def test_mistakes_are_named(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    np.save("codes.npy", FACTORS)
    with pytest.raises(ValueError, match=message):
        runner.invoke(app, ["score", "codes.npy", *arguments], catch_exceptions=False)
