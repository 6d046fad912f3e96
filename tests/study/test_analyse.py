"""Analyses of studies whose answers are known beforehand, against scipy and against counting."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.study_table import simulate
from scipy.stats import spearmanr
from typer.testing import CliRunner

import disbench
from disbench.cli import app
from disbench.study import analyse, transfer
from disbench.study.columns import side_by_side
from disbench.study.report import analyses


def study(value, *, datasets=("a", "b"), objectives=("x", "y"), options=(1.0, 2.0, 4.0), seeds=3) -> pd.DataFrame:
    """Results with the metric `mig` and the unsupervised one, of `value(dataset, objective, option, seed)`."""
    rows = []
    for number, (dataset, objective, option, seed) in enumerate(product(datasets, objectives, options, range(seeds))):
        mig = value(dataset, objective, option, seed)
        common = {
            "study": "known", "number": number, "fingerprint": f"f{number:03}", "representation": "mean",
            "dataset.name": dataset, "train.objective": objective, "train.seed": seed,
            f"objectives.{objective}.strength": option, f"objectives.{objective}.fixed": 1.0, "training.kl": -mig,
        }  # fmt: skip
        rows += [
            common | {"metric": "mig", "score": "discrete_mig", "value": mig},
            common | {"metric": "unsupervised", "score": "mutual_info_score", "value": mig**3},
        ]
    return pd.DataFrame(rows)


def by_option(dataset: str, objective: str, option: float, seed: int) -> float:
    return option


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    simulate(folder, {"dsprites_full": 5, "cars3d": 3}, num_seeds=4, num_settings=12)
    return folder


def test_scores_stand_side_by_side(simulated):
    results = disbench.load_results(simulated)
    wide = side_by_side(results)
    assert len(wide) == 96 * 2
    assert wide["setting"].nunique() == 12
    assert "beta_vae beta=4" in set(wide["setting"])
    assert wide["seed"].tolist()[:4] == [0, 0, 1, 1]
    row = wide.iloc[37]
    written = json.loads((simulated / "runs" / row["fingerprint"] / "result.json").read_text())
    assert written["parameters"]["dataset.name"] == row["dataset"]
    for name in ("mig.discrete_mig", "dci.disentanglement", "downstream_boosted_trees.10000:mean_test_accuracy"):
        metric, score = name.split(".")
        assert written["scores"][row["representation"]][metric][score] == row[name]


def test_correlations_of_scores_are_scipys(simulated):
    results = disbench.load_results(simulated)
    found = analyse.score_correlations(results).set_index(["dataset", "representation", "score_a", "score_b"])
    wide = side_by_side(results)
    for dataset, representation in product(("dsprites_full", "cars3d"), ("mean", "sampled")):
        runs = wide[(wide["dataset"] == dataset) & (wide["representation"] == representation)]
        expected = spearmanr(runs["sap.SAP_score"], runs["beta_vae.eval_accuracy"]).statistic
        row = found.loc[(dataset, representation, "sap.SAP_score", "beta_vae.eval_accuracy")]
        assert row["correlation"] == pytest.approx(expected, abs=1e-12)
        assert row["num_runs"] == 48
    runs = wide[wide["representation"] == "mean"]
    across = found.loc[("all data sets", "mean", "mig.discrete_mig", "dci.disentanglement")]
    expected = spearmanr(runs["mig.discrete_mig"], runs["dci.disentanglement"]).statistic
    assert across["correlation"] == pytest.approx(expected, abs=1e-12)
    assert across["num_runs"] == 96


def test_a_constant_score_correlates_with_nothing():
    found = analyse.score_correlations(study(lambda *_: 0.5))
    assert len(found) == 3 * 4
    assert found["correlation"].isna().all()


def test_scores_that_some_runs_miss_are_compared_over_the_others():
    """A metric that was added to the study later takes nothing from the correlations of the others."""
    results = study(lambda dataset, objective, option, seed: option + seed / 10)
    late = (results["metric"] == "unsupervised") & (results["dataset.name"] == "a") & (results["number"] % 3 < 2)
    found = analyse.score_correlations(results[~late])
    rows = found.set_index(["dataset", "score_a", "score_b"])
    wide = side_by_side(results[~late]).query("dataset == 'a'").dropna()
    scores = ["mig.discrete_mig", "unsupervised.mutual_info_score"]
    assert rows.loc[("a", *scores), "num_runs"] == len(wide) == 6
    assert rows.loc[("a", *scores), "correlation"] == pytest.approx(spearmanr(wide[scores]).statistic)
    assert rows.loc[("a", scores[0], scores[0]), "num_runs"] == 18
    assert rows.loc[("all data sets", *scores), "num_runs"] == 24


def test_a_setting_is_what_a_run_computes():
    """The device, say, is no part of it; numbers are told apart to the last digit."""
    results = study(lambda *_: 0.5, options=(1.0, 1.0000001))
    results["train.device"] = np.where(results["number"] % 2, "cpu", "cuda")
    results["train.log_every"] = 100 * (1 + results["number"] % 2)
    assert list(dict.fromkeys(side_by_side(results)["setting"])) == [
        "x strength=1", "x strength=1.0000001", "y strength=1", "y strength=1.0000001"
    ]  # fmt: skip


def test_runs_of_other_code_are_not_mixed_in():
    results = study(by_option, seeds=1)
    again = results[results["number"] == 2].assign(fingerprint="g002")
    with pytest.raises(ValueError, match=r"got 2 of a, x strength=4, seed 0: f002, g002. .*study run --only"):
        analyse.variance_explained(pd.concat([results, again]))


def test_a_downstream_task_is_compared_by_its_largest_sample():
    results = study(by_option)
    mig = results[results["metric"] == "mig"].assign(metric="downstream_boosted_trees")
    names = [f"{size}:mean_{part}_accuracy" for size in (10, 1000, 200) for part in ("train", "test")]
    wide = side_by_side(pd.concat([results, *(mig.assign(score=name) for name in names)]))
    assert [name for name in wide if name.startswith("downstream")] == [
        "downstream_boosted_trees.1000:mean_test_accuracy"
    ]


def test_what_needs_no_labels_is_compared_with_what_does():
    found = analyse.unsupervised_correlations(study(lambda d, o, option, seed: option + seed / 10))
    assert set(found["supervised"]) == {"mig.discrete_mig"}
    assert len(found) == 2 * 3
    expected = {"training.kl": -1.0, "unsupervised.mutual_info_score": 1.0}
    assert found["correlation"].tolist() == pytest.approx([expected[name] for name in found["unsupervised"]])


def test_scores_by_hyperparameter_are_those_of_the_runs():
    found = analyse.hyperparameter_scores(study(lambda d, o, option, seed: option + seed))
    row = found[(found["dataset"] == "b") & (found["objective"] == "y") & (found["value"] == 4)].iloc[0]
    assert set(found["hyperparameter"]) == {"strength"}
    assert row[["num_runs", "mean", "std", "min", "median", "max"]].tolist() == [3, 5, 1, 4, 5, 6]
    assert (row["q25"], row["q75"]) == (4.5, 5.5)
    assert len(found) == 2 * 2 * 3 * 2


@pytest.mark.parametrize(
    ("value", "objective", "setting"),
    [
        (lambda dataset, objective, option, seed: float(objective == "x"), 1, 1),
        (by_option, 0, 1),
        (lambda dataset, objective, option, seed: float(seed), 0, 0),
        (lambda dataset, objective, option, seed: 2.0 * (objective == "x") + 2 * (seed == 1), 27 / 51, 27 / 51),
    ],
)
def test_variance_is_that_of_objective_setting_and_seed(value, objective, setting):
    found = analyse.variance_explained(study(value), scores=["mig.discrete_mig"])
    assert len(found) == 2
    assert found["objective"].tolist() == pytest.approx([objective] * 2)
    assert found["setting"].tolist() == pytest.approx([setting] * 2)
    assert found["seed"].tolist() == pytest.approx([1 - setting] * 2)
    assert found["num_runs"].tolist() == [18, 18]


def test_data_sets_are_compared_by_setting():
    opposite = analyse.dataset_correlations(
        study(lambda dataset, objective, option, seed: option * (1 if dataset == "a" else -1) + seed)
    )
    mig = opposite[opposite["score"] == "mig.discrete_mig"].set_index(["dataset_a", "dataset_b"])["correlation"]
    assert mig.to_dict() == {key: pytest.approx(1 if key[0] == key[1] else -1) for key in product("ab", "ab")}


def counted_transfer(values: np.ndarray) -> dict[tuple[bool, bool], float]:
    """Probabilities by going through every choice, opponent and seed; values (scores, data sets, settings, seeds)."""
    wins: dict[tuple[bool, bool], list[float]] = {}
    scores, datasets, settings, seeds = map(range, values.shape)
    for score, dataset, seed in product(scores, datasets, seeds):
        best = int(values[score, dataset, :, seed].argmax())
        for other, elsewhere, later, opponent in product(scores, datasets, seeds, settings):
            if later != seed:
                ours, theirs = values[other, elsewhere, best, later], values[other, elsewhere, opponent, later]
                wins.setdefault((other == score, elsewhere == dataset), []).append(
                    (ours > theirs) + (ours == theirs) / 2
                )
    return {key: float(np.mean(found)) for key, found in wins.items()}


def test_transfer_is_what_counting_gives(simulated):
    results = disbench.load_results(simulated)
    names = ["mig.discrete_mig", "sap.SAP_score", "dci.completeness"]
    found = transfer.selection_transfer(results, scores=names)
    wide = side_by_side(results, names)
    for representation, rows in found.groupby("representation"):
        runs = wide[wide["representation"] == representation].sort_values(["dataset", "setting", "seed"])
        values = np.stack([runs[name].to_numpy().reshape(2, 12, 4) for name in names])
        expected = counted_transfer(values)
        assert len(rows) == 4
        for row in rows.itertuples():
            assert row.probability == pytest.approx(expected[row.same_score, row.same_dataset], abs=1e-12)


def test_transfer_of_what_always_holds_and_never_does():
    certain = transfer.selection_transfer(study(by_option, objectives=("x",)))
    assert certain["probability"].tolist() == pytest.approx([5 / 6, 5 / 6])  # of three settings, itself counting half
    assert certain["same_dataset"].tolist() == [True, False]
    with pytest.raises(ValueError, match="expected at least 2 settings and 2 seeds .*; got 3 settings and 1 seeds"):
        transfer.selection_transfer(study(by_option, objectives=("x",), seeds=1))
    assert "selection_transfer" not in analyses(study(by_option, objectives=("x",), seeds=1))


def test_of_unfairness_less_is_chosen():
    results = study(by_option, objectives=("x",))
    unfair = results["metric"] == "mig"
    renamed = results.assign(
        metric=results["metric"].where(~unfair, "fairness"),
        score=results["score"].where(~unfair, "mean_fairness:mean_pred:mean_sens"),
    )
    both = pd.concat([results, renamed.assign(value=-renamed["value"])]).drop_duplicates(["number", "metric"])
    found = transfer.selection_transfer(both)
    assert found["probability"].tolist() == pytest.approx([5 / 6] * 4)


def test_an_unknown_score_and_no_scores_are_refused():
    results = study(by_option)
    with pytest.raises(ValueError, match=r"no score in these results called 'mig.mig'. .*: mig.discrete_mig, "):
        analyse.score_correlations(results, scores=["mig.mig"])
    with pytest.raises(ValueError, match="expected scores of at least one finished run; got none"):
        analyse.variance_explained(results.iloc[:0])


def test_the_command_prints_tables_and_writes_every_frame(simulated, tmp_path):
    arguments = [
        "study",
        "analyse",
        str(simulated),
        "--out",
        str(tmp_path),
        "--scores",
        "mig.discrete_mig, sap.SAP_score",
    ]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    refused = CliRunner().invoke(app, [*arguments, "--representation", "median"])
    assert "mean or sampled; got 'median'" in str(refused.exception)
    frames = analyses(disbench.load_results(simulated), scores=["mig.discrete_mig", "sap.SAP_score"])
    assert len(frames) == 6
    assert [name for name in frames if name not in done.output] == []
    written = json.loads((tmp_path / "analysis.json").read_text())
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / f"{name}.csv"), frame, check_dtype=False)
        assert len(written[name]) == len(frame)
