"""The ranking without labels over the seeds of each setting, on codes whose ranking is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.study_table import simulate
from typer.testing import CliRunner

import disbench
from disbench import FactorSpace, RepresentationTable
from disbench.cli import app
from disbench.metrics.udr import udr
from disbench.seeds import derive_rng
from disbench.storage import write_table
from disbench.study.agreement import udr_correlations, udr_scores

SPACE = FactorSpace(("shade", "row", "column"), (8, 8, 8))


def codes(seed: int, mixed: float) -> RepresentationTable:
    """The factors, permuted and mixed with each other, as posterior means with a narrow variance."""
    rng = np.random.default_rng(seed)
    factors = SPACE.factors(np.arange(SPACE.num_states)) / 3.5 - 1
    mixture = np.eye(3)[rng.permutation(3)] + mixed * rng.normal(size=(3, 3))
    mean = (factors @ mixture).astype(np.float32)
    return RepresentationTable(SPACE, mean, np.full_like(mean, -4), "sampled")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two settings with three seeds; the runs of the first agree, those of the second do not."""
    folder = tmp_path_factory.mktemp("study")
    simulate(folder, {"shapes3d": 6}, num_seeds=3, num_settings=2)
    for run in disbench.load_results(folder).drop_duplicates("fingerprint").to_dict("records"):
        mixed = 0.0 if run["objectives.beta_vae.beta"] == 1 else 1.0
        path = folder / "runs" / run["fingerprint"] / "representations" / "sampled.zarr"
        path.parent.mkdir()
        write_table(path, codes(run["train.seed"], mixed), {})
    return folder


def test_runs_of_a_setting_are_ranked_among_each_other(study):
    found = udr_scores(disbench.load_results(study), study, num_points=400, correlation="spearman")
    assert found["setting"].tolist() == ["beta_vae beta=1"] * 3 + ["beta_vae beta=2"] * 3
    assert found["seed"].tolist() == [0, 1, 2] * 2
    assert found["udr"][:3].min() > 0.8 > found["udr"][3:].max()
    tables = [codes(seed, 0.0) for seed in range(3)]
    means = [RepresentationTable(SPACE, table.mean, table.log_variance) for table in tables]
    expected = udr(means, derive_rng(0, "udr shapes3d"), num_points=400, correlation="spearman")
    assert found["udr"][:3].tolist() == [expected[f"model_scores.{index}"] for index in range(3)]


def test_the_ranking_is_compared_with_scores(study):
    results = disbench.load_results(study)
    ranking = udr_scores(results, study, num_points=400, correlation="spearman")
    same = ranking[["fingerprint"]].assign(udr=-ranking["udr"])
    first = udr_correlations(ranking, results, scores=["mig.discrete_mig"])
    second = udr_correlations(same, results, scores=["mig.discrete_mig"])
    assert first["num_runs"].tolist() == [6, 6]
    assert first["correlation"].tolist() == pytest.approx((-second["correlation"]).tolist())


def test_without_codes_it_says_how_to_keep_them(study, tmp_path):
    results = disbench.load_results(study)
    with pytest.raises(ValueError, match="expected the codes of at least two runs .* run the study with --keep-tables"):
        udr_scores(results, tmp_path)
    with pytest.raises(ValueError, match=r"results.parquet: the codes to compare are in the folder of a study"):
        udr_scores(results, tmp_path / "results.parquet")


def test_the_command_ranks_on_request(study, tmp_path):
    arguments = ["study", "analyse", str(study), "--udr", "--out", str(tmp_path), "--scores", "mig.discrete_mig"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "udr_correlations" in done.output
    written = pd.read_csv(tmp_path / "udr_scores.csv")
    assert len(written) == 6
    assert written["udr"].between(0, 1).all()
