"""Pictures of a data set: what each factor does to the image."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from disbench.factors import FactorSpace, IntArray
from disbench.observations import observation_of
from disbench.storage import ImageStore

Pixels = NDArray[np.uint8]

_WHITE, _GAP = 255, 4
_SMALLEST = 96  # pixels that an image is enlarged to
_FRAME_MILLISECONDS = 100
_SMALLEST_LETTERS = 7


class Preview:
    """Shows the images of a store as a model sees them.

    Parameters
    ----------
    store
        Of images of any size and number of channels.
    seed
        Of what is random in the observation.
    """

    def __init__(self, store: ImageStore, *, seed: int = 0) -> None:
        self._store = store
        self._observation = observation_of(store)
        self._generator = torch.Generator().manual_seed(seed)
        self._scale = max(1, -(-_SMALLEST // max(store.image_shape[:2])))

    def write_png(self, path: Path, *, num_columns: int = 10) -> None:
        """Write a row for each factor, which changes from left to right while the others stay where they are.

        They stay in their middle, except that several colours are kept apart.
        """
        sizes = self._store.space.sizes
        rows = [self._strip(axis, min(num_columns, max(sizes))) for axis in range(len(sizes))]
        Image.fromarray(_stack(rows)).save(path, format="PNG")

    def write_gif(self, path: Path, *, num_frames: int = 20) -> None:
        """Write a film with an image for each factor, side by side; all run up and down through their values.

        Every frame has the 256 colours that suit it best.
        """
        up = [_with_palette(self._frame(step / (num_frames - 1))) for step in range(num_frames)]
        first, *others = [*up, *up[-2:0:-1]]
        first.save(
            path,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=_FRAME_MILLISECONDS,
            loop=0,
            optimize=False,
        )

    def _strip(self, axis: int, num_columns: int) -> Pixels:
        size = self._store.space.sizes[axis]
        values = np.unique(np.linspace(0, size - 1, min(size, num_columns)).round().astype(np.int64))
        images = self._observe(self._states(axis, values))
        blank = np.full((num_columns - len(images), *images.shape[1:]), _WHITE, np.uint8)
        return _side_by_side([_label(self._title(axis), images.shape[1]), *images, *blank])

    def _frame(self, share: float) -> Pixels:
        sizes = self._store.space.sizes
        states = [self._states(axis, np.array([round(share * (size - 1))])) for axis, size in enumerate(sizes)]
        images = self._observe(np.concatenate(states))
        width = images.shape[2]
        titles = _side_by_side([_title(name, width) for name in self._store.space.names])
        return np.concatenate([titles, _side_by_side(list(images))])

    def _states(self, axis: int, values: IntArray) -> IntArray:
        states = np.repeat([_kept(self._store.space)], len(values), axis=0)
        states[:, axis] = values
        return states

    def _observe(self, states: IntArray) -> Pixels:
        """Images (n, height, width, 3) of states, enlarged."""
        rows = self._store.space.rows(states)
        stored = torch.from_numpy(self._store.images(rows)).permute(0, 3, 1, 2) / 255
        seen = self._observation.observe(stored, torch.from_numpy(rows), self._generator).clamp(0, 1)
        pixels = (255 * seen).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        colored = pixels.repeat(3, axis=-1) if pixels.shape[-1] == 1 else pixels
        return colored.repeat(self._scale, axis=1).repeat(self._scale, axis=2)

    def _title(self, axis: int) -> str:
        space = self._store.space
        return f"{space.names[axis]}\n{space.sizes[axis]} values" + (
            "\n(nuisance)" if space.names[axis] in space.nuisance else ""
        )


def _kept(space: FactorSpace) -> list[int]:
    """Indices of the factors that do not change: their middle, but colours apart, or a thing would hide on its like."""
    colors = [axis for axis, name in enumerate(space.names) if "color" in name or "hue" in name]
    kept = [size // 2 for size in space.sizes]
    if len(colors) > 1:
        for place, axis in enumerate(colors):
            kept[axis] = space.sizes[axis] * (2 * place + 1) // (2 * len(colors))
    return kept


def _with_palette(frame: Pixels) -> Image.Image:
    picture = Image.fromarray(frame)
    palette = picture.quantize(256, method=Image.Quantize.MEDIANCUT)
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _side_by_side(images: list[Pixels]) -> Pixels:
    gap = np.full((images[0].shape[0], _GAP, 3), _WHITE, np.uint8)
    parts = [part for image in images for part in (image, gap)]
    return np.concatenate(parts[:-1], axis=1)


def _stack(rows: list[Pixels]) -> Pixels:
    gap = np.full((_GAP, rows[0].shape[1], 3), _WHITE, np.uint8)
    parts = [part for row in rows for part in (row, gap)]
    return np.concatenate(parts[:-1])


def _label(text: str, height: int) -> Pixels:
    return _written(text, 150, height, (8, height // 2 - 24), 14)


def _title(text: str, width: int) -> Pixels:
    return _written(text, width, 18, (1, 2), 11)


def _written(text: str, width: int, height: int, at: tuple[int, int], size: int) -> Pixels:
    """Text on white, its letters smaller than `size` if a line is too wide for the picture."""
    canvas = Image.new("RGB", (width, height), "white")
    drawing, font = ImageDraw.Draw(canvas), ImageFont.load_default(size)
    while size > _SMALLEST_LETTERS and drawing.multiline_textbbox(at, text, font=font)[2] > width:
        size -= 1
        font = ImageFont.load_default(size)
    drawing.multiline_text(at, text, fill="black", font=font)
    return np.asarray(canvas)
