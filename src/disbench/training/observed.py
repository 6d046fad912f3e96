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
        Number of rows of the grid.
    observation
        What is seen of an image.
    generator
        Of the observations that `batch` makes, on the device of the images; `draw` uses the one that it is given.
    """

    def __init__(self, images: Images, num_states: int, observation: Observation, generator: torch.Generator) -> None:
        super().__init__()
        self.images, self._repeats = images, num_states // len(images)
        self._observation, self._generator = observation, generator

    def __len__(self) -> int:
        return self._repeats * len(self.images)

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
        if self._repeats > 1:
            shifts = torch.randint(self._repeats, (num,), generator=generator, device=self.device)
            rows = rows + len(self.images) * shifts
        return self._observation.observe(images, rows, generator), rows

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Observations (n, channels, height, width) of rows (n,)."""
        numbers = torch.arange(*rows.indices(len(self)), device=self.device) if isinstance(rows, slice) else rows
        stored = self.images.batch(rows if self._repeats == 1 else numbers % len(self.images))
        return self._observation.observe(stored, numbers, self._generator)
