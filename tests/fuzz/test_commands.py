"""Commands that do not train, with arguments that are nearly right: each does its work or says what is wrong."""

import contextlib
import io
import os
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.study_table import simulate
from hypothesis import given
from hypothesis import strategies as st
from tests.docs.snippets import make_workspace
from tests.fuzz.mutate import HOSTILE_NUMBERS, fuzz

from disbench import cli

STORE, TABLE, MODEL = "data/zarr/toy.zarr", "data/run/table.zarr", "data/run/model"
QUICK = {
    "check": f"check --params params.yaml --dataset {STORE} --metric mig --out data/checked.txt",
    "fetch": "fetch cars3d --out data/raw/cars3d --mirror http://127.0.0.1:9/ --from data",
    "convert": "convert toy --out data/zarr/new.zarr --raw data/raw",
    "convert own": "convert --images images.npy --factors factors.csv --name mine --nuisance a --out mine.zarr",
    "postprocess": f"postprocess --params params.yaml --dataset {STORE} --model {MODEL} --table {TABLE}",
    "evaluate": f"evaluate mig --params params.yaml --table {TABLE} --scores mig.json",
    "score": "score codes.npy --factors factors.csv --metrics mig,sap --train-fraction 0.5 --seed 1 --json",
    "score a set": "score codes.npz --dataset toy --codes-array codes --factors-array codes --pca --metrics study",
    "encode": f"encode {MODEL} images.npy codes.npy --sampled --seed 3",
    "verify": "verify data reports",
    "clean": "clean data reports --checkpoints --dry-run",
    "datasets": "datasets",
    "show": "datasets show toy",
    "preview": f"datasets preview toy --store {STORE} --out pictures --seed 2",
    "compare": "datasets verify dsprites_full images.npz",
    "studies": "study list",
    "study show": "study show study.yaml --model-num 1 --json",
    "study table": "study table study --out table.csv --out table.parquet --format table",
    "metrics": "metrics",
    "objectives": "objectives",
}
SLOW = {
    "import": "import-pretrained 0.zip --out imported",
    "export": f"export {MODEL} --out onnx",
    "visualize": f"visualize --model {MODEL} --dataset {STORE} --table {TABLE} --out pictures --picture traversals "
    "--values minmax --seed 1 --num-points 100",
    "report": "report . other --out page.html --metric mig",
    "report a study": "report study --out page.html",
    "analyse": "study analyse study --out analysis --scores mig.discrete_mig,sap.SAP_score --representation mean --udr",
    "draw": "study draw table.csv --out figures --representation mean",
    "plan": "study plan study.yaml --where seed<1 --data data/zarr --out study",
    "reproduce": f"reproduce --study study.yaml --encoder {MODEL} --dataset toy --data data/zarr --out output "
    "--metric-seeds drawn --no-pictures",
}
STUDY = "name: s\ndatasets: [toy]\nobjectives: {beta_vae: {beta: [1, 4]}}\nseeds: 2\nmetrics: {mig: {num_train: 50}}\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    make_workspace(folder)
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(256, size=(12, 16, 16, 1), dtype=np.uint8))
    np.save(folder / "codes.npy", rng.normal(size=(12, 3)))
    np.savez(folder / "codes.npz", codes=rng.normal(size=(12, 3)))
    (folder / "factors.csv").write_text("a,b\n" + "".join(f"{n // 4},{n % 4}\n" for n in range(12)))
    (folder / "study.yaml").write_text(STUDY)
    simulate(folder / "study", {"toy": 2}, num_seeds=2, num_settings=2)
    return folder


# No text is an absolute path: what is valid but for that would be written there, or removed from there.
texts = st.text(st.characters(exclude_characters="/~\x00", exclude_categories=["Cs"]), max_size=5)
hostile = texts | st.sampled_from(
    ["", ".", "..", "-", "--", "missing", "data", "data/run", "params.yaml", "codes.npy", "0.zip", "study", STORE,
     TABLE, MODEL, "study.yaml", "table.csv", "a:b", "x" * 5000, "é/é", "mig", "sap,", "toy", "toy ", "nan", "1e999",
     "seed<", "http://127.0.0.1:9/x", "memory://x", "s3://none/x", "file:///none", "--help", "--json", "--seed",
     "--out", "-x"]
) | st.sampled_from([str(number) for number in HOSTILE_NUMBERS])  # fmt: skip


@st.composite
def nearly(draw: st.DrawFn, valid: list[str]) -> list[str]:
    """Valid arguments of which one to three were replaced, left out, repeated or swapped."""
    arguments = list(valid)
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.sampled_from([0, *range(1, len(arguments)), *range(1, len(arguments))])) if arguments else 0
        what = draw(st.sampled_from(["replace", "replace", "replace", "remove", "repeat", "insert", "swap"]))
        if what in ("replace", "remove", "swap") and not arguments:
            continue
        if what == "replace":
            arguments[first] = draw(hostile)
        elif what == "remove":
            del arguments[first]
        elif what == "repeat":
            arguments[first:first] = arguments[first : first + 2]
        elif what == "insert":
            arguments.insert(first, draw(hostile))
        else:
            second = draw(st.integers(0, len(arguments) - 1))
            arguments[first], arguments[second] = arguments[second], arguments[first]
    return arguments


def refuse(*arguments: object, **named: object) -> None:
    raise OSError(f"the tests allow no connection: {arguments}")


def run(prepared: Path, folder: Path, arguments: list[str]) -> int | str | None:
    """Exit code or message of a command in a new copy of the workspace, so deep that `..` does not leave the folder."""
    place = folder / "a/b/c/d"
    shutil.rmtree(folder / "a", ignore_errors=True)  # of an execution that failed
    shutil.copytree(prepared, place, copy_function=os.link)
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(place):
        patch.setattr(sys, "argv", ["disbench", *arguments])
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        patch.setattr("time.sleep", lambda seconds: None)  # between attempts to connect
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.raises(SystemExit) as ended:
            cli.main()
    shutil.rmtree(folder / "a")
    assert "Traceback" not in said.getvalue()
    return ended.value.code


@pytest.mark.parametrize("command", QUICK)
@fuzz(share=0.2)
@given(data=st.data())
def test_nearly_right_arguments(prepared: Path, tmp_path: Path, command: str, data: st.DataObject) -> None:
    run(prepared, tmp_path, data.draw(nearly(QUICK[command].split())))


@pytest.mark.parametrize("command", SLOW)
@fuzz(share=0.05)
@given(data=st.data())
def test_nearly_right_arguments_of_slow_commands(
    prepared: Path, tmp_path: Path, command: str, data: st.DataObject
) -> None:
    run(prepared, tmp_path, data.draw(nearly(SLOW[command].split())))


# Without a connection, the official file, or codes of all images, the others are refused whatever their arguments.
@pytest.mark.parametrize("command", [name for name in QUICK if name not in ("fetch", "compare", "score a set")])
def test_what_is_mutated_is_right(prepared: Path, tmp_path: Path, command: str) -> None:
    assert run(prepared, tmp_path, QUICK[command].split()) == 0
