"""The annealed VAE: the KL divergence is held at a capacity that grows during training."""

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from disbench.models.posterior import Posterior
from disbench.objectives._objective import Objective, Step


class AnnealedVae(Objective):
    """Distance of the KL divergence from a growing capacity (Burgess et al. 2018, equation 8).

    Parameters
    ----------
    gamma
        Weight of the distance.
    c_max
        Capacity in nats at the end of the growth; the default is the paper's for dSprites, the published study tried
        5, 10, 25, 50, 75, 100.
    iteration_threshold
        Number of updates over which the capacity grows linearly from 0.
    """

    def __init__(
        self,
        *,
        gamma: NonNegativeFloat = 1000.0,
        c_max: NonNegativeFloat = 25.0,
        iteration_threshold: PositiveInt = 100_000,
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.c_max = c_max
        self.iteration_threshold = iteration_threshold

    def terms(self, posterior: Posterior, z: Tensor, step: Step) -> dict[str, Tensor]:
        """`capacity`: gamma times the distance of the KL divergence from the capacity of this step."""
        return {"capacity": self.gamma * (posterior.mean_kl - self.capacity(step)).abs()}

    def capacity(self, step: Step) -> float | Tensor:
        """Capacity in nats after `step` updates."""
        if isinstance(step, Tensor):
            return self.c_max * torch.clamp(step / self.iteration_threshold, max=1.0)
        return self.c_max * min(step / self.iteration_threshold, 1.0)
