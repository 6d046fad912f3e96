"""The formulations for training on a CPU against PyTorch's own convolutions."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st

from disbench.models.layers import convolve, deconvolve, deconvolve_to_image


def close(ours, expected):
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()) + 1e-6)


def compare(ours, expected, inputs, weight_shape, bias_length, generator):
    """Values and gradients of `ours` and `expected`, functions of an input, a weight and a bias."""
    weight = torch.randn(weight_shape, generator=generator)
    bias = torch.randn(bias_length, generator=generator)
    results = []
    for function in (ours, expected):
        arguments = [tensor.clone().requires_grad_() for tensor in (inputs, weight, bias)]
        y = function(*arguments)
        y.backward(torch.sin(torch.arange(y.numel(), dtype=torch.float32)).view(y.shape))
        results.append([y.detach(), *(argument.grad for argument in arguments)])
    for mine, theirs in zip(*results, strict=True):
        if mine is not None:
            close(mine, theirs)


shapes = st.tuples(st.integers(1, 5), st.sampled_from([1, 2, 3, 8]), st.sampled_from([1, 3, 8]), st.integers(1, 5))


@settings(max_examples=25, deadline=None)
@given(shape=shapes, height=st.integers(1, 5), kernel=st.sampled_from([2, 4]))
def test_convolve(shape, height, kernel):
    n, channels_in, channels_out, width = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, channels_in, 2 * height, 2 * width, generator=generator)
    compare(
        convolve,
        lambda x, w, b: F.relu(F.conv2d(x, w, b, stride=2, padding=kernel // 2 - 1)),
        x,
        (channels_out, channels_in, kernel, kernel),
        channels_out,
        generator,
    )


@settings(max_examples=25, deadline=None)
@given(shape=shapes, height=st.integers(1, 5))
def test_deconvolve(shape, height):
    n, channels_in, channels_out, width = shape
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, channels_in, height, width, generator=generator)
    sizes = (channels_in, channels_out, 4, 4), channels_out, generator
    transpose = lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1)  # noqa: E731
    compare(deconvolve, lambda x, w, b: F.relu(transpose(x, w, b)), x, *sizes)
    compare(deconvolve_to_image, transpose, x, *sizes)


@pytest.mark.parametrize("channels", [1, 3])
def test_results_stay_channels_last(channels):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, channels, 16, 16, generator=generator).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(32, channels, 4, 4, generator=generator).requires_grad_()
    y = convolve(x, weight, torch.zeros(32))
    assert y.is_contiguous(memory_format=torch.channels_last)
    image = deconvolve_to_image(y, weight, torch.zeros(channels))
    assert image.permute(0, 2, 3, 1).is_contiguous()
    (gradient,) = torch.autograd.grad(image.sum(), y)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_is_near_float32(training):
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(4, 1, 16, 16, generator=generator)
    weight = torch.randn(8, 1, 4, 4, generator=generator).requires_grad_(training)
    bias = torch.zeros(8)
    full = convolve(x, weight, bias)
    half = convolve(x.bfloat16(), weight, bias)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), full, rtol=0.02, atol=0.05)
    image = deconvolve_to_image(half, weight, torch.zeros(1))
    assert image.dtype == torch.bfloat16
    if training:
        image.float().sum().backward()
        assert weight.grad.dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("layer", "kernel"), [(convolve, 2), (convolve, 4), (deconvolve, 4), (deconvolve_to_image, 4)])
def test_bfloat16_rounds_only(layer, kernel, channels):
    """Values and gradients are those of float32 from the same numbers, up to the 8 bits that bfloat16 keeps."""
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(6, channels if layer is convolve else 16, 16, 16, generator=generator).bfloat16()
    weight = torch.randn(8 if layer is convolve else 16, channels, kernel, kernel, generator=generator).bfloat16()
    bias = torch.randn(8 if layer is convolve else channels, generator=generator).bfloat16()
    towards = None
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        arguments = [tensor.to(dtype).requires_grad_() for tensor in (x, weight, bias)]
        y = layer(*arguments)
        if towards is None:
            # a value near 0 may fall on the other side of a ReLU, which would be no rounding: nothing flows there
            far = y.detach() > 0.05 * y.detach().std() if layer is not deconvolve_to_image else torch.ones_like(y)
            towards = (torch.randn(y.shape, generator=generator) * far).bfloat16()
        y.backward(towards.to(dtype))
        results.append([y.detach(), *(argument.grad for argument in arguments)])
    for full, half in zip(*results, strict=True):
        assert half.dtype == torch.bfloat16
        difference = (half.float() - full).abs()
        assert float(difference.norm() / full.norm()) < 0.02
