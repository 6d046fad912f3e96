"""Observation processes: what a model sees of a stored image, drawn anew each time where the data set is random.

The processes of dSprites' variants are those of disentanglement_lib (Locatello et al., ICML 2019), in torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Generator, Tensor

from disbench import catalogue
from disbench.storage import ImageStore

Observe = Callable[[Tensor, Tensor, Generator], Tensor]

_GREYS = (0.0, 0.25, 0.5, 0.75, 1.0)
_HUES = (  # six evenly spaced hues of equal lightness 0.7 and saturation 0.7 in HUSL, the first at 0.1
    (0.9096231780824386, 0.5883403686424795, 0.3657680693481871),
    (0.6350181801577739, 0.6927729880940552, 0.3626904230371999),
    (0.3764832455369271, 0.7283900430001952, 0.5963114605342514),
    (0.39548987063404156, 0.7073922557810771, 0.7874577552076919),
    (0.6963644829189117, 0.6220697032672371, 0.8997163878207630),
    (0.90815966835861, 0.5511103319168646, 0.7494337214212151),
)


@dataclass(frozen=True)
class Observation:
    """How the images of a store are observed.

    Parameters
    ----------
    num_channels
        Of what the model sees; height and width are those of the stored image.
    random
        Whether two observations of one state differ.
    observe
        Called with stored images as floats (n, stored channels, height, width) in [0, 1], the rows (n,) of the grid
        that they show, both on one device, and a generator of that device; returns floats of the same type
        (n, num_channels, height, width), in [0, 1] for every built-in process but `unclipped`.
    """

    num_channels: int
    random: bool
    observe: Observe


def observation_of(store: ImageStore, device: torch.device | str = "cpu") -> Observation:
    """Process that a store names, its constants on the device.

    Raises
    ------
    ValueError
        Nothing has the name.
    """
    name = store.attributes.get("observation", "plain")
    if ":" in name:
        make = catalogue.find("datasets", name)
    elif name in _PROCESSES:
        make = _PROCESSES[name]
    else:
        raise ValueError(f"{store.path}: {catalogue.no_such('observation process', name, _PROCESSES)}")
    observation: Observation = make(store, torch.device(device))
    return observation


def plain(store: ImageStore, device: torch.device) -> Observation:
    """Observe the image itself."""
    return Observation(store.image_shape[-1], False, lambda images, rows, generator: images)


def color(store: ImageStore, device: torch.device) -> Observation:
    """Observe the sprite in a colour drawn uniformly from [0.5, 1)^3 for each image, on black."""

    def observe(images: Tensor, rows: Tensor, generator: Generator) -> Tensor:
        return colored(images, 0.5 + 0.5 * _uniform((len(images), 3), images, generator))

    return Observation(3, True, observe)


def noisy(store: ImageStore, device: torch.device) -> Observation:
    """Observe the white sprite on noise drawn uniformly from [0, 1) for each pixel and channel."""

    def observe(images: Tensor, rows: Tensor, generator: Generator) -> Tensor:
        return with_noise(images, _uniform((len(images), 3, *images.shape[2:]), images, generator))

    return Observation(3, True, observe)


def scream(store: ImageStore, device: torch.device) -> Observation:
    """Observe the sprite as the negative of a random crop of The Scream that is half mixed with a random colour.

    As in the reference, the last row and column of offsets are never drawn.
    """
    background = torch.from_numpy(store.extras()["background"]).to(device)
    height, width = store.image_shape[:2]
    num_down, num_right = background.shape[0] - height, background.shape[1] - width
    if min(num_down, num_right) < 1:
        raise ValueError(
            f"{store.path}: expected a background larger than the images of {height} x {width}; "
            f"got {background.shape[0]} x {background.shape[1]}"
        )

    def observe(images: Tensor, rows: Tensor, generator: Generator) -> Tensor:
        num, on = len(images), images.device
        top = torch.randint(num_down, (num, 1), generator=generator, device=on) + torch.arange(height, device=on)
        left = torch.randint(num_right, (num, 1), generator=generator, device=on) + torch.arange(width, device=on)
        crops = background[top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2).to(images.dtype) / 255
        return negative_on(images, crops, _uniform((num, 3), images, generator))

    return Observation(3, True, observe)


def abstract(store: ImageStore, device: torch.device) -> Observation:
    """Observe the sprite in one of six hues on one of five greys; both are the leading axes of the grid."""
    greys = torch.tensor(_GREYS, device=device)
    hues = torch.tensor(_HUES, device=device)
    expected = (len(greys), len(hues))
    if store.space.sizes[:2] != expected or store.num_images * prod(expected) != store.space.num_states:
        raise ValueError(f"{store.path}: expected leading axes of sizes {expected}; got {store.space.sizes[:2]!r}")

    def observe(images: Tensor, rows: Tensor, generator: Generator) -> Tensor:
        painted = torch.div(rows, store.num_images, rounding_mode="floor")
        grey = greys[torch.div(painted, len(hues), rounding_mode="floor")][:, None, None, None].to(images.dtype)
        return torch.lerp(grey, hues[painted % len(hues)][:, :, None, None].to(images.dtype), images)

    return Observation(3, False, observe)


def unclipped(store: ImageStore, device: torch.device) -> Observation:
    """Observe grey values that overshoot [0, 1]: channel 0 is clipped, channel 1 what clipping took away, plus 128."""

    def observe(images: Tensor, rows: Tensor, generator: Generator) -> Tensor:
        return images[:, :1] + images[:, 1:] - 128 / 255

    return Observation(1, False, observe)


def colored(sprites: Tensor, colors: Tensor) -> Tensor:
    """Sprites (n, 1, height, width) of 0 and 1 in colours (n, 3)."""
    return sprites * colors[:, :, None, None]


def with_noise(sprites: Tensor, noise: Tensor) -> Tensor:
    """Sprites (n, 1, height, width) of 0 and 1 on noise (n, 3, height, width); white stays white."""
    return (sprites + noise).clamp(max=1)


def negative_on(sprites: Tensor, crops: Tensor, tints: Tensor) -> Tensor:
    """Crops (n, 3, height, width) mixed with tints (n, 3), and their negative where the sprites are 1."""
    mixed = (crops + tints[:, :, None, None]) / 2
    return torch.where(sprites == 1, 1 - mixed, mixed)


def _uniform(shape: tuple[int, ...], images: Tensor, generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=images.device, dtype=images.dtype)


_PROCESSES = {
    "plain": plain,
    "color": color,
    "noisy": noisy,
    "scream": scream,
    "abstract": abstract,
    "unclipped": unclipped,
}
