import json
import subprocess
import sys
from hashlib import sha256

import pytest
import torch

from disbench.models.store import ModelError, load_decoder, load_encoder, read_description, save_model
from disbench.models.vae import Vae
from tests import ROOT

DESCRIPTION = {"objective": "beta_vae", "dataset": "toy", "checksum": "sha256:00"}


@pytest.fixture(params=["conv", "fc"])
def vae(request):
    return Vae(request.param, (16, 32, 3), 4, torch.Generator().manual_seed(0))


def test_modules_come_back_as_they_were(tmp_path, vae):
    save_model(tmp_path, vae, DESCRIPTION)
    images = torch.rand(3, 3, 16, 32)
    with torch.no_grad():
        for mine, theirs in zip(load_encoder(tmp_path)(images), vae.encoder(images), strict=True):
            assert torch.equal(mine, theirs)
        z = torch.randn(3, 4)
        assert torch.equal(load_decoder(tmp_path)(z), vae.decode(z))
    values = read_description(tmp_path)
    assert values["description"] == DESCRIPTION
    assert (values["architecture"], values["image_shape"], values["num_latents"]) == (vae.architecture, [16, 32, 3], 4)


def test_the_same_model_gives_the_same_bytes(tmp_path, vae):
    for name in ("first", "second"):
        save_model(tmp_path / name, vae, DESCRIPTION)
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == ["decoder.safetensors", "encoder.safetensors", "model.json"]
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_damaged_and_foreign_files_are_refused(tmp_path, vae):
    save_model(tmp_path / "one", vae, DESCRIPTION)
    other = Vae(vae.architecture, (16, 32, 3), 4, torch.Generator().manual_seed(1))
    save_model(tmp_path / "two", other, DESCRIPTION)
    damage(tmp_path / "one" / "encoder.safetensors")
    with pytest.raises(ModelError, match=r"encoder.safetensors: has sha256:.*damaged or belongs to another model"):
        load_encoder(tmp_path / "one")
    load_decoder(tmp_path / "one")
    (tmp_path / "two" / "decoder.safetensors").replace(tmp_path / "one" / "decoder.safetensors")
    with pytest.raises(ModelError, match=r"decoder.safetensors: has sha256:.*belongs to another model"):
        load_decoder(tmp_path / "one")
    with pytest.raises(ModelError, match=r"decoder.safetensors: no such file"):
        load_decoder(tmp_path / "two")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_latents": 5}, "does not fit"),
        ({"image_shape": [16, 32]}, "expected 'image_shape'"),
        ({"architecture": "transformer"}, "no architecture called 'transformer'; available: conv, fc"),
        ({"format": "something"}, "this is not a model's description"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(tmp_path, change, message):
    save_model(tmp_path, Vae("conv", (16, 32, 3), 4, torch.Generator()), DESCRIPTION)
    path = tmp_path / "model.json"
    values = json.loads(path.read_text()) | change
    del values["checksum"]
    digest = sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(values | {"checksum": f"sha256:{digest}"}))
    with pytest.raises(ModelError, match=message):
        load_encoder(tmp_path)


def test_a_changed_description_is_noticed(tmp_path):
    save_model(tmp_path, Vae("conv", (16, 32, 3), 4, torch.Generator()), DESCRIPTION)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace('"num_latents": 4', '"num_latents": 5'))
    with pytest.raises(ModelError, match=r"model.json: damaged, its values do not match their checksum; train"):
        load_encoder(tmp_path)


def test_folders_that_hold_no_model_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"model.json: no such file; expected the folder of a model"):
        load_encoder(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ModelError, match="not readable as JSON"):
        load_encoder(tmp_path)
    (tmp_path / "model.json").write_text('{"format": "disbench model"}')
    with pytest.raises(ModelError, match="lacks architecture, checksum, image_shape, num_latents, weights"):
        load_encoder(tmp_path)


def test_loading_a_model_does_not_load_the_compiler(tmp_path):
    """`torch._dynamo` takes seconds to import, and every command that loads a model would wait for it."""
    save_model(tmp_path, Vae("conv", (16, 16, 1), 2, torch.Generator()), {})
    code = f"import sys, disbench; disbench.load_encoder({str(tmp_path)!r}); print('torch._dynamo' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src")
    assert result.stdout.strip() == "False"
