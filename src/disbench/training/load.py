"""The images of a store, ready to train on or to encode."""

import torch

from disbench.observations import observation_of
from disbench.seeds import derive_seed
from disbench.storage import ImageStore
from disbench.training.images import Images, ResidentImages
from disbench.training.observed import ObservedImages


def load_images(store: ImageStore, *, device: torch.device, dtype: torch.dtype, seed: int) -> Images:
    """Images of all states of a store, as a model sees them.

    Parameters
    ----------
    store
        With stored images of any kind.
    device, dtype
        Of the batches.
    seed
        Of the observations that `batch` makes where the data set is random; `draw` takes a generator.
    """
    images = ResidentImages(store.load(), binary=store.binary, device=device, dtype=dtype)
    observation = observation_of(store, device)
    if not observation.random and observation.num_channels == store.image_shape[-1]:
        return images
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "observations"))
    return ObservedImages(images, store.space.num_states, observation, generator)


def observed_shape(store: ImageStore) -> tuple[int, int, int]:
    """Height, width and channels of what a model sees."""
    height, width, _ = store.image_shape
    return height, width, observation_of(store).num_channels
