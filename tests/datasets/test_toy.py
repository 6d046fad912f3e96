import numpy as np

from disbench.datasets.toy import dataset


def test_every_state_has_one_image_of_its_own() -> None:
    (block,) = dataset.blocks(None)
    np.testing.assert_array_equal(block.rows, np.arange(dataset.space.num_states))
    assert block.images.shape == (dataset.space.num_states, *dataset.image_shape)
    assert block.images.dtype == np.uint8
    assert len(np.unique(block.images, axis=0)) == dataset.space.num_states


def test_shapes_lie_inside_the_image_and_where_the_factors_say() -> None:
    (block,) = dataset.blocks(None)
    images = block.images[..., 0].astype(float)
    assert not images[:, [0, -1]].any()
    assert not images[:, :, [0, -1]].any()
    centre_x = (images.sum(axis=1) @ np.arange(16)) / images.sum(axis=(1, 2)) + 0.5
    centre_y = (images.sum(axis=2) @ np.arange(16)) / images.sum(axis=(1, 2)) + 0.5
    states = dataset.space.states(block.rows)
    np.testing.assert_allclose(centre_x, 5 + 1.2 * states[:, 2], atol=0.1)
    np.testing.assert_allclose(centre_y, 5 + 1.2 * states[:, 3], atol=0.1)


def test_a_square_has_the_area_of_its_sides() -> None:
    # Square of radius 4 at (5, 5): sides of 8 pixels on the pixel grid, no partial pixels.
    row = dataset.space.rows([2, 2, 0, 0])
    (block,) = dataset.blocks(None)
    assert block.images[row].sum() == 255 * 8 * 8
