"""params.yaml and the arguments of the command from anybody: a message, never a traceback."""

import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests import ROOT
from tests.fuzz.mutate import HOSTILE_NUMBERS, HOSTILE_WORDS, fuzz, hostile_values, mutated_bytes, mutated_tree

from disbench import arrays, cli, params

PARAMS = (ROOT / "params.yaml").read_bytes()
METRICS = ["mig", "sap", "dci"]


def check(path, content):
    path.write_bytes(content)
    try:
        params.check(path, METRICS, path.with_name("no.zarr"))
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017
        assert len(str(error)) < 50_000  # noqa: PT017


@fuzz
@given(content=mutated_bytes(PARAMS))
def test_mutated_bytes(tmp_path, content):
    check(tmp_path / "params.yaml", content)


@fuzz
@given(values=mutated_tree(yaml.safe_load(PARAMS)))
def test_mutated_values(tmp_path, values):
    check(tmp_path / "params.yaml", yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass"))


WORDS = st.sampled_from(
    ["check", "train", "postprocess", "evaluate", "score", "metrics", "objectives", "verify", "mig"]
)
OPTIONS = st.sampled_from(
    ["--params", "--dataset", "--metrics", "--factors", "--seed", "--json", "--help", "--train-fraction", "--out", "-x"]
)
VALUES = st.sampled_from([str(number) for number in HOSTILE_NUMBERS] + [w for w in HOSTILE_WORDS if "\x00" not in w])


@fuzz
@given(arguments=st.lists(WORDS | OPTIONS | VALUES | st.text(max_size=5), max_size=8))
def test_arguments(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["disbench", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    assert "Traceback" not in capsys.readouterr().err


@fuzz
@given(data=st.data())
def test_files_of_arrays(tmp_path, data):
    import io

    import numpy as np

    suffix = data.draw(st.sampled_from([".npy", ".npz", ".csv"]))
    buffer = io.BytesIO()
    codes = np.arange(12.0).reshape(6, 2)
    if suffix == ".npy":
        np.save(buffer, codes)
    elif suffix == ".npz":
        np.savez_compressed(buffer, codes=codes)
    else:
        np.savetxt(buffer, codes, delimiter=",", header="a,b")
    path = tmp_path / f"codes{suffix}"
    path.write_bytes(data.draw(mutated_bytes(buffer.getvalue())))
    try:
        assert arrays.read(path).dtype.kind in "biufc"
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017


@fuzz
@given(values=hostile_values())
def test_any_value_as_a_whole_file(tmp_path, values):
    check(tmp_path / "params.yaml", yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass"))
