"""Images as the model sees them: the observation process between the stored images and the batches."""

import torch
from torch import Tensor

from disbench.observations import Observation
from disbench.training.images import Images


class ObservedImages:
    """Every state of a grid, observed anew each time that it is drawn.

    Parameters
    ----------
    images
        The stored images. If there are fewer than states, they repeat along the grid.
    num_states
        Number of rows of the grid.
    observation
        What is seen of an image.
    generator
        Of the observations that `batch` makes, on the device of the images; `draw` uses the one that it is given.
    """

    def __init__(self, images: Images, num_states: int, observation: Observation, generator: torch.Generator) -> None:
        self._images, self._num_states = images, num_states
        self._observation, self._generator = observation, generator

    def __len__(self) -> int:
        return self._num_states

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self._images.device

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """Observations (num, channels, height, width) of rows drawn uniformly with replacement."""
        return self._observe(torch.randint(len(self), (num,), generator=generator, device=self.device), generator)

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Observations (n, channels, height, width) of rows (n,)."""
        if isinstance(rows, slice):
            rows = torch.arange(*rows.indices(len(self)), device=self.device)
        return self._observe(rows, self._generator)

    def _observe(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        stored = self._images.batch(rows % len(self._images))
        return self._observation.observe(stored, rows, generator)
