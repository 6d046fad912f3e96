"""What the objectives have in common: a loss is the reconstruction plus a sum of named terms."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from disbench.models.posterior import Posterior


class Objective(nn.Module, ABC):
    """Regulariser of a training objective; what is logged is what is optimised."""

    @abstractmethod
    def terms(self, posterior: Posterior, z: Tensor, step: int) -> dict[str, Tensor]:
        """Summands of the loss by name, each a scalar, mean over the batch.

        Parameters
        ----------
        posterior
            Of the batch of images.
        z
            One sample of each posterior (n, num_latents).
        step
            Number of updates made before this one.
        """
