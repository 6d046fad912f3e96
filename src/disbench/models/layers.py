"""Convolutions by two, down and up, with the formulations that are fastest where they run.

On a GPU these are PyTorch's own operations. On a CPU, oneDNN has slow paths: a convolution with one input channel, a
transposed convolution with few output channels, the weight gradient of any transposed convolution in channels-last.
Those are written as matrix products or as the equivalent convolution that is fast. Values and gradients agree to
rounding. Parameters keep PyTorch's layout.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd.function import once_differentiable

_aten = torch.ops.aten


def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolution that halves an even height and width, then ReLU; kernel 4 (padded by 1) or 2.

    Shapes: x (n, channels in, h, w), weight (channels out, channels in, k, k), result (n, channels out, h/2, w/2).
    """
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if x.device.type == "cpu" and x.shape[1] == 1 and weight.shape[-1] == 4 and not x.requires_grad:
        return _SingleChannelConvolution.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    if _trains_on_cpu(x):
        return _Convolution.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return F.relu(F.conv2d(x, weight, bias, stride=2, padding=_padding(weight)))


def deconvolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Transposed convolution with kernel 4 that doubles height and width, then ReLU.

    Shapes: x (n, channels in, h, w), weight (channels in, channels out, 4, 4), result (n, channels out, 2h, 2w).
    """
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if _trains_on_cpu(x):
        return _Deconvolution.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return F.relu(F.conv_transpose2d(x, weight, bias, stride=2, padding=1))


def deconvolve_to_image(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Transposed convolution to the one or three channels of an image; shapes as in `deconvolve`, no ReLU."""
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if _trains_on_cpu(x):
        return _ImageDeconvolution.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return F.conv_transpose2d(x, weight, bias, stride=2, padding=1)


def _trains_on_cpu(x: Tensor) -> bool:
    return x.device.type == "cpu" and torch.is_grad_enabled()


def _padding(weight: Tensor) -> int:
    return 1 if weight.shape[-1] == 4 else 0


class _SingleChannelConvolution(torch.autograd.Function):
    """One input channel that needs no gradient: both passes are products with the matrix of 4 x 4 patches."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        n, _, height, width = x.shape
        patches = F.pad(x[:, 0], (1, 1, 1, 1)).unfold(1, 4, 2).unfold(2, 4, 2).permute(3, 4, 0, 1, 2).reshape(16, -1)
        y = torch.addmm(bias, patches.T, weight.reshape(-1, 16).T).relu_()
        ctx.save_for_backward(patches, y)
        ctx.mark_non_differentiable(patches)
        return y.view(n, height // 2, width // 2, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        patches, y = ctx.saved_tensors
        gradient = _aten.threshold_backward(gradient.permute(0, 2, 3, 1).reshape(y.shape), y, 0)
        return None, (patches @ gradient).T.reshape(-1, 1, 4, 4), gradient.sum(0)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y = _conv(x, weight, bias).relu_()
        ctx.save_for_backward(x, weight, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        gradient = _aten.threshold_backward(gradient, y, 0)
        grad_x, grad_weight = _conv_backward(gradient, x, weight, ctx.needs_input_grad[0])
        return grad_x, grad_weight, gradient.sum((0, 2, 3))


class _Deconvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        x = _channels_last(x)
        y = F.conv_transpose2d(x, weight, bias, stride=2, padding=1).relu_()
        ctx.save_for_backward(x, weight, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, weight, y = ctx.saved_tensors
        gradient = _aten.threshold_backward(gradient, y, 0)
        # The weight gradient is that of the convolution which this operation transposes.
        _, grad_weight = _conv_backward(x, gradient, weight, False)
        return _conv(gradient, weight, None), grad_weight, gradient.sum((0, 2, 3))


class _ImageDeconvolution(torch.autograd.Function):
    """Few output channels: every input pixel paints a 4 x 4 patch, a matrix product; then the patches are added up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        n, channels_in, height, width = x.shape
        channels = weight.shape[1]
        pixels = x.permute(0, 2, 3, 1).reshape(-1, channels_in)
        patches = (weight.reshape(channels_in, -1).T @ pixels.T).view(channels, 4, 4, n, height, width)
        # Kernel row 1 paints even rows of the image, 2 odd ones; 3 reaches the next even row, 0 the odd row before.
        patches[:, 1, :, :, 1:] += patches[:, 3, :, :, :-1]
        patches[:, 2, :, :, :-1] += patches[:, 0, :, :, 1:]
        rows = patches[:, 1:3]
        rows[:, :, 1, :, :, 1:] += rows[:, :, 3, :, :, :-1]
        rows[:, :, 2, :, :, :-1] += rows[:, :, 0, :, :, 1:]
        image = torch.empty((n, height, 2, width, 2, channels), dtype=x.dtype)
        torch.add(rows[:, :, 1:3].permute(3, 4, 1, 5, 2, 0), bias, out=image)
        return image.view(n, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, weight = ctx.saved_tensors
        gradient = _channels_last(gradient)
        grad_weight = _aten.convolution_backward(
            gradient, x, weight, [0], [2, 2], [1, 1], [1, 1], True, [0, 0], 1, [False, True, False]
        )[1]
        return _conv(gradient, weight, None), grad_weight, gradient.sum((0, 2, 3))


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(_channels_last(x), _channels_last(weight), bias, stride=2, padding=_padding(weight))


def _conv_backward(gradient: Tensor, x: Tensor, weight: Tensor, needs_grad_x: bool) -> tuple[Tensor | None, Tensor]:
    padding = [_padding(weight)] * 2
    grad_x, grad_weight, _ = _aten.convolution_backward(
        gradient, x, weight, [0], [2, 2], padding, [1, 1], False, [0, 0], 1, [needs_grad_x, True, False]
    )
    return grad_x, grad_weight


def _channels_last(x: Tensor) -> Tensor:
    """`x` (n, channels, h, w) with strides of channels-last, also where one channel leaves them ambiguous."""
    _, channels, height, width = x.shape
    x = x.contiguous(memory_format=torch.channels_last)
    return x.as_strided(x.shape, (height * width * channels, 1, width * channels, channels))
