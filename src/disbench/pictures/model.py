"""What a trained model makes of images and codes, as NumPy arrays: the only module of the pictures that knows torch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.models import load_decoder, load_encoder
from disbench.models.reconstruction import decoded_pixels
from disbench.models.store import read_description
from disbench.observations import observation_of
from disbench.seeds import derive_seed
from disbench.storage import ImageStore

Floats = NDArray[np.float32]

_BATCH_SIZE = 128


class Model:
    """Encoder and decoder of a folder, on the CPU, in single precision.

    Parameters
    ----------
    folder
        As `train` writes it.

    Raises
    ------
    ModelError
        If a file is missing, damaged, or does not belong to the others.
    """

    def __init__(self, folder: Path | str) -> None:
        description = read_description(folder)
        self.num_latents: int = description["num_latents"]
        self.image_shape: tuple[int, ...] = tuple(description["image_shape"])
        self._encoder, self._decoder = load_encoder(folder), load_decoder(folder)
        self._activation = description["description"].get("train", {}).get("activation", "logits")

    @torch.inference_mode()
    def encode(self, images: Floats) -> Floats:
        """Posterior means (n, num_latents) of images (n, height, width, channels) in [0, 1]."""
        batches = torch.split(torch.from_numpy(images).permute(0, 3, 1, 2), _BATCH_SIZE)
        return torch.cat([self._encoder(batch)[0] for batch in batches]).numpy()

    @torch.inference_mode()
    def decode(self, codes: Floats) -> Floats:
        """Images (n, height, width, channels) in [0, 1] of codes (n, num_latents), past the activation of the run."""
        batches = torch.split(torch.from_numpy(codes.astype(np.float32)), _BATCH_SIZE)
        decoded = torch.cat([self._decoder(batch) for batch in batches])
        return decoded_pixels(decoded, self._activation).permute(0, 2, 3, 1).numpy()


def observed(store: ImageStore, rows: IntArray, seed: int) -> Floats:
    """Images (n, height, width, channels) of rows, in [0, 1], as a model sees them; the seed is of what is random."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "observations"))
    stored = torch.from_numpy(store.images(rows)).permute(0, 3, 1, 2) / 255
    seen = observation_of(store).observe(stored, torch.from_numpy(rows), generator)
    return seen.clamp(0, 1).permute(0, 2, 3, 1).contiguous().numpy()
