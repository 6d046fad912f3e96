"""beta-VAE."""

from pydantic import NonNegativeFloat
from torch import Tensor

from disbench.models.posterior import Posterior
from disbench.objectives._objective import Objective, Step


class BetaVae(Objective):
    """beta-VAE: the KL divergence of the posterior from the prior, times beta.

    Beta 1 is the plain VAE, 0 an autoencoder with noise. The published study takes beta from 1, 2, 4, 6, 8 and 16.

    Notes
    -----
    Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational framework", ICLR 2017,
    equation 4; the default is the value that they use for dSprites-like data. The reference's `vae`.
    """

    def __init__(self, *, beta: NonNegativeFloat = 4.0) -> None:
        super().__init__()
        self.beta = beta

    def terms(self, posterior: Posterior, z: Tensor, step: Step) -> dict[str, Tensor]:
        """`beta_kl`: beta times the KL divergence, summed over latents."""
        return {"beta_kl": self.beta * posterior.mean_kl}
