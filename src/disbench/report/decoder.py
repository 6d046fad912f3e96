"""A decoder as the page runs it: layers in order, weights as float16 in base64."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from disbench.models.decoders import ConvDecoder, FullyConnectedDecoder

Array = NDArray[Any]


def embed_decoder(decoder: nn.Module, activation: str) -> dict[str, Any]:
    """Everything that decoder.js needs, as JSON values.

    Images are channels-last in the page, and of every layer the weights of one input lie together, so that an input
    of zero is passed over. float16 moves a pixel by less than half of 1/255.

    Parameters
    ----------
    decoder
        Of a saved model.
    activation
        `logits` or `tanh`: how its output becomes pixels.
    """
    if isinstance(decoder, ConvDecoder):
        layers = _convolutional(decoder)
    elif isinstance(decoder, FullyConnectedDecoder):
        layers = _fully_connected(decoder)
    else:
        raise TypeError(f"expected a decoder of disbench, conv or fc; got {type(decoder).__name__}")
    height, width, channels = decoder.image_shape
    return {"height": height, "width": width, "channels": channels, "activation": activation, "layers": layers}


def _convolutional(decoder: ConvDecoder) -> list[dict[str, Any]]:
    height, width = (size // 16 for size in decoder.image_shape[:2])

    def channels_last(values: Array) -> Array:
        """Units (..., 64 * height * width) of the first image, from channels first to last."""
        shape = values.shape[:-1]
        return np.moveaxis(values.reshape(*shape, 64, height, width), -3, -1).reshape(*shape, -1)

    layers = [_linear(decoder.hidden1, "relu"), _linear(decoder.hidden2, "relu", channels_last)]
    for layer in (decoder.deconv1, decoder.deconv2, decoder.deconv3, decoder.deconv4):
        layers.append(_deconvolution(layer.weight, layer.bias, height, width))
        height, width = 2 * height, 2 * width
    layers[-1]["activation"] = "none"
    return layers


def _fully_connected(decoder: FullyConnectedDecoder) -> list[dict[str, Any]]:
    height, width, channels = decoder.image_shape

    def channels_last(values: Array) -> Array:
        shape = values.shape[:-1]
        return np.moveaxis(values.reshape(*shape, channels, height, width), -3, -1).reshape(*shape, -1)

    hidden = [_linear(layer, "tanh") for layer in (decoder.hidden1, decoder.hidden2, decoder.hidden3)]
    return [*hidden, _linear(decoder.logits, "none", channels_last)]


def _linear(layer: Any, activation: str, order: Callable[[Array], Array] = lambda values: values) -> dict[str, Any]:
    """Weights (inputs, outputs), outputs in the given order."""
    weight, bias = order(_array(layer.weight).T), order(_array(layer.bias))
    inputs, outputs = weight.shape
    return {
        "kind": "linear",
        "inputs": inputs,
        "outputs": outputs,
        "activation": activation,
        "weight": _float16(weight),
        "bias": _float16(bias),
    }


def _deconvolution(weight: Tensor, bias: Tensor | None, height: int, width: int) -> dict[str, Any]:
    """Weights (channels in, 4, 4, channels out) of a layer that doubles an image of height and width."""
    kernel = _array(weight).transpose(0, 2, 3, 1)
    if bias is None:
        raise ValueError("expected a transposed convolution with a bias; got one without")
    return {
        "kind": "deconvolution",
        "height": height,
        "width": width,
        "inputs": kernel.shape[0],
        "outputs": kernel.shape[-1],
        "activation": "relu",
        "weight": _float16(kernel),
        "bias": _float16(_array(bias)),
    }


def _array(values: Tensor) -> Array:
    return values.detach().cpu().float().numpy()


def _float16(values: Array) -> str:
    """Little-endian float16 in base64."""
    largest = float(np.abs(values).max())
    if not largest <= float(np.finfo(np.float16).max):
        raise ValueError(f"expected weights within the range of float16; the largest is {largest!r}")
    return b64encode(np.ascontiguousarray(values, dtype="<f2").tobytes()).decode()
