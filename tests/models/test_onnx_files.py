import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from disbench.models import ModelError, Vae, load_decoder, load_encoder, save_model
from disbench.models import onnx_files as exported

SHAPES = [("conv", (64, 64, 1)), ("conv", (32, 48, 3)), ("fc", (20, 12, 3))]


@pytest.fixture(params=SHAPES, ids=str)
def model(request, tmp_path):
    architecture, image_shape = request.param
    save_model(tmp_path / "model", Vae(architecture, image_shape, 7, torch.Generator().manual_seed(0)), {})
    return tmp_path / "model"


def run(path, inputs):
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: inputs.numpy()})


@pytest.mark.parametrize("n", [1, 2, 65])
def test_onnx_runtime_gives_what_pytorch_gives(tmp_path, model, n):
    encoder_path, decoder_path = exported.export(model, tmp_path / "out")
    encoder, decoder = load_encoder(model), load_decoder(model)
    height, width, channels = encoder.image_shape
    generator = torch.Generator().manual_seed(n)
    images, z = torch.rand(n, channels, height, width, generator=generator), torch.randn(n, 7, generator=generator)
    with torch.no_grad():
        expected = [*encoder(images), decoder(z)]
    for ours, theirs in zip(expected, [*run(encoder_path, images), *run(decoder_path, z)], strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)


def test_only_standard_operations_and_the_same_bytes_again(tmp_path, model):
    for folder in ("first", "second"):
        exported.export(model, tmp_path / folder)
    for part in ("encoder", "decoder"):
        content = (tmp_path / "first" / f"{part}.onnx").read_bytes()
        assert content == (tmp_path / "second" / f"{part}.onnx").read_bytes()
        assert {node.domain for node in onnx.load_from_string(content).graph.node} == {""}


def test_a_network_that_computes_something_else_is_not_written(tmp_path, model, monkeypatch):
    make = exported.to_onnx

    def wrong(module, metadata=None):
        with torch.no_grad():
            first = next(module.parameters())
            first += 0.1
            content = make(module, metadata)
            first -= 0.1
        return content

    monkeypatch.setattr(exported, "to_onnx", wrong)
    with pytest.raises(exported.ExportError, match="encoder: the exported network differs from PyTorch's by"):
        exported.export(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(tmp_path, model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(exported.ExportError, match=r"needs the package 'onnx'.*pip install 'disbench\[export\]'"):
        exported.export(model, tmp_path / "out")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        exported.export(tmp_path, tmp_path / "out")
