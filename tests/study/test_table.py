"""One table of a study, read again as it was written, and under the reference's names."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.study_table import score_names, simulate
from typer.testing import CliRunner

import disbench
from disbench.cli import app
from disbench.study import results
from disbench.study.table import StudyTable

DATASETS = {"dsprites_full": 5, "cars3d": 3}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    assert simulate(folder, DATASETS, num_seeds=2, num_settings=12) == 48
    return folder


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "study"))


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["study", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.output)


def test_a_row_for_each_run_representation_and_score(study):
    frame = disbench.load_results(study)
    per_run = {name: sum(map(len, score_names(num).values())) for name, num in DATASETS.items()}
    counts = frame.groupby(["dataset.name", "representation"], observed=True).size()
    assert counts.to_dict() == {(name, r): 24 * per_run[name] for name in DATASETS for r in ("mean", "sampled")}
    path = results.paths(study)[17]
    written = json.loads(path.read_text())
    rows = frame[frame["fingerprint"] == written["fingerprint"]]
    assert len(rows) == 2 * per_run[written["parameters"]["dataset.name"]]
    for row in rows.to_dict("records"):
        assert row["value"] == written["scores"][row["representation"]][row["metric"]][row["score"]]
        assert row["training.kl"] == written["training"]["kl"]
    for name, value in written["parameters"].items():
        assert (rows[name].isna() if value is None else rows[name] == value).all(), name


def test_columns_have_types(study):
    frame = disbench.load_results(study)
    assert frame["train.seed"].dtype == "Int64"
    assert frame["train.subtract_entropy"].dtype == "boolean"
    assert frame["objectives.factor_vae.gamma"].dtype == "float64"
    assert frame["train.objective"].dtype == "category"
    assert frame["value"].dtype == "float64"
    of_beta_vae = frame[frame["train.objective"] == "beta_vae"]
    assert of_beta_vae["objectives.factor_vae.gamma"].isna().all()
    assert set(of_beta_vae["objectives.beta_vae.beta"]) == {1, 2, 4, 6, 8, 16}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_file_gives_the_frame_of_the_folder(study, tmp_path, suffix):
    printed = run("table", study, "--out", tmp_path / f"results.{suffix}")
    assert "48 runs" in printed
    expected = disbench.load_results(study)
    loaded = disbench.load_results(tmp_path / f"results.{suffix}")
    assert list(loaded.columns) == list(expected.columns)
    if suffix == "csv":  # it does not say that a column is floating-point, nor what one without values is
        whole = expected.columns[(loaded.dtypes == "Int64") & (expected.dtypes == "float64")]
        assert (expected[whole].fillna(0) % 1 == 0).all(axis=None)
        loaded = loaded.astype(dict.fromkeys(whole, "float64") | {"train.image_gigabytes": "category"})
    pd.testing.assert_frame_equal(loaded, expected, check_categorical=False)
    assert [path.name for path in tmp_path.iterdir()] == [f"results.{suffix}"]
    seven = disbench.load_results(tmp_path / f"results.{suffix}", columns=["metric", "value"])
    assert list(seven.columns) == ["metric", "value"]


def test_writing_in_parts_gives_the_same_rows(study):
    table = StudyTable.build(results.read_all(study))
    parts = [part.to_pandas() for part in table.batches(num_rows=1000)]
    assert max(map(len, parts)) == 1000
    assert pd.concat(parts)["value"].tolist() == table.value.tolist()


def test_values_of_several_types_are_texts(copied):
    first, second = results.paths(copied)[:2]
    for path, value in ((first, "auto"), (second, [1, 2])):
        parameters = json.loads(path.read_text())["parameters"]
        change(path, parameters=parameters | {"train.extra": value})
    column = disbench.load_results(copied)["train.extra"]
    assert set(column.dropna()) == {'"auto"', "[1, 2]"}


def test_failed_and_unfinished_runs_are_left_out(copied, tmp_path):
    first, second, *_ = results.paths(copied)
    change(first, status="failed", scores={}, error="Traceback ...")
    second.unlink()
    printed = run("table", copied, "--out", tmp_path / "results.parquet")
    assert "46 runs" in printed
    assert "1 failed runs are not in it" in printed
    assert json.loads(first.read_text())["fingerprint"] not in set(disbench.load_results(copied)["fingerprint"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"fingerprint": "x", "stu', "not the result of a run: Invalid JSON"),
        (b"\x93NUMPY", "not the result of a run: Invalid JSON"),
        (b'{"discrete_mig": 0.1}', "not the result of a run: fingerprint: Field required"),
    ],
)
def test_a_damaged_file_is_named(copied, content, message):
    path = results.paths(copied)[3]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path}: {message}"):
        disbench.load_results(copied)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fingerprint": "0" * 32}, "whose folder it lies in; got that of '0000"),
        ({"scores": {"mean": {"mig": {"discrete_mig": "high"}}}}, "scores.mean.mig.discrete_mig: Input should be a"),
        ({"training": {"kl": float("nan")}}, "training.kl: Input should be a finite number"),
        ({"status": "running"}, "status: Input should be 'finished' or 'failed'"),
        ({"parameters": {"train": {"seed": 1}}}, "parameters.train"),
        ({"parameters": {"train.seed": 2**63}}, "expected whole numbers of at most 64 bits; got 9223372036854775808"),
        ({"parameters": {"metrics.mig.bins": [1, -(2**64)]}}, "at most 64 bits; got -18446744073709551616"),
    ],
)
def test_a_foreign_file_is_named(copied, values, message):
    path = results.paths(copied)[3]
    change(path, **values)
    with pytest.raises(ValueError, match=message) as error:
        disbench.load_results(copied)
    assert str(error.value).startswith(f"{path}: ")


def test_what_is_no_study_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    for path, message in (
        (tmp_path, "expected the folder of a study, with a folder `runs`"),
        (tmp_path / "none.parquet", "no such folder or file"),
        (tmp_path / "other.parquet", "not the table of a study: expected the columns"),
        (tmp_path / "broken.parquet", "not readable as parquet"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            disbench.load_results(path)
        assert str(error.value).startswith(f"{path}: ")


def test_an_unknown_column_or_suffix_is_refused(study, tmp_path):
    with pytest.raises(ValueError, match=r"no column 'train.sead'; it has study, number"):
        disbench.load_results(study, columns=["train.sead"])
    with pytest.raises(ValueError, match=r"expected a file called .parquet or .csv; got '.*results.xlsx'"):
        run("table", study, "--out", tmp_path / "results.xlsx")
    with pytest.raises(ValueError, match=r"expected a file called .parquet or .csv; got '.*results.xlsx'"):
        run("table", study, "--out", tmp_path / "results.csv", "--out", tmp_path / "results.xlsx")
    with pytest.raises(ValueError, match=r"expected a file called .json; got '.*results.parquet'"):
        run("table", study, "--format", "reference", "--out", tmp_path / "results.parquet")
    assert list(tmp_path.iterdir()) == []


# Keys that disentanglement_lib 1.5 writes: of the settings, of training, and of the nine metrics of its study.
REFERENCE_NAMES = {
    "path",
    "train_config.dataset.name", "train_config.model.name", "train_config.model.model", "train_config.model.model_num",
    "train_config.model.random_seed", "train_config.model.batch_size", "train_config.model.training_steps",
    "train_config.encoder.num_latent", "train_config.encoder.encoder_fn", "train_config.decoder.decoder_fn",
    "train_config.reconstruction_loss.loss_fn", "train_config.vae/AdamOptimizer.learning_rate",
    "train_config.vae.beta", "train_config.factor_vae.gamma", "train_config.dip_vae.lambda_od",
    "train_config.dip_vae.dip_type", "train_config.beta_tc_vae.beta", "train_config.annealed_vae.c_max",
    "train_results.reconstruction_loss", "train_results.kl_loss", "train_results.elbo", "train_results.global_step",
    "train_results.elapsed_time", "train_results.uuid",
    "postprocess_config.postprocess.postprocess_fn", "postprocess_results.uuid",
    "evaluation_config.evaluation.evaluation_fn", "evaluation_config.evaluation.random_seed",
    "evaluation_config.dataset.name", "evaluation_config.mig.num_train", "evaluation_config.discretizer.num_bins",
    "evaluation_config.predictor.predictor_fn",
    "evaluation_results.uuid", "evaluation_results.train_accuracy", "evaluation_results.eval_accuracy",
    "evaluation_results.num_active_dims", "evaluation_results.discrete_mig", "evaluation_results.SAP_score",
    "evaluation_results.informativeness_train", "evaluation_results.informativeness_test",
    "evaluation_results.disentanglement", "evaluation_results.completeness", "evaluation_results.modularity_score",
    "evaluation_results.explicitness_score_train", "evaluation_results.explicitness_score_test",
    "evaluation_results.gaussian_total_correlation", "evaluation_results.gaussian_wasserstein_correlation",
    "evaluation_results.gaussian_wasserstein_correlation_norm", "evaluation_results.mutual_info_score",
    "evaluation_results.10:mean_train_accuracy", "evaluation_results.10:mean_test_accuracy",
    "evaluation_results.10000:min_train_accuracy", "evaluation_results.10000:min_test_accuracy",
    "evaluation_results.1000:train_accuracy_factor_4", "evaluation_results.100:test_accuracy_factor_0",
}  # fmt: skip


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("reference")
    simulate(folder / "study", {"shapes3d": 6}, num_seeds=1)
    run("table", folder / "study", "--format", "reference", "--out", folder / "results.json")
    return pd.read_json(folder / "results.json")


def test_the_reference_names_are_there(reference):
    assert set(reference.columns) >= REFERENCE_NAMES
    assert len(reference) == 36 * 2 * 9
    assert reference.index.tolist() == list(range(len(reference)))


def test_what_notebooks_do_with_the_reference_table_works(reference):
    """Select by gin's texts, group by model, and find each metric's score in its own rows only."""
    assert set(reference["train_config.model.name"].str.strip("'")) == {
        "beta_vae", "factor_vae", "dip_vae_i", "dip_vae_ii", "beta_tc_vae", "annealed_vae",
    }  # fmt: skip
    mig = reference[reference["evaluation_config.evaluation.evaluation_fn"] == "@mig"]
    assert len(mig) == 72
    assert mig["evaluation_results.discrete_mig"].notna().all()
    assert reference["evaluation_results.discrete_mig"].notna().sum() == 72
    assert set(mig["postprocess_config.postprocess.postprocess_fn"]) == {
        "@mean_representation",
        "@sampled_representation",
    }
    dip = mig[mig["train_config.model.model"] == "@dip_vae()"]
    assert set(dip["train_config.dip_vae.dip_type"].str.strip("'")) == {"i", "ii"}
    assert sorted(set(mig["train_config.vae.beta"].dropna().astype(float))) == [1, 2, 4, 6, 8, 16]
    by_model = mig.groupby("train_config.model.name")["evaluation_results.discrete_mig"].mean()
    assert np.isfinite(by_model).all()
    assert len(by_model) == 6


def test_the_reference_table_has_the_seeds_that_were_drawn(copied, tmp_path):
    first, second, third, *_ = results.paths(copied)
    parameters = json.loads(first.read_text())["parameters"] | {"evaluate.metric_seeds": "drawn"}
    change(first, parameters=parameters, metric_seeds={"mean": {"mig": 4242}, "sampled": {"mig": 2424}})
    change(second, status="failed", scores={}, error="Traceback ...")
    third.unlink()
    printed = run("table", copied, "--format", "reference", "--out", tmp_path / "results.json")
    assert "1 failed runs are not in it" in printed
    rows = pd.read_json(tmp_path / "results.json", dtype=False)
    rows = rows[rows["train_results.uuid"] == first.parent.name]
    seeds = rows.set_index("path")["evaluation_config.evaluation.random_seed"].dropna()
    assert seeds.to_dict() == {
        f"runs/{first.parent.name}/mean/mig": "4242", f"runs/{first.parent.name}/sampled/mig": "2424"
    }  # fmt: skip
