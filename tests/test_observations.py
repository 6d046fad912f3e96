from pathlib import Path

import numpy as np
import pytest
import torch

from disbench import observations
from disbench.datasets import abstract_dsprites, smallnorb_unclipped
from disbench.factors import FactorSpace
from disbench.observations import Observation, observation_of
from disbench.storage import ImageStore, create_dataset, open_dataset
from tests import GOLDEN

SPACE = FactorSpace(("shape", "scale", "orientation", "position_x", "position_y"), (3, 6, 10, 8, 8))


def store_of(
    path: Path, images: np.ndarray, observation: str, *, space: FactorSpace | None = None, **extras: np.ndarray
) -> ImageStore:
    space = space or FactorSpace(("row",), (len(images),))
    with create_dataset(path, space, images.shape[1:], binary=False, repeats=space.num_states // len(images)) as writer:
        writer.write(np.arange(len(images)), images)
        writer.attributes["observation"] = observation
        for name, values in extras.items():
            writer.add_extra(name, values)
    return open_dataset(path)


@pytest.fixture(scope="module")
def sprites() -> np.ndarray:
    """uint8 (8, 64, 64, 1): squares of 0 and 255."""
    images = np.zeros((8, 64, 64, 1), np.uint8)
    for row, image in enumerate(images):
        image[10 + 3 * row : 25 + 3 * row, 20:40] = 255
    return images


def seen(observation: Observation, images: np.ndarray, seed: int = 0, rows: np.ndarray | None = None) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    rows = np.arange(len(images)) if rows is None else rows
    floats = torch.from_numpy(images).permute(0, 3, 1, 2).to(torch.float32) / 255
    result = observation.observe(floats, torch.from_numpy(rows), generator)
    assert result.dtype == torch.float32
    assert result.shape == (len(images), observation.num_channels, *images.shape[1:3])
    return result.numpy()


def reference_draws(name: str) -> tuple[dict[str, np.ndarray], np.random.RandomState]:
    """Golden observations, and the reference's generator when it began to draw them."""
    golden = dict(np.load(GOLDEN / "raw" / f"{name}.npz"))
    state = np.random.RandomState(0)
    num = len(golden["factors"])
    drawn = [state.randint(size, size=num) for size in SPACE.sizes]
    np.testing.assert_array_equal(np.stack(drawn, axis=1), golden["factors"])
    state.randint(1, size=num)  # dSprites' one colour
    return golden, state


def test_a_plain_image_is_observed_as_it_is(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)
    observation = observation_of(store_of(tmp_path / "set.zarr", images, "plain"))
    np.testing.assert_array_equal(seen(observation, images), images.transpose(0, 3, 1, 2) / np.float32(255))
    assert not observation.random


def test_colors_are_multiplied_as_in_the_reference() -> None:
    golden, state = reference_draws("color_dsprites")
    colors = state.uniform(0.5, 1, [len(golden["factors"]), 1, 1, 3])[:, 0, 0]
    expected = golden["observations"].transpose(0, 3, 1, 2)
    sprite = torch.from_numpy((expected > 0).any(axis=1, keepdims=True).astype(np.float64))
    np.testing.assert_array_equal(observations.colored(sprite, torch.from_numpy(colors)).numpy(), expected)


def test_noise_is_added_as_in_the_reference() -> None:
    golden, state = reference_draws("noisy_dsprites")
    noise = state.uniform(0, 1, golden["observations"].shape)
    expected = golden["observations"].transpose(0, 3, 1, 2)
    sprite = torch.from_numpy((expected == 1).all(axis=1, keepdims=True).astype(np.float64))
    assert 0 < sprite.mean() < 0.5
    noised = observations.with_noise(sprite, torch.from_numpy(noise.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(noised.numpy(), expected)


def test_colored_sprites_have_one_uniform_color_each(tmp_path: Path, sprites: np.ndarray) -> None:
    images = sprites.repeat(500, axis=0)
    observation = observation_of(store_of(tmp_path / "set.zarr", sprites, "color"))
    pixels = seen(observation, images)
    inside = pixels.max(axis=(2, 3))
    np.testing.assert_array_equal(pixels, inside[:, :, None, None] * (images.transpose(0, 3, 1, 2) / 255))
    assert inside.min() >= 0.5
    assert inside.max() < 1
    np.testing.assert_allclose(inside.mean(axis=0), 0.75, atol=5 * 0.5 / np.sqrt(12 * 4000))
    assert np.abs(np.corrcoef(inside.T) - np.eye(3)).max() < 5 / np.sqrt(4000)
    np.testing.assert_array_equal(seen(observation, images), pixels)
    assert (seen(observation, images, seed=1) != pixels).any()


def test_noise_is_uniform_behind_a_white_sprite(tmp_path: Path, sprites: np.ndarray) -> None:
    pixels = seen(observation_of(store_of(tmp_path / "set.zarr", sprites, "noisy")), sprites).transpose(0, 2, 3, 1)
    white = sprites[..., 0] == 255
    assert (pixels[white] == 1).all()
    noise = pixels[~white]
    counts, _ = np.histogram(noise, bins=10, range=(0, 1))
    expected = noise.size / 10
    assert ((counts - expected) ** 2 / expected).sum() < 33.7  # chi-square of 9 degrees, p = 1e-4
    assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 5 / np.sqrt(len(noise))


def scream_of_the_reference(
    background: np.ndarray, sprite: np.ndarray, top: int, left: int, tint: np.ndarray
) -> np.ndarray:
    crop = (background[top : top + 64, left : left + 64] / 255 + tint) / 2
    return np.where(sprite == 255, 1 - crop, crop)


def test_every_scream_is_a_tinted_crop_with_a_negative_sprite(tmp_path: Path, sprites: np.ndarray) -> None:
    background = np.random.default_rng(0).integers(0, 256, (66, 67, 3), dtype=np.uint8)
    observation = observation_of(store_of(tmp_path / "set.zarr", sprites, "scream", background=background))
    images = sprites.repeat(100, axis=0)
    offsets = {(top, left): 0 for top in range(2) for left in range(3)}
    tints = []
    for image, pixels in zip(images, seen(observation, images).transpose(0, 2, 3, 1), strict=True):
        for (top, left), count in offsets.items():
            tint = 2 * pixels[0, 0] - background[top, left] / 255
            expected = scream_of_the_reference(background, image, top, left, tint)
            if np.abs(pixels - expected).max() < 1e-6:
                offsets[top, left] = count + 1
                tints.append(tint)
                break
    # Of 3 x 4 possible offsets, those of the last row and column are never drawn, as in the reference.
    assert sum(offsets.values()) == len(images)
    assert min(offsets.values()) > 90
    assert np.min(tints) > -1e-6
    assert np.max(tints) < 1
    np.testing.assert_allclose(np.mean(tints, axis=0), 0.5, atol=5 / np.sqrt(12 * 800))


def test_a_background_that_is_too_small_is_refused(tmp_path: Path, sprites: np.ndarray) -> None:
    background = np.zeros((64, 200, 3), np.uint8)
    with pytest.raises(ValueError, match="background larger than the images of 64 x 64; got 64 x 200"):
        observation_of(store_of(tmp_path / "set.zarr", sprites, "scream", background=background))


def test_abstract_sprites_are_painted_as_in_the_reference(tmp_path: Path) -> None:
    golden = np.load(GOLDEN / "raw" / "abstract_dsprites.npz")
    factors, expected = golden["factors"], golden["observations"].transpose(0, 3, 1, 2)
    grey = factors[:, 0] / 4
    sprite = (np.abs(expected - grey[:, None, None, None]) > 1e-9).any(axis=1)
    images = 255 * sprite[..., None].astype(np.uint8)
    # Factors other than the colours are in the stored image: here it is the number of the observation.
    space = FactorSpace(("background_color", "object_color", "row"), (5, 6, len(images)))
    observation = observation_of(store_of(tmp_path / "set.zarr", images, "abstract", space=space))
    rows = space.rows(np.column_stack([factors[:, :2], np.arange(len(images))]))
    np.testing.assert_allclose(seen(observation, images, rows=rows), expected, atol=1e-7)
    names = ("background_color", "object_color", "shape", "scale", "position_x", "position_y")
    assert abstract_dsprites.dataset.space.factor_names == names
    assert abstract_dsprites.dataset.space.factor_sizes == tuple(golden["factors_num_values"])
    assert abstract_dsprites.dataset.num_images == 737_280


def test_unclipped_values_leave_the_unit_interval(tmp_path: Path) -> None:
    values = np.array([-20, 0, 128, 255, 300]).reshape(5, 1, 1, 1).repeat(8, axis=1).repeat(8, axis=2)
    images = smallnorb_unclipped.split(values)
    found = seen(observation_of(store_of(tmp_path / "set.zarr", images, "unclipped")), images)
    np.testing.assert_allclose(found[:, 0, 0, 0], values[:, 0, 0, 0] / 255, atol=1e-6)


def test_names_that_nothing_has_are_refused_and_ones_own_are_imported(
    tmp_path: Path, sprites: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no observation process called 'colour'. Did you mean 'color'"):
        observation_of(store_of(tmp_path / "set.zarr", sprites, "colour"))
    (tmp_path / "lab_observations.py").write_text(
        "from disbench.observations import Observation\n"
        "def inverted(store, device):\n"
        "    return Observation(1, False, lambda images, rows, generator: 1 - images)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    observation = observation_of(store_of(tmp_path / "set.zarr", sprites, "lab_observations:inverted"))
    np.testing.assert_array_equal(seen(observation, sprites), 1 - sprites.transpose(0, 3, 1, 2) / np.float32(255))
