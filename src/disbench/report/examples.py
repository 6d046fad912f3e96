"""Images of a run with their codes and reconstructions."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from disbench.models import load_decoder, load_encoder
from disbench.report.points import observe
from disbench.report.run import Run
from disbench.seeds import derive_rng

NUM_EXAMPLES = 12


@dataclass(frozen=True)
class Example:
    """One image.

    Parameters
    ----------
    row
        Of the grid.
    caption
        The values of its factors.
    image, reconstruction
        PNG files as data URIs.
    code
        Posterior mean of the image.
    """

    row: int
    caption: str
    image: str
    reconstruction: str
    code: tuple[float, ...]


@torch.inference_mode()
def draw_examples(run: Run, num: int = NUM_EXAMPLES) -> list[Example]:
    """Random images of the data set, the same for every run on it."""
    space = run.store.space
    rows = derive_rng(0, "examples").integers(space.num_states, size=num)
    images = observe(run.store, rows, seed=0)
    mean, _ = load_encoder(run.model_path)(images)
    decoded = pixels(load_decoder(run.model_path)(mean), run.description["train"]["activation"])
    factors = space.factors(rows)
    return [
        Example(
            int(row),
            ", ".join(f"{name} {value}" for name, value in zip(space.factor_names, factors[index], strict=True)),
            png(_bytes(images[index])),
            png(_bytes(decoded[index])),
            tuple(map(float, mean[index])),
        )
        for index, row in enumerate(rows)
    ]


def pixels(decoded: Tensor, activation: str) -> Tensor:
    """Pixels in [0, 1] of what a decoder gives."""
    return decoded.sigmoid() if activation == "logits" else 0.5 * decoded.tanh() + 0.5


def png(image: NDArray[np.uint8]) -> str:
    """Data URI of a PNG file of an image (height, width, channels)."""
    file = BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def _bytes(image: Tensor) -> NDArray[np.uint8]:
    """uint8 (height, width, channels) of an image (channels, height, width) in [0, 1]."""
    return np.asarray((255 * image.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy())
