"""The images of a store, ready to train on or to encode."""

import sys

import psutil  # type: ignore[import-untyped]
import torch

from disbench.factors import FactorSpace
from disbench.observations import observation_of
from disbench.progress import bytes_text
from disbench.seeds import derive_seed
from disbench.storage import ImageStore
from disbench.training.images import Images, ResidentImages
from disbench.training.observed import ObservedImages
from disbench.training.streamed import StreamedImages


def load_images(
    store: ImageStore,
    *,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
    num_bytes: int | None = None,
    num_observations: int = 1,
) -> Images:
    """Images of all states of a store, as a model sees them; standard error says where they are kept.

    Parameters
    ----------
    store
        With stored images of any kind.
    device, dtype
        Of the batches.
    seed
        Of the order of a stream, and of the observations that `batch` makes where the data set is random.
    num_bytes
        Memory for the images; by default half of what is free on the device. A larger set is streamed from disk.
    num_observations
        How many times all states can be read, observed anew each time; see `observed_space`.
    """
    budget = free_bytes(device) // 2 if num_bytes is None else num_bytes
    images = _stored_images(store, device, dtype, seed, budget)
    observation = observation_of(store, device)
    if not observation.random and observation.num_channels == store.image_shape[-1]:
        return images
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "observations"))
    num = num_observations if observation.random else 1
    return ObservedImages(images, store.space.num_states, observation, generator, num)


def observed_space(store: ImageStore, num_observations: int) -> FactorSpace:
    """Grid of what `load_images` reads: where observations are random, which of them it is becomes a nuisance factor.

    A metric that draws a state then draws one of its observations too. One observation adds no axis.
    """
    space = store.space
    if num_observations == 1 or not observation_of(store).random:
        return space
    return FactorSpace(
        ("observation", *space.names), (num_observations, *space.sizes), ("observation", *space.nuisance)
    )


def order_of(images: Images) -> str:
    """What the order of rows depends on, besides the seed: a run that goes on needs the same."""
    if isinstance(images, ObservedImages):
        return order_of(images.images)
    return f"streamed, {images.num_buffered} at a time" if isinstance(images, StreamedImages) else "resident"


def observed_shape(store: ImageStore) -> tuple[int, int, int]:
    """Height, width and channels of what a model sees."""
    height, width, _ = store.image_shape
    return height, width, observation_of(store).num_channels


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)


def _stored_images(
    store: ImageStore, device: torch.device, dtype: torch.dtype, seed: int, budget: int
) -> ResidentImages | StreamedImages:
    needed = store.num_images * store.image_bytes
    what = f"{store.num_images:,} images, {bytes_text(needed)}"
    if needed <= budget:
        _say(f"{what}, are kept on {device}, within {bytes_text(budget)}")
        return ResidentImages(store.load(), binary=store.binary, device=device, dtype=dtype)
    stream = StreamedImages(store, device=device, dtype=dtype, num_bytes=budget, seed=derive_seed(seed, "stream"))
    _say(
        f"{what}, are more than {bytes_text(budget)}: they are streamed from disk in shuffled blocks, drawn from "
        f"{stream.num_buffered:,} at a time"
    )
    return stream


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
