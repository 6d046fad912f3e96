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
from disbench.models.reconstruction import ReconstructionName, reconstruction_loss
from disbench.models.tensorflow import tensorflow_layout, tensorflow_names
from disbench.objectives._objective import AdversarialObjective, Objective
from disbench.training.adam import Adam


def replay(
    vae: Vae,
    objective: Objective,
    images: Iterable[Tensor],
    noise: Iterable[Tensor],
    permutations: Iterable[Tensor] | None = None,
    *,
    learning_rate: float = 1e-4,
    reconstruction: ReconstructionName = "bernoulli",
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
    nudges
        For a step and a parameter of `vae`, an index and what is added there while the gradients are taken: for a
        unit that lies closer to the threshold of its ReLU than float32 resolves.

    Returns
    -------
    list
        For each step, from before its update: `loss`, its summands, `kl_divergence`, and `adversary`, the
        discriminator's loss.
    """
    adam = Adam(vae.parameters(), learning_rate=learning_rate)
    adversary = objective if isinstance(objective, AdversarialObjective) else None
    rival = Adam(adversary.parameters(), learning_rate=learning_rate, betas=(0.5, 0.9)) if adversary else None
    orders = iter(permutations or ())
    rows = []
    for step, (x, eps) in enumerate(zip(images, noise, strict=True)):
        nudge = (nudges or {}).get(step, {})
        _add(vae, nudge, 1)
        posterior = vae.encode(x)
        z = posterior.sample_from(eps)
        summands = {"reconstruction": reconstruction_loss(reconstruction, x, vae.decode(z)).mean()}
        summands |= objective.terms(posterior, z, step)
        loss = torch.stack(list(summands.values())).sum()
        adam.zero_grad()
        loss.backward()
        _add(vae, nudge, -1)
        values = {"loss": loss, **summands, "kl_divergence": posterior.mean_kl}
        if adversary and rival:
            rival.zero_grad()
            values["adversary"] = adversary.adversary_loss(z.detach(), z.detach().gather(0, next(orders).T))
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


def _add(vae: Vae, nudge: Mapping[str, tuple[int, float]], sign: int) -> None:
    for name, (index, amount) in nudge.items():
        vae.get_parameter(name).data.view(-1)[index] += sign * amount
