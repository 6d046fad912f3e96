"""Archives of somebody's models, mutated on every level, with checksums that fit what was mutated."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutate import fuzz, mutated_bytes, mutated_tree
from tests.pretrained.bundle_writer import FLOAT32, Entry, block, header, masked, table, write_bundle

from disbench.pretrained.archive import open_archive
from disbench.pretrained.bundle import BundleError, read_bundle

VARIABLES = {
    "encoder/e1/kernel": np.ones((4, 4, 1, 2), np.float32), "encoder/means/kernel": np.zeros((2, 3), np.float32)
}  # fmt: skip
INDEX, (DATA,) = write_bundle(VARIABLES)
CONFIG = {"dataset.name": "'dsprites_full'", "model.name": "'beta_vae'", "model.random_seed": "0"}
AGGREGATE = {"evaluation_results.discrete_mig": 0.25, "train_config.dataset.name": "'toy'"}
FOLDER = "0/model/tfhub/variables"
MEMBERS = {
    f"{FOLDER}/variables.index": INDEX,
    f"{FOLDER}/variables.data-00000-of-00001": DATA,
    "0/model/results/json/train_config.json": json.dumps(CONFIG).encode(),
    "0/model/results/aggregate/train.json": json.dumps(AGGREGATE).encode(),
    "0/metrics/mean/mig/results/aggregate/evaluation.json": json.dumps(AGGREGATE).encode(),
}
sizes = st.integers(-3, 3) | st.sampled_from([2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1])


def read(index: bytes) -> None:
    try:
        found = read_bundle(index, lambda number, num: DATA)
    except BundleError as error:
        assert str(error)  # noqa: PT017
    else:
        assert all(values.dtype == np.float32 and values.nbytes <= len(DATA) for values in found.values())


@fuzz
@given(content=mutated_bytes(INDEX))
def test_mutated_bytes_of_an_index(content: bytes) -> None:
    read(content)


@fuzz
@given(data=st.data())
def test_mutated_blocks_with_a_fitting_checksum(data: st.DataObject) -> None:
    entries = [(b"", header()), (b"x", Entry(FLOAT32, (2, 3), 0, 0, 24, masked(DATA[:24])).content())]
    whole = block(entries, data.draw(st.sampled_from([1, 16])))
    read(table([data.draw(mutated_bytes(whole)), *[whole] * data.draw(st.integers(0, 1))]))


@fuzz
@given(data=st.data())
def test_mutated_entries_with_a_fitting_checksum(data: st.DataObject) -> None:
    number = st.one_of(st.just(0), sizes.map(abs))
    shape = tuple(data.draw(st.lists(sizes.map(abs), max_size=9)))
    entry = Entry(FLOAT32, shape, *(data.draw(number) for _ in range(3)), masked(DATA[:24])).content()
    content = data.draw(st.just(entry) | mutated_bytes(entry))
    read(table([block([(b"", header(data.draw(number))), (data.draw(st.binary(max_size=4)) + b"x", content)])]))


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def open_all(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        with open_archive(path) as archive:
            archive.training()
            archive.scores()
            archive.variables()
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@fuzz
@given(data=st.data())
def test_mutated_bytes_of_an_archive(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    open_all(tmp_path / "0.zip", data.draw(mutated_bytes(zipped(MEMBERS, kind))))


@fuzz
@given(data=st.data())
def test_mutated_members_of_an_archive(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(MEMBERS)))
    if name.endswith(".json"):
        content = json.dumps(data.draw(mutated_tree(json.loads(MEMBERS[name])))).encode()
    else:
        content = data.draw(mutated_bytes(MEMBERS[name]))
    renamed = data.draw(st.sampled_from([name, f"../{name}", f"/{name}", name.removeprefix("0/"), f"{name}/../a"]))
    members = {key: value for key, value in MEMBERS.items() if key != name}
    open_all(tmp_path / "0.zip", zipped(members | {renamed: content}))
