"""DIP-VAE-I: the covariance of the posterior means is drawn to the identity."""

from pydantic import NonNegativeFloat
from torch import Tensor

from disbench.models.posterior import Posterior
from disbench.objectives._covariance import covariance, dip_terms
from disbench.objectives._objective import Objective, Step


class DipVaeI(Objective):
    """Covariance of the means over the batch against the identity (Kumar et al. 2018, equation 6).

    Parameters
    ----------
    lambda_od
        Weight of the elements off the diagonal; the published study tried 1, 2, 5, 10, 20, 50.
    lambda_d_factor
        Weight of the diagonal, in units of `lambda_od`.
    """

    def __init__(self, *, lambda_od: NonNegativeFloat = 10.0, lambda_d_factor: NonNegativeFloat = 10.0) -> None:
        super().__init__()
        self.lambda_od = lambda_od
        self.lambda_d = lambda_d_factor * lambda_od

    def terms(self, posterior: Posterior, z: Tensor, step: Step) -> dict[str, Tensor]:
        """`kl`, `off_diagonal` and `diagonal`."""
        return dip_terms(posterior, covariance(posterior.mean), self.lambda_od, self.lambda_d)
