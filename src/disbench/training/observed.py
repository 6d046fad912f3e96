"""Images as the model sees them: the observation process between the stored images and the batches."""

import torch
from torch import Tensor, nn

from disbench.observations import Observation
from disbench.training.images import Images


class ObservedImages(nn.Module):
    """Every state of a grid, observed anew each time that it is drawn.

    Parameters
    ----------
    images
        The stored images. If there are fewer than states, they repeat along the grid.
    num_states
        Number of states of the grid.
    observation
        What is seen of an image.
    generator
        Of the observations that `batch` makes, on the device of the images; `draw` uses the one that it is given.
    num_observations
        How many observations of each state `batch` knows: row r is one of state `r % num_states`.
    """

    def __init__(
        self,
        images: Images,
        num_states: int,
        observation: Observation,
        generator: torch.Generator,
        num_observations: int = 1,
    ) -> None:
        super().__init__()
        self.images, self._num_states, self._num_observations = images, num_states, num_observations
        self._observation, self._generator = observation, generator

    def __len__(self) -> int:
        return self._num_observations * self._num_states

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self.images.device

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Observations (num, channels, height, width) of rows drawn at random."""
        return self.draw_with_rows(num, generator)[0]

    def draw_with_rows(self, num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Observations as in `draw`, and their rows (num,)."""
        images, rows = self.images.draw_with_rows(num, generator)
        repeats = self._num_states // len(self.images)
        if repeats > 1:
            rows = rows + len(self.images) * torch.randint(repeats, (num,), generator=generator, device=self.device)
        return self._observation.observe(images, rows, generator), rows

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Observations (n, channels, height, width) of rows (n,)."""
        numbers = torch.arange(*rows.indices(len(self)), device=self.device) if isinstance(rows, slice) else rows
        stored = self.images.batch(self._stored(rows, numbers))
        return self._observation.observe(stored, numbers % self._num_states, self._generator)

    def _stored(self, rows: Tensor | slice, numbers: Tensor) -> Tensor | slice:
        """Rows of the stored images; a slice where it stays one, which is cheaper to read."""
        num = len(self.images)
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            if start // num == (stop - 1) // num:
                return slice(start % num, start % num + stop - start)
        return numbers % num
