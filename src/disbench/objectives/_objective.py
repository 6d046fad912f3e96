"""What an objective is: a loss is the reconstruction plus a sum of named terms; what is logged is what is optimised."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from disbench.models.posterior import Posterior

Step = int | Tensor
"""Number of updates made before; a tensor without axes where the training step is recorded once and replayed."""


class Objective(nn.Module, ABC):
    """Regulariser of one method; the arguments of its constructor are what params.yaml may set."""

    def prepare(self, num_latents: int, num_images: int, generator: torch.Generator) -> None:
        """Make what depends on the model and the data set, before training; most objectives need nothing."""

    @abstractmethod
    def terms(self, posterior: Posterior, z: Tensor, step: Step) -> dict[str, Tensor]:
        """Summands of the loss by name, each a scalar, mean over the batch.

        Models that are trained together have one more axis in front, in all arguments, hyper-parameters and summands.

        Parameters
        ----------
        posterior
            Of the batch of images.
        z
            One sample of each posterior (n, num_latents).
        step
            Number of updates made before this one.
        """


class AdversarialObjective(Objective, ABC):
    """An objective with a network of its own, trained against the model in the second step of every update.

    Its parameters are those of the adversary, made by `prepare`. Both steps take their gradients at the same weights.
    """

    second_batch: bool
    """Whether the latents to permute come from a second batch of images."""

    @abstractmethod
    def adversary_loss(self, z: Tensor, permuted: Tensor) -> Tensor:
        """What the adversary minimises, given codes and permuted codes (n, num_latents), neither with a gradient."""

    def both(self, posterior: Posterior, z: Tensor, permuted: Tensor, step: Step) -> tuple[dict[str, Tensor], Tensor]:
        """`terms` and `adversary_loss` of the same codes; overridden where the two share work.

        The gradient of the former reaches no parameter of the adversary, that of the latter reaches nothing else.
        Codes come in the dtype in which networks calculate, float32 or bfloat16.
        """
        self.requires_grad_(False)
        terms = self.terms(posterior, z, step)
        self.requires_grad_()
        return terms, self.adversary_loss(z.detach(), permuted)

    @abstractmethod
    def num_updates(self, num_steps: int) -> int:
        """Number of updates of each network that `num_steps` stands for."""


def permute_by(z: Tensor, keys: Tensor) -> Tensor:
    """Codes (..., n, num_latents), every latent in the order of its keys, which have the same shape."""
    return z.gather(-2, keys.argsort(-2))
