"""A trained model on disk: two safetensors files of weights, and a JSON file from which the modules are rebuilt."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from disbench.files import write_bytes, write_json
from disbench.models.vae import DECODERS, ENCODERS, Vae

_FORMAT = "disbench model"


class ModelError(ValueError):
    """A model's folder is missing, incomplete, damaged, or holds something else."""


def save_model(folder: Path | str, vae: Vae, description: Mapping[str, Any]) -> None:
    """Write `encoder.safetensors`, `decoder.safetensors` and `model.json`, each whole or not at all.

    Parameters
    ----------
    folder
        Made if it is not there.
    vae
        The model, on any device.
    description
        JSON values that say where the model comes from: objective, data set, checksum of the data, versions. The
        same description and weights give the same bytes.
    """
    folder = Path(folder)
    checksums = {}
    for part in ("encoder", "decoder"):
        content = _to_bytes(vae.get_submodule(part))
        write_bytes(folder / f"{part}.safetensors", content)
        checksums[part] = _checksum(content)
    values = {
        "format": _FORMAT,
        "architecture": vae.architecture,
        "image_shape": list(vae.image_shape),
        "num_latents": vae.num_latents,
        "weights": checksums,
        "description": dict(description),
    }
    write_json(folder / "model.json", {**values, "checksum": _checksum_of_values(values)})


def read_description(folder: Path | str) -> dict[str, Any]:
    """Contents of a model's `model.json`.

    Raises
    ------
    ModelError
        If the file is missing or is not a model's.
    """
    path = Path(folder) / "model.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; expected the folder of a model, written by `train`") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not readable as JSON ({error}); train the model again") from error
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise ModelError(
            f"{path}: expected 'format': {_FORMAT!r}; this is not a model's description, train the model again"
        )
    missing = {"architecture", "image_shape", "num_latents", "weights", "checksum"} - values.keys()
    if missing:
        raise ModelError(f"{path}: lacks {', '.join(sorted(missing))}; train the model again")
    checksum = values.pop("checksum")
    if checksum != _checksum_of_values(values):
        raise ModelError(f"{path}: damaged, its values do not match their checksum; train the model again")
    mistake = _mistake(values)
    if mistake:
        raise ModelError(f"{path}: {mistake}; train the model again")
    return values


def _mistake(values: Mapping[str, Any]) -> str | None:
    """What in a description is not as `save_model` writes it."""
    shape, num_latents, weights = values["image_shape"], values["num_latents"], values["weights"]
    if values["architecture"] not in list(ENCODERS):
        return f"no architecture called {values['architecture']!r}; available: {', '.join(ENCODERS)}"
    if not isinstance(shape, list) or len(shape) != 3 or not all(map(_is_count, shape)):
        return f"expected 'image_shape' [height, width, channels]; got {shape!r}"
    if not _is_count(num_latents):
        return f"expected a whole number of 'num_latents', at least 1; got {num_latents!r}"
    if not isinstance(weights, dict):
        return f"expected the checksums of encoder and decoder as 'weights'; got {weights!r}"
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def load_encoder(folder: Path | str) -> nn.Module:
    """Encoder of a saved model, on the CPU.

    It takes images (n, channels, height, width), float32 in [0, 1], and gives mean and log-variance (n, num_latents).

    Raises
    ------
    ModelError
        If a file is missing, damaged, or does not belong to the others.
    """
    return _load(Path(folder), "encoder")


def load_decoder(folder: Path | str) -> nn.Module:
    """Decoder of a saved model, on the CPU.

    It takes latents (n, num_latents) and gives logits (n, channels, height, width).

    Raises
    ------
    ModelError
        If a file is missing, damaged, or does not belong to the others.
    """
    return _load(Path(folder), "decoder")


def _load(folder: Path, part: str) -> nn.Module:
    values = read_description(folder)
    classes: dict[str, Any] = ENCODERS if part == "encoder" else DECODERS
    path = folder / f"{part}.safetensors"
    weights = _read_weights(path, values["weights"].get(part))
    make = classes[values["architecture"]]
    try:
        # without memory: whether the weights fit is known before a stranger's sizes are believed
        with torch.device("meta"):
            expected = make(tuple(values["image_shape"]), values["num_latents"], torch.Generator()).state_dict()
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ModelError(f"{folder / 'model.json'}: cannot rebuild the {part}: {error}") from error
    if {name: value.shape for name, value in expected.items()} != {
        name: value.shape for name, value in weights.items()
    }:
        raise ModelError(f"{path}: does not fit {folder / 'model.json'}; train the model again")
    module: nn.Module = make(tuple(values["image_shape"]), values["num_latents"], torch.Generator())
    module.load_state_dict(weights)
    return module.eval()


def _read_weights(path: Path, checksum: str | None) -> dict[str, torch.Tensor]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; train the model again") from None
    if _checksum(content) != checksum:
        raise ModelError(
            f"{path}: has {_checksum(content)}, model.json expects {checksum!r}; the file is damaged or belongs to "
            "another model; train the model again"
        )
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ModelError(f"{path}: not readable as safetensors ({error}); train the model again") from error


def _to_bytes(module: nn.Module) -> bytes:
    weights = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    return safetensors.torch.save(weights)


def _checksum_of_values(values: Mapping[str, Any]) -> str:
    return _checksum(json.dumps(values, sort_keys=True).encode())


def _checksum(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"
