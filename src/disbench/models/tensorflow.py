"""Weights from TensorFlow: its kernels have the channels last, ours first."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from disbench.models.decoders import ConvDecoder, FullyConnectedDecoder
from disbench.models.discriminator import Discriminator
from disbench.models.encoders import ConvEncoder, FullyConnectedEncoder

Weights = Mapping[str, NDArray[np.float32]]

# The reference's names of its layers, in the order of ours.
_LAYERS: dict[type[nn.Module], dict[str, str]] = {
    ConvEncoder: {
        "conv1": "encoder/e1",
        "conv2": "encoder/e2",
        "conv3": "encoder/e3",
        "conv4": "encoder/e4",
        "hidden": "encoder/e5",
        "mean": "encoder/means",
        "log_variance": "encoder/log_var",
    },
    FullyConnectedEncoder: {
        "hidden1": "encoder/e1",
        "hidden2": "encoder/e2",
        "mean": "encoder/dense",
        "log_variance": "encoder/dense_1",
    },
    ConvDecoder: {
        "hidden1": "decoder/dense",
        "hidden2": "decoder/dense_1",
        "deconv1": "decoder/conv2d_transpose",
        "deconv2": "decoder/conv2d_transpose_1",
        "deconv3": "decoder/conv2d_transpose_2",
        "deconv4": "decoder/conv2d_transpose_3",
    },
    FullyConnectedDecoder: {
        "hidden1": "decoder/dense",
        "hidden2": "decoder/dense_1",
        "hidden3": "decoder/dense_2",
        "logits": "decoder/dense_3",
    },
    Discriminator: {f"layers.{i}": f"discriminator/d{i + 1}" for i in range(6)} | {"logits": "discriminator/logits"},
}

# Layers whose flat input or output TensorFlow orders height, width, channels.
_FLATTENED_INPUTS = {(ConvEncoder, "hidden"), (FullyConnectedEncoder, "hidden1")}
_FLATTENED_OUTPUTS = {(ConvDecoder, "hidden2"), (FullyConnectedDecoder, "logits")}


def load_tensorflow_weights(module: nn.Module, weights: Weights) -> None:
    """Copy the reference's weights into an encoder, a decoder or a discriminator.

    Parameters
    ----------
    module
        A module of this package, on any device.
    weights
        Arrays by TensorFlow variable name, such as `encoder/e1/kernel`. Kernels of convolutions are (height, width,
        channels in, channels out), of transposed ones (height, width, channels out, channels in), of dense layers
        (in, out).

    Raises
    ------
    ValueError
        If a variable is missing or has another shape than the module's.
    """
    with torch.no_grad():
        for layer, variable in _LAYERS[type(module)].items():
            ours = module.get_submodule(layer)
            for parameter, suffix in ((ours.weight, "kernel"), (ours.bias, "bias")):
                if not isinstance(parameter, Tensor):
                    raise ValueError(f"{layer} of {type(module).__name__} has no {suffix}")
                theirs = torch.from_numpy(np.array(_find(weights, f"{variable}/{suffix}"), dtype=np.float32))
                converted = _convert(module, layer, theirs)
                if converted.shape != parameter.shape:
                    raise ValueError(
                        f"{variable}/{suffix} gives shape {tuple(converted.shape)}, {layer} of "
                        f"{type(module).__name__} has {tuple(parameter.shape)}; check image shape and num_latents"
                    )
                parameter.copy_(converted)


def tensorflow_layout(module: nn.Module, layer: str, parameter: Tensor) -> Tensor:
    """A parameter of `layer`, or its gradient, in TensorFlow's layout: the inverse of what loading does."""
    if parameter.ndim == 4:
        return parameter.permute(2, 3, 1, 0)
    grid = _flat_grid(module)
    if (type(module), layer) in _FLATTENED_OUTPUTS:
        parameter = torch.unflatten(parameter, 0, grid).movedim(0, 2).flatten(0, 2)
    if (type(module), layer) in _FLATTENED_INPUTS:
        parameter = torch.unflatten(parameter, 1, grid).movedim(1, 3).flatten(1) if parameter.ndim == 2 else parameter
    return parameter.T if parameter.ndim == 2 else parameter


def tensorflow_names(module: nn.Module) -> dict[str, str]:
    """The reference's name of each layer of `module`."""
    return dict(_LAYERS[type(module)])


def _convert(module: nn.Module, layer: str, value: Tensor) -> Tensor:
    if value.ndim == 4:
        return value.permute(3, 2, 0, 1)
    value = value.T if value.ndim == 2 else value
    channels, height, width = _flat_grid(module)
    if (type(module), layer) in _FLATTENED_OUTPUTS:
        value = torch.unflatten(value, 0, (height, width, channels)).movedim(2, 0).flatten(0, 2)
    if (type(module), layer) in _FLATTENED_INPUTS and value.ndim == 2:
        value = torch.unflatten(value, 1, (height, width, channels)).movedim(3, 1).flatten(1)
    return value


def _flat_grid(module: nn.Module) -> tuple[int, int, int]:
    """Channels, height, width of the feature map that a dense layer takes or gives; ones if there is none."""
    if isinstance(module, ConvEncoder | ConvDecoder):
        height, width, _ = module.image_shape
        return 64, height // 16, width // 16
    if isinstance(module, FullyConnectedEncoder | FullyConnectedDecoder):
        height, width, channels = module.image_shape
        return channels, height, width
    return 1, 1, 1


def _find(weights: Weights, name: str) -> NDArray[np.float32]:
    if name not in weights:
        raise ValueError(f"no variable called {name!r}; got {', '.join(sorted(weights)) or 'none'}")
    return weights[name]
