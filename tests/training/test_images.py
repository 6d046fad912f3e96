import numpy as np
import torch

from disbench.models import Vae
from disbench.training.encode import encode_all
from disbench.training.images import ResidentImages

CPU = torch.device("cpu")


def test_packed_and_plain_images_give_the_same_batches():
    pixels = np.random.default_rng(0).integers(2, size=(20, 16, 16), dtype=np.uint8)
    packed = ResidentImages(np.packbits(pixels, axis=-1), binary=True, device=CPU, dtype=torch.float32)
    plain = ResidentImages(255 * pixels[..., None], binary=False, device=CPU, dtype=torch.float32)
    rows = torch.tensor([3, 3, 19, 0])
    assert torch.equal(packed.batch(rows), plain.batch(rows))
    assert np.array_equal(packed.batch(rows)[:, 0].numpy(), pixels[rows])


def test_colour_images_are_scaled_and_channels_come_first():
    stored = np.random.default_rng(1).integers(256, size=(5, 16, 16, 3), dtype=np.uint8)
    batch = ResidentImages(stored, binary=False, device=CPU, dtype=torch.float32).batch(slice(1, 3))
    assert np.array_equal(batch.numpy(), (stored[1:3].astype(np.float32) / 255).transpose(0, 3, 1, 2))


def test_rows_are_drawn_uniformly():
    stored = np.arange(10, dtype=np.uint8).repeat(256).reshape(10, 16, 16, 1)
    images = ResidentImages(stored, binary=False, device=CPU, dtype=torch.float32)
    drawn = images.draw(20_000, torch.Generator().manual_seed(0))[:, 0, 0, 0] * 255
    counts = np.bincount(drawn.round().int().numpy(), minlength=10)
    assert np.abs(counts / 2000 - 1).max() < 0.1


def test_every_image_is_encoded_once_in_the_order_of_rows():
    stored = np.random.default_rng(2).integers(256, size=(150, 16, 16, 1), dtype=np.uint8)
    images = ResidentImages(stored, binary=False, device=CPU, dtype=torch.float32)
    encoder = Vae("conv", (16, 16, 1), 4, torch.Generator().manual_seed(0)).encoder
    done: list[int] = []
    mean, log_variance = encode_all(encoder, images, advance=done.append)
    assert sum(done) == 150
    assert mean.dtype == log_variance.dtype == np.float32
    with torch.no_grad():
        expected = encoder(images.batch(torch.arange(150)))
    np.testing.assert_allclose(mean, expected[0], atol=1e-6)
    np.testing.assert_allclose(log_variance, expected[1], atol=1e-6)
