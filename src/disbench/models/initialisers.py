"""The initial weights that TensorFlow 1 layers had: Glorot uniform kernels and zero biases."""

from math import prod, sqrt

import torch
from torch import Tensor, nn


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the kernels of every layer of `module` from `generator`, in the order of its parameters; zero the biases."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.is_meta:  # only its shape is asked for
                continue
            if name.endswith("bias"):
                parameter.zero_()
            else:
                _glorot_uniform(parameter, generator)


def _glorot_uniform(kernel: Tensor, generator: torch.Generator) -> None:
    """Glorot and Bengio (2010), equation 16; the fans of a transposed convolution merely change places."""
    fans = (kernel.shape[0] + kernel.shape[1]) * prod(kernel.shape[2:])
    limit = sqrt(6 / fans)
    drawn = torch.rand(kernel.shape, generator=generator, dtype=torch.float32)
    kernel.copy_((2 * drawn - 1) * limit)
