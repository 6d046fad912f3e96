"""FactorVAE: a discriminator estimates the total correlation of the codes."""

from typing import Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from disbench.models.discriminator import Discriminator
from disbench.models.posterior import Posterior
from disbench.models.reconstruction import PROBABILITY_MARGIN
from disbench.objectives._objective import AdversarialObjective, Step


class FactorVae(AdversarialObjective):
    """KL divergence plus total correlation by density ratio (Kim and Mnih 2018, equations 2 and 3, algorithm 2).

    The discriminator tells codes from codes whose latents were permuted over the batch, each latent on its own. Both
    networks take their gradients at the same weights, whichever is updated first.

    Parameters
    ----------
    gamma
        Weight of the total correlation. The default is the paper's for dSprites; the published study tried 10, 20,
        30, 40, 50, 100.
    permuted
        Whose latents are permuted: those of the `same_batch`, as in the reference, or those of a `second_batch`, as
        in the paper.
    steps
        What a step is. `updates`: one update of each network. `reference`: the reference's optimisers both advance
        its counter, so 300,000 steps are 150,000 updates of each.
    """

    def __init__(
        self,
        *,
        gamma: NonNegativeFloat = 35.0,
        permuted: Literal["same_batch", "second_batch"] = "same_batch",
        steps: Literal["updates", "reference"] = "updates",
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.second_batch = permuted == "second_batch"
        self.steps = steps
        self.discriminator: nn.Module = nn.Identity()

    def prepare(self, num_latents: int, num_images: int, generator: torch.Generator) -> None:
        """Make the discriminator."""
        self.discriminator = Discriminator(num_latents, generator)

    def terms(self, posterior: Posterior, z: Tensor, step: Step) -> dict[str, Tensor]:
        """`kl` and `total_correlation`, the latter times gamma."""
        return {"kl": posterior.mean_kl, "total_correlation": self.gamma * self.total_correlation(z)}

    def total_correlation(self, z: Tensor) -> Tensor:
        """The discriminator's estimate in nats, mean over codes `z` (n, num_latents)."""
        return self._ratios(z).mean(-1)

    def adversary_loss(self, z: Tensor, permuted: Tensor) -> Tensor:
        """Cross-entropy of telling codes `z` from `permuted` ones (n, num_latents each)."""
        return _cross_entropy(self._ratios(torch.cat((z, permuted), -2)))

    def both(self, posterior: Posterior, z: Tensor, permuted: Tensor, step: Step) -> tuple[dict[str, Tensor], Tensor]:
        """`terms` and `adversary_loss`, with one pass through the discriminator."""
        for_model, for_adversary = self.discriminator.log_ratios(z, permuted)  # type: ignore[operator]
        total_correlation = self.gamma * for_model.mean(-1)
        return {"kl": posterior.mean_kl, "total_correlation": total_correlation}, _cross_entropy(for_adversary)

    def _ratios(self, z: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(z)
        return logits[..., 0] - logits[..., 1]

    def num_updates(self, num_steps: int) -> int:
        """`num_steps`, or half of it if steps are counted as the reference does."""
        return num_steps // 2 if self.steps == "reference" else num_steps


def _cross_entropy(log_ratios: Tensor) -> Tensor:
    """Of log-ratios (..., 2n), the first n of codes, the others of permuted ones."""
    codes, permuted = log_ratios.chunk(2, -1)
    return -0.5 * (_log_probability(codes).mean(-1) + _log_probability(-permuted).mean(-1))


def _log_probability(log_ratio: Tensor) -> Tensor:
    return log_ratio.sigmoid().clamp(PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN).log()
