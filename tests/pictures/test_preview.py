from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.pictures.preview import Preview
from disbench.storage import ImageStore, create_dataset, open_dataset

SPACE = FactorSpace(("hue", "height", "noise"), (3, 12, 2), nuisance=("noise",))
MARGIN, LABEL = 4, 172  # pixels; a label with the gap beside it
HUES = np.array([[200, 30, 30], [20, 180, 40], [40, 50, 220]], np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    """A bar in one of three colours at one of twelve heights on black; 48 pixels, enlarged twice."""
    images = np.zeros((SPACE.num_states, 48, 48, 3), np.uint8)
    for row, (hue, height, _) in enumerate(SPACE.states(np.arange(SPACE.num_states))):
        images[row, 4 * height : 4 * height + 4] = HUES[hue]
    with create_dataset(tmp_path / "bars.zarr", SPACE, (48, 48, 3), binary=False) as writer:
        writer.write(np.arange(SPACE.num_states), images)
    return open_dataset(tmp_path / "bars.zarr")


def tiles(picture: np.ndarray, top: int, left: int, num: int) -> np.ndarray:
    """Images (num, 96, 96, 3) side by side in a picture with a margin."""
    lefts = [MARGIN + left + 100 * index for index in range(num)]
    return np.stack([picture[MARGIN + top : MARGIN + top + 96, left : left + 96] for left in lefts])


def test_png_has_a_row_for_each_factor_and_fixes_the_others(store: ImageStore, tmp_path: Path) -> None:
    Preview(store).write_png(tmp_path / "bars.png", num_columns=6)
    picture = imageio.imread(tmp_path / "bars.png")
    assert picture.shape == (3 * 100 + 4, LABEL + 6 * 100 + 4, 3)
    hues, heights, noise = (tiles(picture, 100 * row, LABEL, 6) for row in range(3))
    np.testing.assert_array_equal(hues[:3, 50, 50], HUES)  # at height 6 of 12
    assert (hues[3:] == 255).all()
    for image, height in zip(heights, [0, 2, 4, 7, 9, 11], strict=True):
        np.testing.assert_array_equal(image[8 * height + 4, 50], HUES[1])
        assert (image[:, 50] != 0).any(axis=1).sum() == 8
    np.testing.assert_array_equal(noise[0], noise[1])


def test_gif_sweeps_all_factors_in_their_colours(store: ImageStore, tmp_path: Path) -> None:
    Preview(store).write_gif(tmp_path / "bars.gif", num_frames=12)
    frames = imageio.imread(tmp_path / "bars.gif")
    assert frames.shape == (22, 126, 304, 3)
    assert imageio.immeta(tmp_path / "bars.gif")["loop"] == 0
    for step in range(12):
        hue, height, _ = tiles(frames[step], 22, 0, 3)
        near = np.abs(hue[50, 50].astype(int) - HUES[round(step / 11 * 2)])
        assert near.max() <= 3
        assert np.abs(height[8 * step + 4, 50].astype(int) - HUES[1]).max() <= 3
        assert np.abs(frames[-step].astype(int) - frames[step]).max() <= 3 or step == 0


def test_the_same_seed_gives_the_same_pictures(store: ImageStore, tmp_path: Path) -> None:
    noisy = store.__class__(**{**vars(store), "attributes": {**store.attributes, "observation": "color"}})
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        Preview(noisy, seed=seed).write_png(tmp_path / f"{name}.png")
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_colours_that_stay_are_apart(tmp_path: Path) -> None:
    """A thing of one hue before a wall of another: at equal hues its row would show nothing."""
    space = FactorSpace(("wall_hue", "object_hue", "shape"), (4, 4, 3))
    wall, thing, shape = space.states(np.arange(space.num_states)).T
    images = np.repeat(60 * wall[:, None, None, None] + 10, 16, axis=1).repeat(16, axis=2).astype(np.uint8)
    for row in range(space.num_states):
        images[row, 4 : 6 + 4 * shape[row], 4:8] = 60 * thing[row] + 10
    with create_dataset(tmp_path / "rooms.zarr", space, (16, 16, 1), binary=False) as writer:
        writer.write(np.arange(space.num_states), images)
    Preview(open_dataset(tmp_path / "rooms.zarr")).write_png(tmp_path / "rooms.png")
    _, _, shapes = (tiles(imageio.imread(tmp_path / "rooms.png"), 100 * row, LABEL, 3) for row in range(3))
    heights = [(image[:, 36, 0] != image[0, 0, 0]).sum() // 6 for image in shapes]
    assert heights == [2, 6, 10]


def test_long_names_are_not_cut_off(tmp_path: Path) -> None:
    for num_letters in (8, 24):
        space = FactorSpace(("m" * num_letters,), (2,))
        with create_dataset(tmp_path / "a.zarr", space, (96, 96, 1), binary=False) as writer:
            writer.write(np.arange(2), np.zeros((2, 96, 96, 1), np.uint8))
        Preview(open_dataset(tmp_path / "a.zarr")).write_png(tmp_path / "a.png")
        label = imageio.imread(tmp_path / "a.png")[:, : MARGIN + LABEL]
        assert (label != 255).any()
        assert (label[:, -4:] == 255).all()
