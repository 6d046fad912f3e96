"""A model of the reference study becomes one of ours."""

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from disbench.files import write_json
from disbench.models.store import save_model
from disbench.models.tensorflow import load_tensorflow_weights
from disbench.models.vae import Architecture, Vae
from disbench.pretrained.archive import ArchiveError, open_archive

_SIDE = 64  # pixels of every image of the study
_FIRST_KERNEL = "encoder/e1/kernel"
_HEADS: dict[Architecture, str] = {"conv": "encoder/means/kernel", "fc": "encoder/dense/kernel"}

RECORDED = "recorded.json"
"""File beside the model's with what the archive says about it."""


def import_pretrained(archive: Path, out: Path) -> dict[str, Any]:
    """Write a model of an archive of the reference study, and `recorded.json` with its configuration and scores.

    Parameters
    ----------
    archive
        `<number>.zip` as disentanglement_lib published them. Nothing of it is run or unpacked.
    out
        Folder to write; what is in it is replaced.

    Returns
    -------
    dict
        What `recorded.json` says: `training` with `config` (texts, as gin wrote them) and `results`, and `scores` by
        representation and the reference's name of the metric. Numbers that JSON lacks are null.

    Raises
    ------
    ArchiveError
        If the archive is damaged, or holds no model of the study.
    """
    with open_archive(archive) as opened:
        variables = opened.variables()
        recorded = {"training": opened.training(), "scores": opened.scores()}
    vae = _rebuild(archive, variables)
    config = recorded["training"]["config"]
    with archive.open("rb") as file:
        checksum = f"sha256:{file_digest(file, 'sha256').hexdigest()}"
    description = {
        "dataset": _text(config, "dataset.name"),
        "objective": _text(config, "model.name"),
        "imported": {"archive": archive.name, "checksum": checksum},
    }
    save_model(out, vae, description)
    write_json(out / RECORDED, recorded)
    return recorded


def _rebuild(archive: Path, variables: Mapping[str, NDArray[np.float32]]) -> Vae:
    """The network whose layers the variables have."""
    architecture: Architecture = "conv" if _HEADS["conv"] in variables else "fc"
    shapes = {name: variables[name].shape for name in (_FIRST_KERNEL, _HEADS[architecture]) if name in variables}
    kernel, head = shapes.get(_FIRST_KERNEL, ()), shapes.get(_HEADS[architecture], ())
    if len(kernel) != (4 if architecture == "conv" else 2) or len(head) != 2:
        raise ArchiveError(
            f"{archive}: expected the variables of conv_encoder or fc_encoder; got "
            f"{', '.join(f'{name} {value.shape}' for name, value in sorted(variables.items())) or 'none'}"
        )
    num_channels = kernel[2] if architecture == "conv" else kernel[0] // _SIDE**2
    if num_channels not in (1, 3):
        raise ArchiveError(f"{archive}: expected images of 1 or 3 channels; {_FIRST_KERNEL} has shape {kernel}")
    vae = Vae(architecture, (_SIDE, _SIDE, num_channels), head[1], torch.Generator())
    try:
        for part in (vae.encoder, vae.decoder):
            load_tensorflow_weights(part, variables)
    except ValueError as error:
        raise ArchiveError(f"{archive}: {error}") from error
    return vae


def _text(config: Mapping[str, Any], name: str) -> str | None:
    """A text in the configuration, which has it in quotes; None if there is none."""
    value = config.get(name)
    return value.strip("'\"") if isinstance(value, str) else None
