"""Images of a data set that is larger than the memory for it: shuffled blocks through a buffer."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from disbench.seeds import derive_seed
from disbench.storage import ImageStore
from disbench.training.images import ResidentImages

_BLOCK = 4096  # rows that are read together: a shard, or a quarter of one if binary


@dataclass(frozen=True)
class _Buffer:
    """Shuffled rows that are in memory, and the position in the stream of the first of them."""

    images: ResidentImages
    rows: Tensor
    places: Tensor
    start: int


class StreamedImages(nn.Module):
    """Draws every row once in each pass over the data set, in an order that a seed decides.

    A pass shuffles blocks of 4096 rows, fills the buffer with as many as fit, and draws the rows of the buffer in
    random order; meanwhile a thread fills the next buffer. How many rows were drawn is the module's only state: with
    it, a resumed run goes on with the same rows.

    Parameters
    ----------
    store
        From which the images are read.
    device, dtype
        Of the batches.
    num_bytes
        Memory for the images; two buffers share it.
    seed
        Of the order.
    """

    num_drawn: Tensor

    def __init__(
        self, store: ImageStore, *, device: torch.device, dtype: torch.dtype, num_bytes: int, seed: int
    ) -> None:
        super().__init__()
        self.register_buffer("num_drawn", torch.zeros((), dtype=torch.int64))
        self._store, self._device, self._dtype, self._seed = store, device, dtype, seed
        self._num_blocks = -(-len(self) // _BLOCK)
        block_bytes = _BLOCK * store.image_bytes
        # A power of two, so that a little more or less free memory does not change the order.
        self._height = 1 << max(0, (num_bytes // (2 * block_bytes)).bit_length() - 1)
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._buffer: _Buffer | None = None
        self._next: tuple[int, Future[_Buffer]] | None = None
        self._block: tuple[int, ResidentImages] | None = None

    def __len__(self) -> int:
        return self._store.num_images

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self._device

    @property
    def num_buffered(self) -> int:
        """Rows among which a draw is random."""
        return min(len(self), self._height * _BLOCK)

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Images (num, channels, height, width) in [0, 1], the next of the stream; the generator is left alone."""
        return self.draw_with_rows(num, generator)[0]

    def draw_with_rows(self, num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images as in `draw`, and their rows (num,)."""
        batches, rows = [], []
        while num:
            buffer = self._buffer_at(int(self.num_drawn))
            offset = int(self.num_drawn) - buffer.start
            chosen = slice(offset, min(offset + num, len(buffer.rows)))
            batches.append(buffer.images.batch(buffer.places[chosen]))
            rows.append(buffer.rows[chosen])
            self.num_drawn += len(rows[-1])
            num -= len(rows[-1])
        return torch.cat(batches), torch.cat(rows)

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Images (n, channels, height, width) in [0, 1] of rows (n,); cheap for slices that go up."""
        if isinstance(rows, Tensor):
            return self._resident(self._store.take(rows.cpu().numpy())).batch(slice(None))
        start, stop, _ = rows.indices(len(self))
        parts = []
        while start < stop:
            first, block = self._block_at(start // _BLOCK)
            end = min(stop, first + _BLOCK)
            parts.append(block.batch(slice(start - first, end - first)))
            start = end
        return torch.cat(parts)

    def _block_at(self, number: int) -> tuple[int, ResidentImages]:
        if self._block is None or self._block[0] != number * _BLOCK:
            self._block = number * _BLOCK, self._resident(self._read(number))
        return self._block

    def _buffer_at(self, position: int) -> _Buffer:
        """Buffer that holds a position of the stream; the one after it is being filled from then on."""
        buffer = self._buffer
        if buffer is None or not buffer.start <= position < buffer.start + len(buffer.rows):
            waiting = self._next
            ready = waiting is not None and waiting[0] == position
            buffer = waiting[1].result() if waiting is not None and ready else self._fill(position)
            self._buffer = buffer
            after = buffer.start + len(buffer.rows)
            self._next = after, self._pool.submit(self._fill, after)
        return buffer

    def _fill(self, position: int) -> _Buffer:
        """Read the blocks of the buffer that holds a position, and shuffle their rows."""
        epoch, within = divmod(position, len(self))
        blocks = self._rng(f"blocks {epoch}").permutation(self._num_blocks)
        sizes = np.minimum(_BLOCK, len(self) - blocks * _BLOCK)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        group = (int(np.searchsorted(starts, within, side="right")) - 1) // self._height * self._height
        chosen = blocks[group : group + self._height]
        rows = np.concatenate([np.arange(len(self))[block * _BLOCK : (block + 1) * _BLOCK] for block in chosen])
        places = self._rng(f"rows {epoch} {group}").permutation(len(rows))
        images = self._resident(self._gather(chosen, len(rows)))
        start = epoch * len(self) + int(starts[group])
        return _Buffer(images, self._on_device(rows[places]), self._on_device(places), start)

    def _gather(self, blocks: NDArray[np.int64], num: int) -> NDArray[np.uint8]:
        stored = np.empty((num, *self._store.stored_shape), np.uint8)
        done = 0
        for block in blocks:
            read = self._read(int(block))
            stored[done : done + len(read)] = read
            done += len(read)
        return stored

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self._seed, name))

    def _read(self, block: int) -> NDArray[np.uint8]:
        return self._store.read(block * _BLOCK, min((block + 1) * _BLOCK, len(self)))

    def _resident(self, stored: NDArray[np.uint8]) -> ResidentImages:
        return ResidentImages(stored, binary=self._store.binary, device=self._device, dtype=self._dtype)

    def _on_device(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._device)
