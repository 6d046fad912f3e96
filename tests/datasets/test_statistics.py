import numpy as np

from disbench.datasets._statistics import PixelMoments


def test_grey_and_colour_statistics_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 16, 24, 3), dtype=np.uint8)
    moments = PixelMoments((16, 24, 3), binary=False)
    moments.add(images[:2])
    moments.add(images[2:])
    found = moments.statistics()
    pixels = images / 255
    np.testing.assert_allclose(found.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-13)
    np.testing.assert_allclose(found.std, pixels.std(axis=(1, 2), ddof=1).mean(axis=0), rtol=1e-13)


def test_binary_statistics_count_packed_bits() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (5, 8, 16), dtype=np.uint8)
    moments = PixelMoments((8, 16, 1), binary=True)
    moments.add(np.packbits(bits, axis=-1))
    found = moments.statistics()
    np.testing.assert_allclose(found.mean, [bits.mean()], rtol=1e-13)
    np.testing.assert_allclose(found.std, [bits.std(axis=(1, 2), ddof=1).mean()], rtol=1e-13)
