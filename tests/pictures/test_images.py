import imageio.v3 as imageio
import numpy as np
import pytest
import torch
from tests.pictures.conftest import COLORS, NUM_LATENTS, subject_of, write_world

from disbench.models import load_decoder
from disbench.pictures import images
from disbench.pictures.cycles import CYCLES, cycles, gaussian_cycle, interval_cycle
from disbench.pictures.images import limits, reconstructions, samples, traversals

SIDE, LABEL = 64, images.LABEL_WIDTH  # 16 pixels, enlarged four times


def tile(picture: np.ndarray, top: int, left: int) -> np.ndarray:
    """One image (16, 16, 3) of a picture, made small again; every enlarged pixel is a square of one colour."""
    found = picture[top : top + SIDE, left : left + SIDE].reshape(16, 4, 16, 4, 3)
    assert (found == found[:, :1, :, :1]).all()
    return found[:, 0, :, 0]


def decoded_by_torch(folder, codes: np.ndarray, activation: str = "logits") -> np.ndarray:
    with torch.inference_mode():
        logits = load_decoder(folder / "model")(torch.from_numpy(codes.astype(np.float32)))
    probability = 1 / (1 + (-logits.double()).exp()) if activation == "logits" else (logits.double().tanh() + 1) / 2
    return 255 * probability.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("activation", ["logits", "tanh"])
def test_a_reconstruction_is_the_decoders_probability_beside_the_image(tmp_path, activation):
    subject = subject_of(write_world(tmp_path, activation))
    (path,) = reconstructions(subject, tmp_path)
    picture = imageio.imread(path)
    originals = subject.images(30)
    decoded = decoded_by_torch(tmp_path, subject.model.encode(originals), activation)
    assert np.ptp(decoded) > 50
    for index in (0, 7, 29):  # down the columns of six pairs
        top = 4 + 24 + 4 + index % 6 * (SIDE + 4)
        left = 4 + index // 6 * (2 * SIDE + 1 + 16)
        np.testing.assert_array_equal(tile(picture, top, left), np.round(255 * originals[index]))
        assert np.abs(tile(picture, top, left + SIDE + 1) - decoded[index]).max() <= 0.51


def test_originals_are_images_of_the_data_set(subject):
    blocks = subject.images(20)
    assert blocks.shape == (20, 16, 16, 3)
    for block in np.round(255 * blocks).astype(np.uint8):
        inked = block[block.any(axis=-1)]
        assert len(inked) == 12
        assert any((inked == color).all() for color in COLORS)


def test_samples_are_decoded_from_a_standard_gaussian(subject, world, tmp_path, monkeypatch):
    seen = []
    decode = subject.model.decode
    monkeypatch.setattr(subject.model, "decode", lambda codes: seen.append(codes) or decode(codes))
    (path,) = samples(subject, tmp_path)
    (codes,) = seen
    assert codes.shape == (64, NUM_LATENTS)
    assert abs(codes.mean()) < 5 / np.sqrt(codes.size)
    assert abs(codes.std() - 1) < 5 / np.sqrt(2 * codes.size)
    expected = decoded_by_torch(world, codes)
    picture = imageio.imread(path)
    assert np.abs(tile(picture, 4 + 3 * 68, 4 + 5 * 68) - expected[3 * 8 + 5]).max() <= 0.51


def test_a_traversal_sweeps_one_latent_a_row_in_the_order_of_kl(subject, world, tmp_path):
    paths = traversals(subject, tmp_path)
    assert [path.name for path in paths] == ["traversals_0.png", "traversals_1.png", "traversals_2.png"]
    base = subject.model.encode(subject.images(3))[1]
    picture = imageio.imread(paths[1])
    kl = subject.kl
    assert list(subject.by_kl) == sorted(range(NUM_LATENTS), key=lambda d: -kl[d])
    for row, latent in enumerate(subject.by_kl):
        for column in (0, 3, 10):
            code = base.copy()
            code[latent] = -2 + 0.4 * column
            top, left = 4 + SIDE + 8 + 4 + row * 68, 4 + LABEL + 4 + column * 68
            assert np.abs(tile(picture, top, left) - decoded_by_torch(world, code[None])[0]).max() <= 0.51


def test_ranges_come_from_the_codes(subject):
    low, high = limits(subject, "minmax")
    np.testing.assert_allclose(low[[3, 0, 1]], [-1, -1.5, -2])
    np.testing.assert_allclose(high[[3, 0, 1]], [1, 1.5, 2])
    low, high = limits(subject, "confidence")
    spread = np.sqrt([1.25 + 0.1, 2 + 0.2, 2 / 3 + 0.3])  # variances of evenly spaced values, and of the posteriors
    np.testing.assert_allclose(high[[0, 1, 3]], 2 * spread, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(low, -high + 2 * subject.center)


def test_kl_is_that_of_a_hand_calculation(subject):
    variance, second = np.array([0.1, 0.2, 0.3]), np.array([1.25, 2, 2 / 3])
    expected = 0.5 * (second + variance - np.log(variance) - 1)
    np.testing.assert_allclose(subject.kl[[0, 1, 3]], expected, rtol=1e-5)
    assert subject.kl[4] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("low", "high", "base"), [(-2, 2, 0.5), (-2, 2, 7.0), (0, 0, 0.0)])
def test_an_interval_is_run_through_evenly_from_the_base_and_back(low, high, base):
    values = interval_cycle(np.array([base]), np.array([low]), np.array([high]))[:, 0]
    assert values[0] == min(max(base, low), high)
    around = np.append(values, values[0])
    # 24 steps of a twelfth of the interval each, but for the two in which it turns round
    steps = np.abs(np.diff(around))
    assert (steps <= (high - low) / 12 + 1e-9).all()
    assert np.isclose(steps, (high - low) / 12).sum() >= 22
    assert values.max() >= high - (high - low) / 24 - 1e-9
    assert values.min() <= low + (high - low) / 24 + 1e-9


def test_a_gaussian_is_run_through_in_even_steps_of_probability():
    from statistics import NormalDist

    values = gaussian_cycle(np.array([1.3]), np.array([1.0]), np.array([2.0]))[:, 0]
    shares = np.array([NormalDist(1, 2).cdf(value) for value in values])
    assert values[0] == pytest.approx(1.3)
    inner = (shares[1:] > 0.0101) & (shares[1:] < 0.9899) & (shares[:-1] > 0.0101) & (shares[:-1] < 0.9899)
    np.testing.assert_allclose(np.sort(np.abs(np.diff(shares))[inner])[3:], 1 / 12, rtol=1e-6)
    assert shares.min() >= 0.01 - 1e-9
    assert shares.max() <= 0.99 + 1e-9


def test_the_five_films_show_the_decoded_cycles_in_colour(subject, world, tmp_path):
    paths = cycles(subject, tmp_path)
    assert [path.stem for path in paths] == [f"cycle_{name}" for name in CYCLES]
    base = subject.model.encode(subject.images(2))[1]
    for path, cycle in zip(paths, CYCLES.values(), strict=True):
        frames = imageio.imread(path)
        assert frames.shape[0] == 24
        values = cycle(subject, base)
        for step, column in ((0, 0), (7, 1), (18, 4)):
            latent = subject.by_kl[column]
            code = base.copy()
            code[latent] = values[step, latent]
            top, left = 4 + 22 + 4 + 68, 4 + column * 68
            found = frames[step, top : top + SIDE, left : left + SIDE].reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
            expected = decoded_by_torch(world, code[None])[0]
            assert np.abs(found - expected).mean() < 4  # of 255, for a palette of 256 colours
            assert np.ptp(expected, axis=-1).mean() > 5  # and they are colours
