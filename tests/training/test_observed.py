from pathlib import Path

import numpy as np
import pytest
import torch

from disbench.factors import FactorSpace
from disbench.observations import Observation
from disbench.storage import ImageStore, create_dataset, open_dataset
from disbench.training.encode import encode_all
from disbench.training.images import ResidentImages
from disbench.training.load import load_images, observed_shape, observed_space
from disbench.training.observed import ObservedImages

CPU = torch.device("cpu")


def store_of(path: Path, observation: str, space: FactorSpace, num_images: int) -> ImageStore:
    """Binary images of 8 x 16 pixels; each has one white pixel that tells its number."""
    images = np.zeros((num_images, 8, 16), np.uint8)
    images[np.arange(num_images), np.arange(num_images) // 16, np.arange(num_images) % 16] = 1
    repeats = space.num_states // num_images
    with create_dataset(path, space, (8, 16, 1), binary=True, repeats=repeats) as writer:
        writer.write(np.arange(num_images), np.packbits(images, axis=-1))
        writer.attributes["observation"] = observation
    return open_dataset(path)


def load(store: ImageStore, seed: int = 0) -> ObservedImages:
    images = load_images(store, device=CPU, dtype=torch.float32, seed=seed)
    assert isinstance(images, ObservedImages)
    return images


def test_a_plain_store_is_resident(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a.zarr", "plain", FactorSpace(("row",), (100,)), 100)
    assert isinstance(load_images(store, device=CPU, dtype=torch.float32, seed=0), ResidentImages)
    assert observed_shape(store) == (8, 16, 1)


def test_each_draw_is_observed_anew_and_the_generator_decides(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a.zarr", "color", FactorSpace(("row",), (100,)), 100)
    images = load(store)
    assert observed_shape(store) == (8, 16, 3)
    generator = torch.Generator().manual_seed(0)
    first, second = images.draw(50, generator), images.draw(50, generator)
    assert first.shape == (50, 3, 8, 16)
    assert not torch.equal(first, second)
    assert torch.equal(images.draw(50, torch.Generator().manual_seed(0)), first)
    colors = torch.cat([first, second]).amax(dim=(2, 3))
    assert len(torch.unique(colors, dim=0)) == 100
    assert colors.min() >= 0.5


def test_one_observation_of_every_state_is_a_matter_of_the_seed(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a.zarr", "noisy", FactorSpace(("row",), (100,)), 100)

    def encoded(seed: int) -> np.ndarray:
        def encoder(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return batch.mean(dim=(2, 3)), batch.amax(dim=(1, 2))[:, :3]

        mean, _ = encode_all(encoder, load(store, seed))  # type: ignore[arg-type]
        return mean

    np.testing.assert_array_equal(encoded(0), encoded(0))
    assert (encoded(0) != encoded(1)).all()


def test_images_repeat_along_the_grid_and_the_process_is_told_the_rows(tmp_path: Path) -> None:
    space = FactorSpace(("paint", "row"), (4, 60))
    stored = load_images(
        store_of(tmp_path / "a.zarr", "plain", FactorSpace(("row",), (60,)), 60),
        device=CPU,
        dtype=torch.float32,
        seed=0,
    )
    painted = Observation(1, False, lambda images, rows, generator: images * (1 + rows // 60)[:, None, None, None])
    images = ObservedImages(stored, space.num_states, painted, torch.Generator())
    assert len(images) == 240
    for batch, rows in (
        (images.batch(slice(100, 140)), range(100, 140)),
        (images.batch(torch.tensor([7, 239])), (7, 239)),
    ):
        for image, row in zip(batch, rows, strict=True):
            assert image.max() == 1 + row // 60
            assert image.flatten().argmax() == row % 60


def test_several_observations_of_each_state_are_a_nuisance_factor(tmp_path: Path) -> None:
    space = FactorSpace(("paint", "row"), (4, 25), nuisance=("paint",))
    store = store_of(tmp_path / "a.zarr", "color", space, 100)
    images = load_images(store, device=CPU, dtype=torch.float32, seed=0, num_observations=3)
    wide = observed_space(store, 3)
    assert wide.names == ("observation", "paint", "row")
    assert wide.sizes == (3, 4, 25)
    assert wide.nuisance == ("observation", "paint")
    assert len(images) == wide.num_states
    seen = torch.cat([images.batch(slice(start, start + 64)) for start in range(0, 300, 64)])
    np.testing.assert_array_equal(seen.amax(dim=1).flatten(1).argmax(dim=1), np.arange(300) % 100)
    colors = seen.amax(dim=(2, 3)).view(3, 100, 3)
    assert (colors[0] != colors[1]).all()
    assert torch.equal(images.batch(torch.tensor([299])).amax(dim=1) > 0, seen[299:].amax(dim=1) > 0)
    assert observed_space(store, 1) == space


def test_what_is_not_random_is_observed_once(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a.zarr", "plain", FactorSpace(("row",), (100,)), 100)
    assert observed_space(store, 3) == store.space
    assert len(load_images(store, device=CPU, dtype=torch.float32, seed=0, num_observations=3)) == 100


@pytest.mark.parametrize("observation", ["plain", "color"])
def test_rows_are_drawn_uniformly(tmp_path: Path, observation: str) -> None:
    store = store_of(tmp_path / "a.zarr", observation, FactorSpace(("row",), (100,)), 100)
    images = load_images(store, device=CPU, dtype=torch.float32, seed=0)
    drawn = images.draw(20_000, torch.Generator().manual_seed(1)).amax(dim=1).flatten(1).argmax(dim=1)
    counts = np.bincount(drawn.numpy(), minlength=100)
    assert ((counts - 200) ** 2 / 200).sum() < 160  # chi-square of 99 degrees, p = 1e-4
