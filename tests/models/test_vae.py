import numpy as np
import pytest
import torch

from disbench.models.discriminator import Discriminator
from disbench.models.vae import Vae


@pytest.mark.parametrize("architecture", ["conv", "fc"])
@pytest.mark.parametrize("image_shape", [(64, 64, 1), (32, 48, 3)])
def test_shapes(architecture, image_shape):
    vae = Vae(architecture, image_shape, 7, torch.Generator().manual_seed(0))
    height, width, channels = image_shape
    images = torch.rand(5, channels, height, width)
    posterior = vae.encode(images)
    assert posterior.mean.shape == posterior.log_variance.shape == (5, 7)
    assert vae.decode(posterior.mean).shape == images.shape


@pytest.mark.parametrize("architecture", ["conv", "fc"])
def test_channels_last_gives_the_same_numbers(architecture):
    vae = Vae(architecture, (32, 32, 3), 4, torch.Generator().manual_seed(0))
    images = torch.rand(5, 3, 32, 32)
    with torch.no_grad():
        plain = vae.encode(images).mean
        last = vae.encode(images.contiguous(memory_format=torch.channels_last)).mean
    torch.testing.assert_close(plain, last, rtol=1e-4, atol=1e-6)


def test_kernels_are_glorot_uniform_and_biases_zero():
    """Limits by hand: sqrt(6 / (fan in + fan out)), where a fan is channels times kernel area."""
    vae = Vae("conv", (64, 64, 1), 10, torch.Generator().manual_seed(0))
    limits = {
        "encoder.conv1": 6 / (16 * (1 + 32)),
        "encoder.conv2": 6 / (16 * (32 + 32)),
        "encoder.conv3": 6 / (4 * (32 + 64)),
        "encoder.hidden": 6 / (1024 + 256),
        "decoder.hidden1": 6 / (10 + 256),
        "decoder.deconv2": 6 / (16 * (64 + 32)),
        "decoder.deconv4": 6 / (16 * (32 + 1)),
    }
    for name, squared in limits.items():
        layer = vae.get_submodule(name).requires_grad_(False)
        largest = float(layer.weight.abs().max())
        limit = np.sqrt(squared)
        assert 0.98 * limit < largest <= limit, name
        variance = float(layer.weight.var())
        assert variance == pytest.approx(limit**2 / 3, rel=0.2), name
        assert not layer.bias.any()


def test_the_same_generator_gives_the_same_weights():
    first, second = (Vae("conv", (32, 32, 1), 3, torch.Generator().manual_seed(5)) for _ in range(2))
    other = Vae("conv", (32, 32, 1), 3, torch.Generator().manual_seed(6))
    for name, weight in first.state_dict().items():
        torch.testing.assert_close(weight, second.state_dict()[name], rtol=0, atol=0)
    assert not torch.equal(first.encoder.conv1.weight, other.encoder.conv1.weight)


def test_number_of_parameters_of_the_study():
    """Counted by hand from the table in the paper."""
    vae = Vae("conv", (64, 64, 1), 10, torch.Generator())
    encoder = (16 + 1) * 32 + (512 + 1) * 32 + (128 + 1) * 64 + (256 + 1) * 64 + 1025 * 256 + 257 * 20
    decoder = 11 * 256 + 257 * 1024 + (1024 * 64 + 64) + (1024 * 32 + 32) + (512 * 32 + 32) + (512 + 1)
    assert sum(p.numel() for p in vae.encoder.parameters()) == encoder
    assert sum(p.numel() for p in vae.decoder.parameters()) == decoder
    discriminator = Discriminator(10, torch.Generator())
    assert sum(p.numel() for p in discriminator.parameters()) == 11 * 1000 + 5 * 1001 * 1000 + 1001 * 2


def test_wrong_image_shapes_are_refused():
    with pytest.raises(ValueError, match=r"multiples of 16; got image_shape=\(60, 64, 1\).*choose architecture fc"):
        Vae("conv", (60, 64, 1), 10, torch.Generator())
    with pytest.raises(ValueError, match="no architecture called 'convolutional'; available: conv, fc"):
        Vae("convolutional", (64, 64, 1), 10, torch.Generator())
