"""Train with batches, noise and permutations that are given, so that another program's numbers can be compared.

To compare with a run of the reference: load its initial weights with `load_tensorflow_weights`, call `replay` with what
it was fed, and compare `tensorflow_weights` with its final weights. `test_trajectories.py` does so, and checks that the
training loop does what `replay` does.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from disbench.models import Vae
from disbench.models.reconstruction import Activation, ReconstructionName, reconstruction_loss
from disbench.models.tensorflow import tensorflow_layout, tensorflow_names
from disbench.objectives._objective import AdversarialObjective, Objective
from disbench.training.adam import Adam, EpsilonPlacement


def replay(
    vae: Vae,
    objective: Objective,
    images: Iterable[Tensor],
    noise: Iterable[Tensor],
    permutations: Iterable[Tensor] | None = None,
    *,
    others: Iterable[tuple[Tensor, Tensor]] | None = None,
    learning_rate: float = 1e-4,
    reconstruction: ReconstructionName = "bernoulli",
    activation: Activation = "logits",
    subtract_entropy: bool = False,
    adam_epsilon: EpsilonPlacement = "hat",
    nudges: Mapping[int, Mapping[str, tuple[int, float]]] | None = None,
) -> list[dict[str, float]]:
    """Update `vae`, and the discriminator of an adversarial objective, in place.

    Parameters
    ----------
    objective
        Already prepared, where it needs that.
    images, noise
        For each step (n, channels, height, width) in [0, 1], and standard normal (n, num_latents).
    permutations
        For each step (num_latents, n), the order of the batch in each latent; only for an adversarial objective.
    others
        For each step the images and the noise of the batch whose codes are permuted; by default it is the same.
    learning_rate, reconstruction, activation, subtract_entropy, adam_epsilon
        As training takes them.
    nudges
        For a step and a parameter of `vae`, an index and what is added there while the gradients are taken: for a
        unit that lies closer to the threshold of its ReLU than float32 resolves.

    Returns
    -------
    list
        For each step, from before its update: `loss`, its summands, `kl_divergence`, and `adversary`, the
        discriminator's loss.
    """
    rates = {"learning_rate": learning_rate, "epsilon_placement": adam_epsilon}
    adam = Adam(vae.parameters(), **rates)
    adversary = objective if isinstance(objective, AdversarialObjective) else None
    rival = Adam(adversary.parameters(), betas=(0.5, 0.9), **rates) if adversary else None
    orders, second = iter(permutations or ()), iter(others or ())
    rows = []
    for step, (x, eps) in enumerate(zip(images, noise, strict=True)):
        nudge = (nudges or {}).get(step, {})
        _add(vae, nudge, 1)
        posterior = vae.encode(x)
        z = posterior.sample_from(eps)
        errors = reconstruction_loss(reconstruction, x, vae.decode(z), activation, subtract_entropy)
        summands = {"reconstruction": errors.mean()}
        summands |= objective.terms(posterior, z, step)
        loss = torch.stack(list(summands.values())).sum()
        adam.zero_grad()
        loss.backward()
        _add(vae, nudge, -1)
        values = {"loss": loss, **summands, "kl_divergence": posterior.mean_kl}
        if adversary and rival:
            rival.zero_grad()
            other = _code(vae, *next(second)) if others else z.detach()
            values["adversary"] = adversary.adversary_loss(z.detach(), other.gather(0, next(orders).T))
            values["adversary"].backward()
            rival.step(step)
        adam.step(step)
        rows.append({name: value.item() for name, value in values.items()})
    return rows


def tensorflow_weights(*modules: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Every parameter by the reference's name, in its layout."""
    found = {}
    for module in modules:
        parameters = dict(module.named_parameters())
        for layer, variable in tensorflow_names(module).items():
            for ours, theirs in (("weight", "kernel"), ("bias", "bias")):
                value = tensorflow_layout(module, layer, parameters[f"{layer}.{ours}"])
                found[f"{variable}/{theirs}"] = value.detach().numpy()
    return found


@torch.no_grad()
def _code(vae: Vae, images: Tensor, noise: Tensor) -> Tensor:
    return vae.encode(images).sample_from(noise)


def _add(vae: Vae, nudge: Mapping[str, tuple[int, float]], sign: int) -> None:
    for name, (index, amount) in nudge.items():
        vae.get_parameter(name).data.view(-1)[index] += sign * amount
