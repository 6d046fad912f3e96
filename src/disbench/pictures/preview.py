"""Pictures of a data set: what each factor does to the image."""

from pathlib import Path

import numpy as np
import torch

from disbench.factors import FactorSpace, IntArray
from disbench.observations import observation_of
from disbench.pictures import tiles
from disbench.pictures.tiles import Pixels
from disbench.storage import ImageStore

_SMALLEST = 96  # pixels that an image is enlarged to


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

    def write_png(self, path: Path, *, num_columns: int = 10) -> None:
        """Write a row for each factor, which changes from left to right while the others stay where they are.

        They stay in their middle, except that several colours are kept apart.
        """
        sizes = self._store.space.sizes
        rows = [self._strip(axis, min(num_columns, max(sizes))) for axis in range(len(sizes))]
        tiles.write_png(path, tiles.stack(rows))

    def write_gif(self, path: Path, *, num_frames: int = 20) -> None:
        """Write a film with an image for each factor, side by side; all run up and down through their values."""
        up = [self._frame(step / (num_frames - 1)) for step in range(num_frames)]
        tiles.write_gif(path, [*up, *up[-2:0:-1]])

    def _strip(self, axis: int, num_columns: int) -> Pixels:
        size = self._store.space.sizes[axis]
        values = np.unique(np.linspace(0, size - 1, min(size, num_columns)).round().astype(np.int64))
        images = self._observe(self._states(axis, values))
        blank = np.full((num_columns - len(images), *images.shape[1:]), 255, np.uint8)
        label = tiles.text(self._title(axis), tiles.LABEL_WIDTH, images.shape[1], anchor="lm")
        return tiles.side_by_side([label, *images, *blank])

    def _frame(self, share: float) -> Pixels:
        space = self._store.space
        states = [self._states(axis, np.array([round(share * (size - 1))])) for axis, size in enumerate(space.sizes)]
        images = self._observe(np.concatenate(states))
        return tiles.stack([tiles.header(space.names, images.shape[2]), tiles.side_by_side(list(images))], gap=0)

    def _states(self, axis: int, values: IntArray) -> IntArray:
        states = np.repeat([_kept(self._store.space)], len(values), axis=0)
        states[:, axis] = values
        return states

    def _observe(self, states: IntArray) -> Pixels:
        """Images (n, height, width, 3) of states, enlarged."""
        rows = self._store.space.rows(states)
        stored = torch.from_numpy(self._store.images(rows)).permute(0, 3, 1, 2) / 255
        seen = self._observation.observe(stored, torch.from_numpy(rows), self._generator).clamp(0, 1)
        return tiles.to_pixels(seen.permute(0, 2, 3, 1).numpy(), _SMALLEST)

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
