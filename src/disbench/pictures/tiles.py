"""Arrays of images to PNG and GIF files, pixel by pixel."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from disbench.files import write_bytes

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

GAP = 4  # white pixels between neighbours
LABEL_WIDTH = 168
_SMALLEST = 64  # pixels that an image is enlarged to
_FONT_SIZE = 14
_SMALLEST_FONT_SIZE = 7
_FRAME_MILLISECONDS = 100


def to_pixels(images: Floats, smallest: int = _SMALLEST) -> Pixels:
    """Images (n, height, width, 1 or 3) in [0, 1] as (n, height, width, 3) of 0 to 255, small ones enlarged."""
    pixels = np.round(255 * images).astype(np.uint8)
    coloured = pixels.repeat(3, axis=-1) if pixels.shape[-1] == 1 else pixels
    scale = max(1, -(-smallest // max(images.shape[1:3])))
    return coloured.repeat(scale, axis=1).repeat(scale, axis=2)


def side_by_side(images: Sequence[Pixels], gap: int = GAP) -> Pixels:
    """Join images (height, width, 3) of one height from left to right."""
    space = np.full((images[0].shape[0], gap, 3), 255, np.uint8)
    return np.concatenate([part for image in images for part in (image, space)][:-1], axis=1)


def stack(rows: Sequence[Pixels], gap: int = GAP) -> Pixels:
    """Join images (height, width, 3) of one width from top to bottom."""
    space = np.full((gap, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for row in rows for part in (row, space)][:-1])


def text(words: str, width: int, height: int, *, anchor: str = "mm") -> Pixels:
    """Words in black on white (height, width, 3), in the middle; with anchor `lm` at the left.

    Letters are smaller if a line would not fit.
    """
    canvas = Image.new("RGB", (width, height), "white")
    draw, lines = ImageDraw.Draw(canvas), words.splitlines()
    size = _FONT_SIZE
    while size > _SMALLEST_FONT_SIZE and max(draw.textlength(line, _font(size)) for line in lines) > width - 2 * GAP:
        size -= 1
    for index, line in enumerate(lines):
        middle = height / 2 + (index - (len(lines) - 1) / 2) * (size + 3)
        draw.text((width / 2 if anchor == "mm" else GAP, middle), line, "black", font=_font(size), anchor=anchor)
    return np.asarray(canvas)


def header(titles: Sequence[str], width: int) -> Pixels:
    """A title above each of some images of a width that stand side by side."""
    return side_by_side([text(title, width, _FONT_SIZE + 8) for title in titles])


def write_png(path: Path, picture: Pixels) -> None:
    """Write a picture (height, width, 3)."""
    content = io.BytesIO()
    Image.fromarray(framed(picture)).save(content, format="PNG", optimize=True)
    write_bytes(path, content.getvalue())


def write_gif(path: Path, frames: Sequence[Pixels]) -> None:
    """Write a film that starts again when it ends. Grey frames are exact; others have the 256 colours that suit."""
    first, *others = [_with_palette(framed(frame)) for frame in frames]
    content = io.BytesIO()
    first.save(
        content,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=_FRAME_MILLISECONDS,
        loop=0,
        optimize=False,
    )
    write_bytes(path, content.getvalue())


def framed(picture: Pixels) -> Pixels:
    """Put a white margin around a picture (height, width, 3)."""
    return np.pad(picture, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def _with_palette(frame: Pixels) -> Image.Image:
    picture = Image.fromarray(frame)
    if (frame == frame[..., :1]).all():
        return picture.convert("L")
    palette = picture.quantize(256, method=Image.Quantize.MEDIANCUT)
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
