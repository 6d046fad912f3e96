"""One update of a model and, if its objective has one, of the adversary: nothing but tensors in and out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from disbench.models.vae import Vae
from disbench.objectives._objective import AdversarialObjective, Objective, Step, permute_by
from disbench.training.adam import Adam
from disbench.training.draws import Draws


@dataclass(frozen=True)
class Outcome:
    """Of the batch of a step, before its update; of several models with one more axis in front.

    Parameters
    ----------
    names
        Of the summands of the loss.
    summands
        (number of names,).
    kl
        KL divergence of each latent in nats, mean over the batch (num_latents,).
    """

    names: tuple[str, ...]
    summands: Tensor
    kl: Tensor


@dataclass(frozen=True)
class Update:
    """Call it to take one step. It asks the device for nothing, so it can be recorded there and replayed.

    Parameters
    ----------
    vae, objective
        What learns; of several models with one more axis in front of every parameter.
    optimizers
        `adam` of the model and, if the objective has one, `adversary`.
    reconstruction
        Error of each image (..., n), given images and what was decoded.
    """

    vae: Vae
    objective: Objective
    optimizers: Mapping[str, Adam]
    reconstruction: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, drawn: Draws, step: Step) -> Outcome:
        """Update with what was drawn, after `step` updates before this one."""
        x = drawn.images
        posterior = self.vae.encode(x)
        z = posterior.sample_from(drawn.noise)
        errors = self.reconstruction(x.float(), self.vae.decode(z.to(x.dtype)))
        summands = {"reconstruction": errors.mean(-1)}
        rival_loss = None
        if isinstance(self.objective, AdversarialObjective):
            permuted = permute_by(self._others(drawn, z), _given(drawn.keys))
            terms, rival_loss = self.objective.both(posterior, z.to(x.dtype), permuted.to(x.dtype), step)
            summands |= terms
        else:
            summands |= self.objective.terms(posterior, z, step)
        values = torch.stack(list(summands.values()), -1)
        # Models, and both players of a game, share no parameter: each has its own gradient from the sum of all losses,
        # taken at the weights of this step, before any is updated.
        loss = values.sum() if rival_loss is None else values.sum() + rival_loss.sum()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers.values():
            optimizer.step(step)
        return Outcome(tuple(summands), values.detach(), posterior.kl.detach().mean(-2))

    def _others(self, drawn: Draws, z: Tensor) -> Tensor:
        """Codes whose latents are permuted."""
        if drawn.second_images is None:
            return z.detach()
        with torch.no_grad():
            return self.vae.encode(drawn.second_images).sample_from(_given(drawn.second_noise))


def gradient_norm(vae: Vae, num_models: int | None = None) -> Tensor:
    """Euclidean norm of the gradient of all weights; of stacked models, one for each (num_models,)."""
    gradients = [parameter.grad for parameter in vae.parameters() if parameter.grad is not None]
    if num_models is None:
        norms = torch.stack(torch._foreach_norm(gradients))
    else:
        norms = torch.stack([torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients])
    return torch.linalg.vector_norm(norms, dim=0)  # type: ignore[no-any-return]


def _given(value: Tensor | None) -> Tensor:
    if value is None:
        raise ValueError("an adversarial objective needs keys, and a second batch its noise, in Draws; got None")
    return value
