import hashlib
from pathlib import Path

import numpy as np
import pytest

from disbench.datasets._sprites import _toggle, render
from disbench.datasets.dsprites_full import dataset

GOLDEN = Path(__file__).parents[1] / "golden"

# Of the published animation's frames, and of the whole set as the rule renders it; packed to bits, in row order.
FRAMES_SHA256 = "3d38f770e7694ba6ba5430c6f6eb71df0a62d538c867bcc5b19aebdb15d2d9e3"
ALL_SHA256 = "3a228f4037ef3d42a42588e0e01f1078aa2df13cfa17584e88c95ed9fb5672da"
ALL_WHITE_PIXELS = 128_328_864


def test_frames_of_the_published_animation_are_rendered_exactly() -> None:
    states = np.loadtxt(GOLDEN / "dsprites_gif_rows.csv", delimiter=",", skiprows=1, dtype=np.int64)[:, 2:]
    assert hashlib.sha256(render(states)).hexdigest() == FRAMES_SHA256


def test_whole_set_has_the_known_hash_and_white_pixels() -> None:
    digest, white, start = hashlib.sha256(), 0, 0
    for rows, images in dataset.blocks(None):
        np.testing.assert_array_equal(rows, np.arange(start, start + len(rows)))
        start += len(rows)
        digest.update(images)
        white += int(np.bitwise_count(images).sum())
    assert start == 737_280
    assert white == ALL_WHITE_PIXELS
    assert digest.hexdigest() == ALL_SHA256


def test_square_is_where_the_rule_puts_it() -> None:
    # Scale 5, no rotation: a square of half-width 9.6 around (16, 48): columns 6.4 to 25.6, rows 38.4 to 57.6.
    image = np.unpackbits(render(np.array([[0, 5, 0, 0, 31]])), axis=-1)[0]
    expected = np.zeros((64, 64), np.uint8)
    expected[38:58, 6:26] = 1
    np.testing.assert_array_equal(image, expected)


def test_centre_on_an_edge_is_inside_on_the_left_and_bottom_only() -> None:
    words = np.zeros(64, np.uint64)
    corners = [(10.5, 20.5), (14.5, 20.5), (14.5, 24.5), (10.5, 24.5)]
    vertices = [(int(256 * x), int(256 * y)) for x, y in corners]
    for (x0, y0), (x1, y1) in zip(vertices, [*vertices[1:], vertices[0]], strict=True):
        _toggle(words, x0, y0, x1, y1)
    image = np.unpackbits(words.astype(">u8").view(np.uint8).reshape(64, 8), axis=-1)
    expected = np.zeros((64, 64), np.uint8)
    expected[21:25, 10:14] = 1
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_first_and_last_orientation_are_the_same_image(shape: int) -> None:
    states = np.array([[shape, 3, orientation, 7, 21] for orientation in (0, 39, 1)])
    first, last, other = render(states)
    np.testing.assert_array_equal(first, last)
    assert (first != other).any()


def test_rotation_is_counter_clockwise_on_the_screen() -> None:
    # At an eighth of a turn the long axis of the ellipse points up and to the right: rows fall as columns rise.
    image = np.unpackbits(render(np.array([[1, 5, 5, 16, 16]])), axis=-1)[0]
    row, column = np.nonzero(image)
    assert np.corrcoef(row, column)[0, 1] < -0.3
