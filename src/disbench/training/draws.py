"""What a training step draws, so that the step itself is a function of tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from disbench.seeds import derive_seed
from disbench.training.images import Images

Generators = Mapping[str, torch.Generator]


@dataclass(frozen=True)
class Draws:
    """One batch and the random numbers of one step; of several models with one more axis in front.

    Parameters
    ----------
    images
        (n, channels, height, width) in [0, 1].
    noise
        Standard normal (n, num_latents).
    keys
        Uniform (n, num_latents): their order in each latent is that of a permutation; of an adversarial objective.
    second_images, second_noise
        Of the batch that is permuted, if that is another one.
    """

    images: Tensor
    noise: Tensor
    keys: Tensor | None = None
    second_images: Tensor | None = None
    second_noise: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """What was drawn, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def make_generators(seed: int, device: torch.device) -> dict[str, torch.Generator]:
    """Generators of a run: of its batches, and of its noise and permutations."""
    return {name: torch.Generator(device).manual_seed(derive_seed(seed, name)) for name in ("batches", "noise")}


def draw(images: Images, n: int, num_latents: int, generators: Generators, *, keys: bool, second: bool) -> Draws:
    """Draw what a step needs: `keys` if latents are permuted, `second` if they are those of a second batch."""

    def empty() -> Tensor:
        return torch.empty(n, num_latents, device=images.device)

    noise = generators["noise"]
    return Draws(
        images=images.draw(n, generators["batches"]),
        noise=empty().normal_(generator=noise),
        second_images=images.draw(n, generators["batches"]) if second else None,
        second_noise=empty().normal_(generator=noise) if second else None,
        keys=empty().uniform_(generator=noise) if keys else None,
    )


def stack_draws(draws: Sequence[Draws]) -> Draws:
    """Those of several models in one."""
    drawn = [each.tensors() for each in draws]
    return Draws(**{name: torch.stack([each[name] for each in drawn]) for name in drawn[0]})
