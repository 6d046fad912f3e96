"""MATLAB's files as SciPy writes them, and damaged ones."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from disbench.datasets._matlab import read_bytes_array

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 2, 4), dtype=np.uint8)
HEADER = bytes(124) + b"\x00\x01IM"


def written(compress: bool = False, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    savemat(file, arrays, do_compression=compress)
    return file.getvalue()


@pytest.mark.parametrize("compress", [False, True])
def test_an_array_among_others_is_read(compress: bool) -> None:
    others = {
        "a_mask_with_a_long_name": IMAGES[:, :, 0],
        "x": np.arange(70_000.0),
        "cell": np.array([[1, "a"]], object),
    }
    content = written(compress, **others, im=IMAGES, last=IMAGES)
    np.testing.assert_array_equal(read_bytes_array(content, "im", IMAGES.shape), IMAGES)


REFUSED = {
    "something else": (b"x" * 200, "not a MATLAB file of level 5"),
    "half a header": (HEADER[:100], "not a MATLAB file of level 5"),
    "nothing in it": (HEADER, "got it 0 times"),
    "half a tag": (HEADER + b"abc", "it ends within a tag"),
    "too long a part": (HEADER + struct.pack("<II", 14, 100), "ends 100 bytes after the file"),
    "a number": (HEADER + struct.pack("<II", 9, 0), "an element of kind 9, expected arrays"),
    "badly compressed": (HEADER + struct.pack("<II", 15, 8) + b"nonsense", "damaged compressed data"),
    "twice": (written(im=IMAGES) + written(im=IMAGES)[128:], "got it 2 times"),
    "int16": (written(im=IMAGES.astype(np.int16)), "expected 'im' of shape .* class uint8"),
    "logical": (written(im=IMAGES > 9), "expected 'im' of shape .* class uint8"),
    "another shape": (written(im=IMAGES[1:]), "expected 'im' of shape"),
}


# SciPy dates its files: as names of tests, their contents would differ between processes that run the tests together
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_the_array_is_refused(what: str) -> None:
    content, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        read_bytes_array(content, "im", IMAGES.shape)


def test_no_more_is_decompressed_than_an_array_has() -> None:
    bomb = zlib.compress(struct.pack("<II", 14, 1 << 28) + bytes(1 << 28))
    content = HEADER + struct.pack("<II", 15, len(bomb)) + bomb
    with pytest.raises(ValueError, match="a part of kind 0, expected 6"):
        read_bytes_array(content, "im", IMAGES.shape)


@pytest.mark.parametrize("num_lost", [1, 4, 5, 20])
def test_a_compressed_array_that_was_cut_is_noticed(num_lost: int) -> None:
    whole = written(True, im=IMAGES)[128:]
    packed = whole[8:-num_lost]
    with pytest.raises(ValueError, match="compressed data that end early or late, or whose checksum is wrong"):
        read_bytes_array(HEADER + struct.pack("<II", 15, len(packed)) + packed, "im", IMAGES.shape)


def test_every_flipped_bit_is_refused_or_leaves_an_array() -> None:
    content = written(im=IMAGES[:2, :1])
    for place in range(128, len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            try:
                assert read_bytes_array(bytes(changed), "im", (2, 1, 2, 4)).shape == (2, 1, 2, 4)
            except ValueError as error:
                assert str(error)  # noqa: PT017
