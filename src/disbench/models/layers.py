"""Convolutions by two, down and up, with the formulations that are fastest where they run.

On a GPU these are PyTorch's own operations. On a CPU, oneDNN has slow paths: a float32 convolution with one input
channel, a transposed convolution with few output channels, the weight gradient of any transposed convolution in
channels-last, a kernel that does not overlap. Those are written as matrix products or as the equivalent convolution
that is fast. Values and gradients agree to rounding. Parameters keep PyTorch's layout.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd.function import once_differentiable

_aten = torch.ops.aten


def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolution that halves an even height and width, then ReLU; kernel 4 (padded by 1) or 2.

    Shapes: x (n, channels in, h, w), weight (channels out, channels in, k, k), result (n, channels out, h/2, w/2).
    All three may have one more axis in front, of models, each with weights and images of its own.
    """
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if weight.ndim == 5:
        return _grouped(F.conv2d, x, weight, bias, _padding(weight)).relu()
    if x.device.type != "cpu":
        return F.relu(F.conv2d(x, weight, bias, stride=2, padding=_padding(weight)))
    function: Any = _Convolution
    if weight.shape[-1] == 2:
        function = _PatchConvolution
    elif x.shape[1] == 1 and x.dtype == torch.float32 and not x.requires_grad:
        function = _SingleChannelConvolution
    return function.apply(x, weight, bias)  # type: ignore[no-any-return]


def deconvolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Transposed convolution with kernel 4 that doubles height and width, then ReLU.

    Shapes: x (n, channels in, h, w), weight (channels in, channels out, 4, 4), result (n, channels out, 2h, 2w).
    All three may have one more axis in front, of models.
    """
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if weight.ndim == 5:
        return _grouped(F.conv_transpose2d, x, weight, bias, 1).relu()
    if _trains_on_cpu(x):
        return _Deconvolution.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return F.relu(F.conv_transpose2d(x, weight, bias, stride=2, padding=1))


def deconvolve_to_image(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Transposed convolution to the one or three channels of an image; shapes as in `deconvolve`, no ReLU."""
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if weight.ndim == 5:
        return _grouped(F.conv_transpose2d, x, weight, bias, 1)
    if _trains_on_cpu(x):
        return _ImageDeconvolution.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return F.conv_transpose2d(x, weight, bias, stride=2, padding=1)


def _grouped(operation: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """A convolution of each model, as one whose groups are the models."""
    images = x.transpose(0, 1).flatten(1, 2)
    y = operation(images, weight.flatten(0, 1), bias.flatten(), stride=2, padding=padding, groups=len(weight))
    return y.unflatten(1, (len(weight), -1)).transpose(0, 1)  # type: ignore[no-any-return]


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
        y = _relu_(torch.addmm(bias, patches.T, weight.reshape(-1, 16).T))
        ctx.save_for_backward(patches, y)
        return y.view(n, height // 2, width // 2, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        patches, y = ctx.saved_tensors
        gradient = _relu_backward(gradient.permute(0, 2, 3, 1).reshape(y.shape), y)
        return None, (patches @ gradient).T.reshape(-1, 1, 4, 4), gradient.sum(0)


class _PatchConvolution(torch.autograd.Function):
    """Kernel 2 with stride 2: patches do not overlap, and all three passes are products with their matrix."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        pairs = x.permute(0, 2, 3, 1).reshape(n, height // 2, 2, width // 2, 2, channels)
        patches = pairs.transpose(2, 3).reshape(-1, 4 * channels)
        matrix = weight.permute(0, 2, 3, 1).reshape(len(weight), -1)
        y = _relu_(torch.addmm(bias, patches, matrix.T))
        ctx.save_for_backward(patches, matrix, y)
        ctx.x_shape = x.shape
        return y.view(n, height // 2, width // 2, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        patches, matrix, y = ctx.saved_tensors
        n, channels, height, width = ctx.x_shape
        gradient = _relu_backward(gradient.permute(0, 2, 3, 1).reshape(y.shape), y)
        grad_x = None
        if ctx.needs_input_grad[0]:
            pairs = (gradient @ matrix).view(n, height // 2, width // 2, 2, 2, channels).transpose(2, 3)
            grad_x = pairs.reshape(n, height, width, channels).permute(0, 3, 1, 2)
        grad_weight = (gradient.T @ patches).view(-1, 2, 2, channels).permute(0, 3, 1, 2)
        return grad_x, grad_weight, gradient.sum(0)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y = _relu_(_conv(x, weight, bias))
        ctx.save_for_backward(x, weight, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        gradient = _relu_backward(gradient, y)
        grad_x, grad_weight = _conv_backward(gradient, x, weight, ctx.needs_input_grad[0])
        return grad_x, grad_weight, gradient.sum((0, 2, 3))


class _Deconvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        x = _channels_last(x)
        y = _relu_(F.conv_transpose2d(x, weight, bias, stride=2, padding=1))
        ctx.save_for_backward(x, weight, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, weight, y = ctx.saved_tensors
        gradient = _relu_backward(gradient, y)
        # The weight gradient is that of the convolution which this operation transposes.
        _, grad_weight = _conv_backward(x, gradient, weight, False)
        return _conv(gradient, weight, None), grad_weight, gradient.sum((0, 2, 3))


class _ImageDeconvolution(torch.autograd.Function):
    """Few output channels: every input pixel paints a 4 x 4 patch, a matrix product; then the patches are added up.

    Along a row, adding up is a product with a matrix of zeros and ones.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        n, channels_in, height, width = x.shape
        channels = weight.shape[1]
        pixels = x.permute(0, 2, 3, 1).reshape(n * height, width, channels_in)
        matrix = weight.reshape(channels_in, -1).T
        patches = torch.bmm(matrix.expand(n * height, -1, -1), pixels.transpose(1, 2))
        rows = (patches.view(-1, 4 * width) @ _row_sum(width, x.dtype)).view(n, height, channels, 4, 2 * width)
        # Kernel row 1 paints even rows of the image, 2 odd ones; 3 reaches the next even row, 0 the odd row before.
        image = rows[:, :, :, 1:3] + bias[:, None, None]
        image[:, 1:, :, 0] += rows[:, :-1, :, 3]
        image[:, :-1, :, 1] += rows[:, 1:, :, 0]
        last = image.permute(0, 1, 3, 4, 2).reshape(n, 2 * height, 2 * width, channels)
        return last.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, weight = ctx.saved_tensors
        gradient = _channels_last(gradient)
        grad_weight = _aten.convolution_backward(
            gradient, x, weight, [0], [2, 2], [1, 1], [1, 1], True, [0, 0], 1, [False, True, False]
        )[1]
        return _conv(gradient, weight, None), grad_weight, gradient.sum((0, 2, 3))


@cache
def _row_sum(width: int, dtype: torch.dtype) -> Tensor:
    """Matrix (4 * width, 2 * width): column k of the kernel at pixel j paints column 2 j + k - 1 of the image."""
    column = 2 * torch.arange(width) + torch.arange(4)[:, None] - 1
    return (column.reshape(-1, 1) == torch.arange(2 * width)).to(dtype)


def _relu_(x: Tensor) -> Tensor:
    """ReLU in place. The bits of a negative bfloat16 are those of a negative integer, and integers are faster."""
    if x.dtype == torch.bfloat16:
        x.view(torch.int16).clamp_min_(0)
        return x
    return x.relu_()


def _relu_backward(gradient: Tensor, y: Tensor) -> Tensor:
    """`gradient` where `y`, the result of a ReLU, is not 0."""
    if y.dtype == torch.bfloat16:
        masked: Tensor = _aten.threshold_backward(gradient.view(torch.int16), y.view(torch.int16), 0)
        return masked.view(torch.bfloat16)
    return _aten.threshold_backward(gradient, y, 0)  # type: ignore[no-any-return]


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(_channels_last(x), _channels_last(weight), bias, stride=2, padding=_padding(weight))


def _conv_backward(gradient: Tensor, x: Tensor, weight: Tensor, needs_grad_x: bool) -> tuple[Tensor | None, Tensor]:
    padding = [_padding(weight)] * 2
    grad_x, grad_weight, _ = _aten.convolution_backward(
        gradient, _channels_last(x), weight, [0], [2, 2], padding, [1, 1], False, [0, 0], 1, [needs_grad_x, True, False]
    )
    return grad_x, grad_weight


def _channels_last(x: Tensor) -> Tensor:
    """`x` (n, channels, h, w) with strides of channels-last, also where one channel leaves them ambiguous."""
    _, channels, height, width = x.shape
    x = x.contiguous(memory_format=torch.channels_last)
    return x.as_strided(x.shape, (height * width * channels, 1, width * channels, channels))
