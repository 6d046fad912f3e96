"""Renders dSprites from its factors: polygons on the grid of 1/256 pixel, filled without anti-aliasing."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray

SIZE = 64
"""Height and width of an image, in pixels; one row of it is one 64-bit word."""

_SUBPIXELS = 256
_RADIUS = 9.6
_ELLIPSE_VERTICES = 100
_HEART_VERTICES = 150
_NUM_ANGLES = 39  # of a full turn; the 40 orientations end where they began


def render(states: IntArray) -> NDArray[np.uint8]:
    """Images of states, packed to one bit a pixel.

    Parameters
    ----------
    states
        (n, 5) indices of shape (square, ellipse, heart), scale, orientation, position x and position y.

    Returns
    -------
    ndarray
        uint8 (n, 64, 8). Columns are packed eight a byte, column 0 in the most significant bit; 1 is white.
    """
    turn = 2 * np.pi / _NUM_ANGLES * np.arange(_NUM_ANGLES + 1)
    words: NDArray[np.uint64] = _fill(states, _OUTLINES, _ENDS, np.cos(turn), np.sin(turn))
    return words.astype(">u8").view(np.uint8).reshape(len(states), SIZE, SIZE // 8)


def _square() -> NDArray[np.float64]:
    return np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _ellipse() -> NDArray[np.float64]:
    angle = np.arange(_ELLIPSE_VERTICES) * (2 * np.pi / _ELLIPSE_VERTICES)
    return np.column_stack([1.33 * np.cos(angle), np.sin(angle) / 1.33])


def _heart() -> NDArray[np.float64]:
    angle = np.arange(_HEART_VERTICES) * (2 * np.pi / _HEART_VERTICES)
    waves = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    return np.column_stack([np.sin(angle) ** 3, -(waves / 14.5 + 0.15)])


_SHAPES = (_square(), _ellipse(), _heart())
_OUTLINES = np.concatenate(_SHAPES)  # x to the right, y down, before scaling
_ENDS = np.cumsum([0] + [len(outline) for outline in _SHAPES])


@numba.njit(cache=False, error_model="numpy")
def _fill(states: Any, outlines: Any, ends: Any, cos: Any, sin: Any) -> Any:
    words = np.zeros((len(states), SIZE), np.uint64)
    for image in range(len(states)):
        shape, scale, orientation, i_x, i_y = states[image]
        radius = _RADIUS * (0.5 + 0.1 * scale)
        cosine, sine = radius * cos[orientation], radius * sin[orientation]
        centre_x, centre_y = 16 + 32 * i_x / 31, 16 + 32 * i_y / 31
        x0, y0 = 0, 0
        # The last vertex comes first, so that every other one closes an edge with the vertex before it.
        for vertex in range(ends[shape] - 1, ends[shape + 1]):
            unit_x, unit_y = outlines[vertex if vertex >= ends[shape] else ends[shape + 1] - 1]
            x1 = _snap(cosine * unit_x + sine * unit_y + centre_x)
            y1 = _snap(cosine * unit_y - sine * unit_x + centre_y)
            if vertex >= ends[shape]:
                _toggle(words[image], x0, y0, x1, y1)
            x0, y0 = x1, y1
    return words


@numba.njit(cache=False, error_model="numpy", inline="always")
def _snap(coordinate: Any) -> Any:
    return int(np.floor(_SUBPIXELS * coordinate + 0.5))


@numba.njit(cache=False, error_model="numpy")
def _toggle(words: Any, x0: Any, y0: Any, x1: Any, y1: Any) -> None:
    """Flip, in every row that the edge crosses, all pixels whose centre is not left of the crossing.

    A crossing is found in whole numbers of 1/256 pixel, so ties are exact. Counting rows with y0 < centre <= y1 puts a
    centre on a bottom edge inside and on a top edge outside; flipping from the crossing on, inclusive, does the same
    for left and right.
    """
    if y0 > y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
    half = _SUBPIXELS // 2
    height = _SUBPIXELS * (y1 - y0)
    for row in range((y0 + half) // _SUBPIXELS, (y1 + half) // _SUBPIXELS):
        distance = (x0 - half) * (y1 - y0) + (_SUBPIXELS * row + half - y0) * (x1 - x0)
        column = -(-distance // height)
        words[row] ^= np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(column)
