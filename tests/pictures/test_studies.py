"""Figures of a study of simulated runs: nobody trained them, but their table is like that of a real one."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from disbench.cli import app
from disbench.pictures import studies
from disbench.pictures.studies import draw_study
from disbench.pictures.study_frame import study_frame

SCORES = {"mig": ["discrete_mig"], "dci": ["informativeness_train", "disentanglement"],
          "unsupervised": ["gaussian_total_correlation", "mutual_info_score"]}  # fmt: skip
HYPERPARAMETERS = {"beta_vae": ("beta", [1.0, 4.0, 16.0]), "factor_vae": ("gamma", [10.0, 100.0])}


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """Four seeds of each setting on two data sets; MIG rises with the hyper-parameter."""
    rng = np.random.default_rng(0)
    records = []
    for dataset in ("toy", "my_lab.sets:own"):
        for objective, (name, values) in HYPERPARAMETERS.items():
            for value in values:
                for seed in range(4):
                    run = {"study": "s", "number": len(records), "fingerprint": f"{dataset}{objective}{value}{seed}",
                           "dataset.name": dataset, "train.objective": objective, "train.seed": seed,
                           f"objectives.{objective}.{name}": value, "training.kl": 20 - np.log(value),
                           "training.reconstruction": 50 + rng.normal()}  # fmt: skip
                    for representation in ("mean", "sampled"):
                        for metric, scores in SCORES.items():
                            for score in scores:
                                number = np.log(value) + 0.01 * rng.normal() if metric == "mig" else rng.random()
                                records.append(
                                    {**run, "representation": representation, "metric": metric, "score": score,
                                     "value": number + 100 * (representation == "sampled")}
                                )  # fmt: skip
    frame = pd.DataFrame(records)
    texts = ["dataset.name", "train.objective", "representation", "metric", "score"]
    return frame.astype(dict.fromkeys(texts, "category"))


@pytest.fixture
def figures(monkeypatch) -> dict[str, Figure]:
    """Figures that are drawn, by the name of the file."""
    found: dict[str, Figure] = {}
    monkeypatch.setattr(studies, "write_figure", lambda path, figure: found.update({path.stem: figure}) or path)
    return found


def test_runs_have_one_score_a_metric_of_the_representation(results):
    frame = study_frame(results)
    assert len(frame.runs) == 2 * (3 + 2) * 4
    assert frame.supervised == ("dci", "mig")
    assert frame.unsupervised == ("reconstruction", "kl", "gaussian_total_correlation", "mutual_info_score")
    assert frame.hyperparameters == {
        "beta_vae": ("objectives.beta_vae.beta",), "factor_vae": ("objectives.factor_vae.gamma",)
    }  # fmt: skip
    picked = results[(results["score"] == "disentanglement") & (results["representation"] == "mean")]
    expected = picked.set_index("fingerprint")["value"]
    pd.testing.assert_series_equal(frame.runs["dci"], expected.sort_index(), check_names=False)
    assert study_frame(results, "sampled").runs["mig"].min() > 90


def test_a_representation_without_scores_is_refused(results):
    with pytest.raises(ValueError, match="expected scores of the representation 'median'; these results have"):
        study_frame(results, "median")


def test_distributions_show_every_run_and_the_median(results, figures, tmp_path):
    draw_study(results, tmp_path)
    panels = figures["distribution_mig"].axes
    assert [axes.get_title(loc="left") for axes in panels] == ["my_lab.sets:own", "toy"]
    runs = study_frame(results).runs
    for axes, dataset in zip(panels, ["my_lab.sets:own", "toy"], strict=True):
        own = runs[runs["dataset"] == dataset].groupby("objective")["mig"]
        np.testing.assert_allclose(np.sort(axes.lines[0].get_ydata()), np.sort(own.get_group("beta_vae")))
        assert axes.collections[-1].get_segments()[0][0][1] == pytest.approx(own.median()["factor_vae"])


def test_hyperparameters_stand_in_order_with_the_medians(results, figures, tmp_path):
    draw_study(results, tmp_path)
    beta, gamma = figures["hyperparameters_mig"].axes
    assert [label.get_text() for label in beta.get_xticklabels()] == ["1", "4", "16"]
    assert (beta.get_xlabel(), gamma.get_xlabel()) == ("beta", "gamma")
    medians = beta.lines[1].get_ydata()
    np.testing.assert_allclose(medians, np.log([1, 4, 16]), atol=0.03)


def test_rank_correlations_are_those_of_scipy(results, figures, tmp_path):
    from scipy.stats import spearmanr

    draw_study(results, tmp_path)
    runs = study_frame(results).runs
    toy = runs[runs["dataset"] == "toy"]
    shown = figures["rank_correlation"].axes[1].images[0].get_array()
    np.testing.assert_allclose(shown[0, 1], 100 * spearmanr(toy["dci"], toy["mig"]).statistic)
    np.testing.assert_allclose(np.diag(shown), 100)
    panel = figures["unsupervised_toy"].axes[5]  # second row, second column: MIG against KL
    assert panel.get_title(loc="left") == f"{100 * spearmanr(toy['kl'], toy['mig']).statistic:.0f} %"


def test_hyperparameters_that_are_texts_are_drawn(results, figures, tmp_path):
    of_factor_vae = results["train.objective"] == "factor_vae"
    steps = np.where(results["train.seed"] % 2, "paper", "reference")
    draw_study(results.assign(**{"objectives.factor_vae.steps": pd.Series(steps).where(of_factor_vae)}), tmp_path)
    panels = {axes.get_xlabel(): axes for axes in figures["hyperparameters_mig"].axes}
    assert [label.get_text() for label in panels["steps"].get_xticklabels()] == ["paper", "reference"]


def test_the_command_draws_a_table_the_same_each_time(results, tmp_path):
    results.to_parquet(tmp_path / "results.parquet")
    for name in ("a", "b"):
        arguments = ["study", "draw", str(tmp_path / "results.parquet"), "--out", str(tmp_path / name)]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == [
        "distribution_dci.png", "distribution_mig.png", "hyperparameters_dci.png", "hyperparameters_mig.png",
        "rank_correlation.png", "unsupervised_my_lab_sets_own.png", "unsupervised_toy.png",
    ]  # fmt: skip
    assert [n for n in names if (tmp_path / "a" / n).read_bytes() != (tmp_path / "b" / n).read_bytes()] == []
