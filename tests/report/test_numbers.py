"""What the page says in numbers."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.report.facts import duration_text, facts, training_seconds
from disbench.report.latents import describe_latents, information_shares, kl_divergences
from disbench.report.matrices import relation_matrices
from disbench.report.page import number
from disbench.report.points import draw_points
from disbench.report.revisions import commit
from disbench.report.run import Curve, read_run
from disbench.report.scores import shown_scores
from disbench.report.standing import Standing, standings
from disbench.storage import open_table, write_table
from disbench.table import LabelledCodes, RepresentationTable

SPACE = FactorSpace(("a", "b"), (4, 3))


def codes_of(factors):
    """Latent 0 is the second factor, latent 1 nothing, latent 2 the first factor."""
    return np.stack([factors[:, 1], 0 * factors[:, 0], factors[:, 0]], axis=1).astype(np.float32)


def table_of(factors):
    mean = codes_of(factors)
    log_variance = np.zeros_like(mean)
    log_variance[:, 2] = -4
    return RepresentationTable(SPACE, mean, log_variance)


def test_latents_are_ranked_by_their_divergence():
    factors = SPACE.factors(np.arange(12))
    table = table_of(factors)
    expected = [0.5 * (5 / 3), 0, 0.5 * (3.5 + np.exp(-4) + 4 - 1)]  # half the mean of mean² + variance - log - 1
    np.testing.assert_allclose(kl_divergences(table), expected, rtol=1e-6)
    first, second, dead = describe_latents(table, information_shares(table.mean, factors))
    assert (first.index, first.factor, first.low, first.high) == (2, "a", 0, 3)
    assert (second.index, second.factor, second.share) == (0, "b", pytest.approx(1))
    assert (dead.index, dead.dead, dead.factor, dead.low, dead.high) == (1, True, None, -2, 2)


def test_matrices_of_a_perfect_code_are_diagonal():
    rng = np.random.default_rng(0)
    factors = SPACE.factors(rng.integers(12, size=600))
    codes = codes_of(factors)
    matrices = relation_matrices(LabelledCodes(codes[:400], factors[:400], codes[400:], factors[400:]), SPACE.names)
    assert [matrix.name for matrix in matrices] == ["Mutual information", "Importance", "Accuracy"]
    for matrix in matrices:
        assert matrix.latents == (2, 0, 1)
        assert matrix.values[:, :2].argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(matrices[0].values, [[1, 0, 0], [0, 1, 0]], atol=0.05)
    np.testing.assert_allclose(matrices[1].values, [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_a_factor_that_does_not_vary_is_left_out():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(3, size=300), np.zeros(300, dtype=int)], axis=1)
    codes = rng.normal(size=(300, 2))
    points = LabelledCodes(codes[:200], factors[:200], codes[200:], factors[200:])
    assert relation_matrices(points, ("moves", "stands"))[0].factors == ("moves",)


def test_scores_stand_between_the_initial_network_and_the_factors(run):
    points = draw_points(run)
    assert len(points.factors) == len(points.trained) == len(points.untrained) == 3000
    found = standings("mig", run.settings, points)["discrete_mig"]
    assert 0 <= found.untrained < found.perfect
    assert found.perfect > 0.9
    assert Standing(0.25, 0.5, 0.75).progress == 0.5
    assert Standing(0.5, 0.1, 0.5).progress is None
    scores, others = shown_scores(run, points)
    assert {(score.metric, score.key) for score in scores} >= {("mig", "discrete_mig"), ("dci", "completeness")}
    assert "dci: informativeness_train" in others
    marks = next(score for score in scores if score.metric == "mig").place
    assert marks.perfect == pytest.approx(100 * found.perfect)


def test_points_are_the_states_that_their_codes_belong_to(run):
    points = draw_points(run)
    rows = run.table.space.rows(points.factors)
    np.testing.assert_array_equal(run.table.mean[rows], points.trained)


def test_a_metric_that_is_not_defined_says_why(run):
    points = replace(draw_points(run), factors=np.zeros((3000, 4), dtype=np.int64))
    assert "needs at least 1 factor" in standings("mig", run.settings, points)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.123"), (1.0, "1"), (12345.6, "12,346"), (-0.5, "−0.500"), (1.2e-7, "1.2e−07"), (33.333, "33.3")],
)
def test_numbers_are_for_people(value, text):
    assert number(value) == text


def test_durations_come_from_the_logged_speed(run, tmp_path):
    assert training_seconds(Curve((100, 200), (50.0, 100.0))) == pytest.approx(3)
    assert [duration_text(s) for s in (2.34, 75, 7265)] == ["2.3 s", "1 min 15 s", "2 h 1 min"]
    told = facts(run)
    assert told["Training"]["beta"] == "4.0"
    assert told["Data"]["factor shape"] == "3 values"
    assert told["Evaluation"]["mig.num_train"] == "200"
    assert commit(tmp_path) == "none"


def test_a_folder_that_is_not_a_run_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match=r"no params\.yaml; expected the folder of a finished run"):
        read_run(tmp_path)
    with pytest.raises(ValueError, match="no scores of sap; run `dvc repro evaluate`"):
        read_run(folder, ["mig", "sap"])
    assert list(read_run(folder, ["mig"]).scores) == ["mig"]


def test_parts_of_different_runs_are_refused(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    table = open_table(copy / "data/run/table.zarr")
    write_table(copy / "data/run/table.zarr", table, {"encoder": "sha256:0"})
    with pytest.raises(ValueError, match="the table of codes is another encoder's"):
        read_run(copy)
