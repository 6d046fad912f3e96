"""All images of a data set on the device that trains, from which batches are drawn by row."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Images(Protocol):
    """All rows of a data set, wherever they are: what training and encoding ask for."""

    def __len__(self) -> int:
        """Number of rows."""

    @property
    def device(self) -> torch.device:
        """Where batches are made."""

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Images (num, channels, height, width) of random rows."""

    def draw_with_rows(self, num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images as in `draw`, and their rows (num,)."""

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Images (n, channels, height, width) of rows (n,)."""


class ResidentImages:
    """Images held on the device as they are stored: bytes, or eight binary pixels a byte.

    Parameters
    ----------
    stored
        uint8 (n, height, width, channels), or (n, height, width / 8) if binary, column 0 in the most significant bit.
    device
        Where the images are kept and batches are made.
    dtype
        Of the batches.
    """

    def __init__(self, stored: NDArray[np.uint8], *, binary: bool, device: torch.device, dtype: torch.dtype) -> None:
        self._stored = torch.from_numpy(stored).to(device)
        # A byte is looked up as the pixels that it stands for: one gather makes, scales and casts them.
        bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
        self._pixels = torch.from_numpy(bits).to(device, dtype) if binary else None
        self._dtype = dtype

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self._stored.device

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Images (num, channels, height, width) in [0, 1] of rows drawn uniformly with replacement."""
        return self.draw_with_rows(num, generator)[0]

    def draw_with_rows(self, num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images as in `draw`, and their rows (num,)."""
        rows = torch.randint(len(self), (num,), generator=generator, device=self.device)
        return self.batch(rows), rows

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Images (n, channels, height, width) in [0, 1] of rows (n,)."""
        stored = self._stored[rows]
        if self._pixels is None:
            return stored.permute(0, 3, 1, 2).to(self._dtype) / 255
        n, height, num_bytes = stored.shape
        return self._pixels[stored.int()].view(n, 1, height, 8 * num_bytes)
