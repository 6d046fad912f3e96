"""The bundle of variables: whole, unusual, damaged."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from disbench.pretrained._table import masked_crc
from disbench.pretrained.bundle import BundleError, read_bundle
from tests.pretrained.bundle_writer import (
    FLOAT32,
    MAGIC,
    Entry,
    block,
    field,
    header,
    masked,
    sealed,
    table,
    varint,
    write_bundle,
)

RNG = np.random.default_rng(0)
VARIABLES = {
    f"{part}/layer_{index}/{name}": RNG.normal(size=shape).astype(np.float32)
    for part in ("decoder", "encoder")
    for index in range(10)
    for name, shape in (("kernel", (3, 4)), ("bias", (4,)))
} | {"scale": np.float32(RNG.normal(size=()))}
CONTENT = np.arange(6, dtype=np.float32).tobytes()


def read(index, shards):
    def shard(number, num):
        assert num == len(shards)
        return shards[number]

    return read_bundle(index, shard)


def index_of(**changes):
    """Index of one variable of shape (2, 3) that is stored in `CONTENT`, with other values where they are given."""
    values = {"dtype": FLOAT32, "shape": (2, 3), "shard": 0, "start": 0, "size": 24, "checksum": masked(CONTENT)}
    return table([block([(b"", header()), (b"x", Entry(**values | changes).content())])])


def test_the_checksum_is_that_of_the_standard():
    """RFC 3720, appendix B.4: 32 bytes of 0 have CRC-32C 0x8a9136aa; LevelDB rotates it and adds a constant."""
    rotated = (0x8A9136AA >> 15 | 0x8A9136AA << 17) + 0xA282EAD8
    assert masked_crc(bytes(32)) == rotated % 2**32


@pytest.mark.parametrize(("num_shards", "entries_in_block"), [(1, 100), (1, 3), (4, 7)])
def test_what_was_written_is_read(num_shards, entries_in_block):
    found = read(*write_bundle(VARIABLES, num_shards, entries_in_block))
    assert found.keys() == VARIABLES.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, VARIABLES[name])


def test_variables_of_other_types_are_left_out():
    assert read(*write_bundle({"global_step": np.array(300_000), "x": np.ones(2, np.float32)})).keys() == {"x"}


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"", "do not end as the index of a bundle does"),
        (bytes(2 << 20), "expected an index of at most 1,048,576 bytes; got 2,097,152"),
        (index_of()[:-1], "do not end as the index of a bundle does"),
        (table([block([(b"x", b"")])]), "has no header"),
        (table([block([(b"", header(big_endian=1))])]), "highest byte first"),
        (table([block([(b"", header(0))])]), "expected 1 to 1000 files of data; the index says 0"),
        (table([block([(b"", header())])], compression=1), "is compressed"),
        (table([block([(b"b", b""), (b"a", b"")])]), "key b'a' comes after b'b'"),
        (table([block([(b"", header())])] * 2), "key b'' comes after b''"),
        (table([b"\0\0\0\0"]), "counts 0 starts of keys"),
        (table([b"\x05\x01\x00a" + bytes(4) + b"\x01\0\0\0"]), "has a key of 5"),
        (table([block([(b"", header()), (b"x" * 2000, b"")])]), "has a key of 0 . 2000 bytes"),
        (table([block([(b"", header()), (b"\xff", Entry(1, (), 0, 0, 4, 0).content())])]), "expected the name"),
        (index_of(shard=1), "x is said to be in file 1 of 1"),
        (index_of(start=1), r"x is said to be at bytes 1 to 25 of a file of 24"),
        (index_of(size=20), r"x has 20 bytes, which is not a float32 array \(2, 3\)"),
        (index_of(shape=(2**40, 2**40)), "x has 24 bytes, which is not"),
        (index_of(shape=(0, 3), size=0), "x has 0 bytes, which is not"),
        (index_of(shape=(1,) * 9, size=4), "expected at most 8 axes; x has 9"),
        (index_of(checksum=1), "x has checksum .* expected 0x00000001"),
        (index_of(extra=field(7, b"")), "x is stored in slices"),
    ],
)
def test_what_cannot_be_read_is_explained(index, message):
    with pytest.raises(BundleError, match=message):
        read(index, [CONTENT])


def test_a_changed_byte_of_the_data_is_noticed():
    index, (data,) = write_bundle(VARIABLES)
    for position in (0, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(BundleError, match="has checksum"):
            read(index, [bytes(damaged)])


def changed(content, edits):
    """Each edit is a place in [0, 1), bytes to write there, and how many bytes they replace."""
    for place, written, replaced in edits:
        start = int(place * len(content))
        content = content[:start] + written + content[start + replaced :]
    return content


EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6), st.integers(0, 40)), min_size=1, max_size=4
)


@seed(0)
@settings(max_examples=400, deadline=None, database=None)
@given(EDITS)
def test_a_damaged_index_is_an_error_or_changes_nothing(edits):
    index, shards = write_bundle(VARIABLES)
    try:
        found = read(changed(index, edits), shards)
    except BundleError:
        return
    assert all((found[name] == VARIABLES[name]).all() for name in found)


@seed(1)
@settings(max_examples=600, deadline=None, database=None)
@given(EDITS, st.sampled_from(["entries", "handles", "footer"]))
def test_a_forged_index_is_an_error_or_gives_what_is_stored(edits, part):
    """Checksums are made right again, so that what they protect is read."""
    entry = Entry(FLOAT32, (2, 3), 0, 0, 24, masked(CONTENT)).content()
    data = block([(b"", header()), (b"a", entry), (b"ab", entry), (b"b", entry)])
    data = changed(data, edits) if part == "entries" else data
    handles = block([(b"k", varint(0) + varint(len(data)))])
    handles = changed(handles, edits) if part == "handles" else handles
    body = sealed(data)
    footer = bytes(2) + varint(len(body)) + varint(len(handles))
    footer = changed(footer, edits)[:40] if part == "footer" else footer
    index = body + sealed(handles) + footer.ljust(40, b"\0") + MAGIC
    try:
        found = read_bundle(index, lambda shard, num: CONTENT)
    except BundleError:
        return
    assert all(value.tobytes() in CONTENT for value in found.values())
