"""What belongs to a study, from anybody: its file, the results of its runs, and the table that was made of them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests import ROOT
from tests.fuzz.mutate import HOSTILE_NUMBERS, fuzz, mutated_bytes, mutated_tree

from disbench.study import results, schema
from disbench.study.table import StudyTable, whole
from disbench.study.table_files import load_results, write_table
from disbench.study.where import select

PUBLISHED = (ROOT / "src/disbench/study/published/unsupervised_study_v1.yaml").read_bytes()
SMALL: dict[str, Any] = {
    "name": "little", "description": "of two", "datasets": ["toy", "mine"], "seeds": 3,
    "objectives": {"beta_vae": {"beta": [1, 4]}, "factor_vae": {"gamma": [10, 20]}},
    "train": {"num_steps": 4, "batch_size": 8}, "postprocess": {"num_observations": 1},
    "representations": ["mean", "sampled"], "evaluation_seed": 0, "metric_seeds": "drawn",
    "metrics": {"mig": {"num_train": 100}, "sap": None},
}  # fmt: skip
FINGERPRINT = "0123456789abcdef" * 2
RESULT: dict[str, Any] = {
    "fingerprint": FINGERPRINT, "study": "little", "number": 3, "status": "finished",
    "parameters": {"dataset.name": "toy", "train.objective": "beta_vae", "train.seed": 1, "metrics.mig.bins": [1, 2],
                   "objectives.beta_vae.beta": 4.0, "train.subtract_entropy": False, "train.image_gigabytes": None},
    "scores": {"mean": {"mig": {"discrete_mig": 0.5}, "dci": {"disentanglement": 0.25}}, "sampled": {}},
    "training": {"kl": 2.5}, "seconds": {"train": 1.0}, "versions": {"numpy": "2.0"},
}  # fmt: skip


def load(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        study = schema.load(str(path))
        assert study.num_runs > 0
        for number in {0, study.num_runs // 2, study.num_runs - 1}:
            json.dumps(study.run(number).describe())
            study.run(number).fingerprint("sha256:0")
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017
        assert len(str(error)) < 50_000  # noqa: PT017


@fuzz
@given(content=mutated_bytes(PUBLISHED))
def test_mutated_bytes_of_a_study(tmp_path: Path, content: bytes) -> None:
    load(tmp_path / "study.yaml", content)


@fuzz(share=2)
@given(values=mutated_tree(SMALL))
def test_mutated_values_of_a_study(tmp_path: Path, values: Any) -> None:
    load(tmp_path / "study.yaml", yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass"))


words = st.lists(
    st.sampled_from(["dataset", "seed", "beta", "number", "=", "<", ">=", "!=", "1", "1e999", "nan", "toy,mine", " "])
    | st.sampled_from([str(number) for number in HOSTILE_NUMBERS])
    | st.text(max_size=3),
    max_size=8,
).map("".join)


@fuzz
@given(where=words)
def test_any_condition_selects_runs_or_is_refused(where: str) -> None:
    study = schema.Study.model_validate(SMALL)
    try:
        assert len(select(study, where)) <= study.num_runs
    except ValueError as error:
        assert str(error).startswith(("expected a", "no name in a condition"))  # noqa: PT017


def read_result(folder: Path, content: bytes) -> None:
    path = folder / "runs" / FINGERPRINT / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        frame = load_results(folder)
        assert all(frame["fingerprint"] == FINGERPRINT)
        assert frame["value"].dtype == "float64"
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017


@fuzz
@given(content=mutated_bytes(json.dumps(RESULT).encode()))
def test_mutated_bytes_of_a_result(tmp_path: Path, content: bytes) -> None:
    read_result(tmp_path, content)


@fuzz(share=2)
@given(values=mutated_tree(RESULT))
def test_mutated_values_of_a_result(tmp_path: Path, values: Any) -> None:
    read_result(tmp_path, json.dumps(values).encode())


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("tables")
    table = StudyTable.build(results.RunResult.model_validate(RESULT | {"number": number}) for number in range(3))
    for suffix in ("csv", "parquet"):
        write_table(table, folder / f"table.{suffix}")
    assert len(whole(table)) == 6
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@fuzz
@given(data=st.data())
def test_mutated_tables(tmp_path: Path, tables: dict[str, bytes], suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"table{suffix}"
    path.write_bytes(data.draw(mutated_bytes(tables[suffix])))
    try:
        assert isinstance(load_results(path), pd.DataFrame)
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017
