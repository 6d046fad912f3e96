"""Encoder and decoder as ONNX files of standard operations, for use without disbench and PyTorch."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from disbench.files import write_bytes
from disbench.models.decoders import ConvDecoder, FullyConnectedDecoder
from disbench.models.encoders import ConvEncoder, FullyConnectedEncoder
from disbench.models.store import load_decoder, load_encoder, read_description

_OPSET = 17
_IR_VERSION = 8  # the one of that operation set, which runtimes since 2022 read
_TOLERANCE = 1e-5  # of an output, relative to its largest value


class ExportError(ValueError):
    """A model cannot be exported: packages are missing, or what was exported computes something else."""


def export(model: Path | str, folder: Path | str) -> list[Path]:
    """Write `encoder.onnx` and `decoder.onnx`, after checking with ONNX Runtime that they give what PyTorch gives.

    The encoder takes `images`, float32 (n, channels, height, width) in [0, 1], and gives `mean` and `log_variance`
    (n, num_latents); the decoder takes `latents` (n, num_latents) and gives `logits` (n, channels, height, width). Any
    n is allowed. The same model gives the same bytes.

    Parameters
    ----------
    model
        Folder of a trained or imported model.
    folder
        Where the files go; made if it is not there. Neither is written unless both pass the check.

    Raises
    ------
    ExportError
        If `onnx` or `onnxruntime` is not installed, or an output differs by more than 1e-5 of its largest value.
    ModelError
        If the folder holds no model.
    """
    values = read_description(model)
    contents = {}
    for part, module in (("encoder", load_encoder(model)), ("decoder", load_decoder(model))):
        contents[part] = to_onnx(module, {"disbench_weights": values["weights"][part]})
        _check(contents[part], module, part)
    paths = [Path(folder) / f"{part}.onnx" for part in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        write_bytes(path, content)
    return paths


def to_onnx(module: Any, metadata: Mapping[str, str] | None = None) -> bytes:
    """Contents of the ONNX file of an encoder or a decoder of this package."""
    onnx, graph = _import("onnx"), _Graph()
    encodes = isinstance(module, ConvEncoder | FullyConnectedEncoder)
    _BUILDERS[type(module)](graph, module)
    height, width, channels = module.image_shape
    images = ["n", channels, height, width]
    codes = ["n", module.num_latents]
    inputs = {"images": images} if encodes else {"latents": codes}
    outputs = {"mean": codes, "log_variance": codes} if encodes else {"logits": images}
    helper = onnx.helper
    declared = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in group.items()]
        for group in (inputs, outputs)
    ]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "encoder" if encodes else "decoder", *declared, graph.weights),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="disbench",
    )
    helper.set_model_props(proto, dict(metadata or {}))
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString(deterministic=True))


class _Graph:
    """Operations and weights, in the order in which they are added."""

    def __init__(self) -> None:
        self._onnx = _import("onnx")
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, operation: str, x: str, *more: str, to: str | None = None, **attributes: Any) -> str:
        """Add an operation and return the name of its result."""
        result = to or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(operation, [x, *more], [result], **attributes))
        return result

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a weight and return its name."""
        self.weights.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def layer(self, operation: str, x: str, module: nn.Module, name: str, to: str | None = None, **options: Any) -> str:
        """Add an operation with the weights of one layer."""
        layer = module.get_submodule(name)
        weights = [
            self.constant(f"{name}.{key}", value.detach().cpu().float().contiguous().numpy())
            for key, value in layer.named_parameters()
        ]
        return self.add(operation, x, *weights, to=to, **options)

    def dense(self, x: str, module: nn.Module, name: str, to: str | None = None) -> str:
        """Add a fully connected layer."""
        return self.layer("Gemm", x, module, name, to, transB=1)

    def reshape(self, x: str, *shape: int, to: str | None = None) -> str:
        """Give every row another shape."""
        name = f"shape_{len(self.nodes)}"
        return self.add("Reshape", x, self.constant(name, np.array([-1, *shape], np.int64)), to=to)


def _conv_encoder(graph: _Graph, module: nn.Module) -> None:
    x = "images"
    for name in ("conv1", "conv2", "conv3", "conv4"):
        padding = module.get_submodule(name).padding
        x = graph.add("Relu", graph.layer("Conv", x, module, name, strides=[2, 2], pads=[*padding, *padding]))  # type: ignore[misc]
    x = graph.add("Relu", graph.dense(graph.add("Flatten", x, axis=1), module, "hidden"))
    _heads(graph, module, x)


def _fc_encoder(graph: _Graph, module: nn.Module) -> None:
    x = graph.add("Flatten", "images", axis=1)
    for name in ("hidden1", "hidden2"):
        x = graph.add("Relu", graph.dense(x, module, name))
    _heads(graph, module, x)


def _heads(graph: _Graph, module: nn.Module, x: str) -> None:
    for name in ("mean", "log_variance"):
        graph.dense(x, module, name, to=name)


def _conv_decoder(graph: _Graph, module: ConvDecoder) -> None:
    height, width, _ = module.image_shape
    x = "latents"
    for name in ("hidden1", "hidden2"):
        x = graph.add("Relu", graph.dense(x, module, name))
    x = graph.reshape(x, 64, height // 16, width // 16)
    doubles = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    for name in ("deconv1", "deconv2", "deconv3"):
        x = graph.add("Relu", graph.layer("ConvTranspose", x, module, name, **doubles))  # type: ignore[arg-type]
    graph.layer("ConvTranspose", x, module, "deconv4", "logits", **doubles)


def _fc_decoder(graph: _Graph, module: FullyConnectedDecoder) -> None:
    height, width, channels = module.image_shape
    x = "latents"
    for name in ("hidden1", "hidden2", "hidden3"):
        x = graph.add("Tanh", graph.dense(x, module, name))
    graph.reshape(graph.dense(x, module, "logits"), channels, height, width, to="logits")


_BUILDERS: dict[type[nn.Module], Callable[[_Graph, Any], None]] = {
    ConvEncoder: _conv_encoder,
    FullyConnectedEncoder: _fc_encoder,
    ConvDecoder: _conv_decoder,
    FullyConnectedDecoder: _fc_decoder,
}


def _check(content: bytes, module: Any, part: str) -> None:
    """Compare both on random inputs of two batch sizes."""
    session = _import("onnxruntime").InferenceSession(content, providers=["CPUExecutionProvider"])
    height, width, channels = module.image_shape
    generator = torch.Generator().manual_seed(0)
    for n in (1, 3):
        shape = (n, channels, height, width) if part == "encoder" else (n, module.num_latents)
        inputs = torch.rand(shape, generator=generator)
        with torch.inference_mode():
            ours = module(inputs)
        theirs = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
        for mine, other in zip(ours if isinstance(ours, tuple) else (ours,), theirs, strict=True):
            expected = mine.numpy()
            error = float(np.abs(expected - other).max() / np.abs(expected).max())
            if not error <= _TOLERANCE:
                raise ExportError(
                    f"{part}: the exported network differs from PyTorch's by {error:.1e} of the largest output, more "
                    f"than {_TOLERANCE:.0e}; nothing was written. Install other versions of onnx and onnxruntime"
                )


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ExportError(
            f"export needs the package {name!r}, which is not installed ({error}); run `pip install 'disbench[export]'`"
        ) from error
