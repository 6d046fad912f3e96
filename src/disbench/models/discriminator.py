"""The network that tells codes of images from codes whose latents were permuted over the batch."""

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from disbench.models.encoders import linear
from disbench.models.initialisers import initialise

_WIDTH = 1000
_NUM_LAYERS = 6
_SLOPE = 0.2

_aten = torch.ops.aten


class Discriminator(nn.Module):
    """Six layers of 1000 units with leaky ReLU (slope 0.2), two logits (Kim and Mnih 2018, table 2).

    Logit 0 stands for codes as the encoder gave them, logit 1 for permuted ones.
    """

    def __init__(self, num_latents: int, generator: torch.Generator) -> None:
        super().__init__()
        sizes = [num_latents] + [_WIDTH] * _NUM_LAYERS
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.logits = nn.Linear(_WIDTH, 2)
        initialise(self, generator)

    def forward(self, z: Tensor) -> Tensor:
        """Logits (n, 2), float32, of latents (n, num_latents); the arithmetic is that of the latents' dtype."""
        x = z
        for layer in self.layers:
            x = F.leaky_relu(linear(x, layer), _SLOPE)  # type: ignore[arg-type]
        return linear(x.float(), self.logits)

    def log_ratios(self, z: Tensor, permuted: Tensor) -> tuple[Tensor, Tensor]:
        """Logit 0 minus logit 1 of both batches for both players, from one forward and one backward pass.

        Parameters
        ----------
        z, permuted
            Codes (..., n, num_latents); leading axes, if any, are those of stacked weights.

        Returns
        -------
        for_model, for_adversary
            Of `z` (..., n), with a gradient for `z` and not for the weights; and of `z` and `permuted`, one after the
            other (..., 2n), with a gradient for the weights and not for the codes. Float32.
        """
        hidden = [value.to(z.dtype) for layer in self.layers for value in (layer.weight, layer.bias)]
        return _LogRatios.apply(z, permuted, *hidden, self.logits.weight, self.logits.bias)  # type: ignore[no-any-return, no-untyped-call]


class _LogRatios(torch.autograd.Function):
    """Both players differentiate the same ratio of a code, so that one gradient, scaled for each, does for both.

    Apart they need a third more products: the model's forward and backward pass.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, permuted: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        weights, biases = parameters[::2], parameters[1::2]
        activations = [torch.cat((z, permuted), -2)]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            y = (activations[-1] @ weight.mT).add_(bias.unsqueeze(-2))
            activations.append(F.leaky_relu_(y, _SLOPE))
        logits = activations[-1].float() @ weights[-1].mT + biases[-1].unsqueeze(-2)
        ctx.save_for_backward(*activations, *weights)
        ratios = logits[..., 0] - logits[..., 1]
        return ratios[..., : z.shape[-2]].clone(), ratios

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_model: Tensor, for_adversary: Tensor) -> tuple[Tensor | None, ...]:
        num = len(ctx.saved_tensors) // 2
        activations, weights = ctx.saved_tensors[:num], ctx.saved_tensors[num:]
        scale = for_adversary.unsqueeze(-1)
        gradient = torch.stack((torch.ones_like(for_adversary), -torch.ones_like(for_adversary)), -1)
        parameters: list[Tensor] = []
        for layer in reversed(range(num)):
            x = activations[layer]
            scaled = gradient * scale.to(gradient.dtype)
            parameters = [scaled.mT @ x.to(gradient.dtype), scaled.sum(-2), *parameters]
            if layer:
                gradient = (gradient @ weights[layer]).to(x.dtype)
                _aten.leaky_relu_backward(gradient, x, _SLOPE, True, grad_input=gradient)
        n = for_model.shape[-1]
        grad_z = (gradient[..., :n, :] @ weights[0]) * for_model.unsqueeze(-1)
        return grad_z.to(activations[0].dtype), None, *parameters
