"""States of a run's grid with what the model sees of them: the points on which codes are compared."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disbench.factors import IntArray
from disbench.models import Vae
from disbench.observations import observation_of
from disbench.report.run import Run
from disbench.seeds import derive_rng, derive_seed
from disbench.storage import ImageStore
from disbench.table import FloatArray, LabelledCodes
from disbench.training.images import ResidentImages

NUM_TRAIN, NUM_TEST = 2000, 1000
_BATCH_SIZE = 64


@dataclass(frozen=True, eq=False)
class Points:
    """Codes of the same random states: this run's, those of its initial network, and the factors themselves.

    Parameters
    ----------
    factors
        (n, num_factors); the first `NUM_TRAIN` train, the others test.
    trained, untrained
        (n, num_latents).
    """

    factors: IntArray
    trained: FloatArray
    untrained: FloatArray

    @property
    def perfect(self) -> FloatArray:
        """The factors as a code: one latent for each, and a constant one where that would leave a single latent."""
        codes = self.factors.astype(np.float32)
        return np.pad(codes, ((0, 0), (0, 1))) if codes.shape[1] == 1 else codes

    def labelled(self, codes: FloatArray) -> LabelledCodes:
        """Codes of the points, parted into training and test points."""
        num = NUM_TRAIN
        return LabelledCodes(codes[:num], self.factors[:num], codes[num:], self.factors[num:])


def draw_points(run: Run) -> Points:
    """Draw states with replacement and encode them, with the network of the run and with the one that it began as."""
    rng = derive_rng(run.settings.evaluate.seed, "report")
    rows = run.table.draw(NUM_TRAIN + NUM_TEST, rng)
    table = run.table.sampled() if run.settings.evaluate.representation == "sampled" else run.table
    untrained = _encode_untrained(run, np.asarray(rows % run.store.space.num_states))
    if table.kind == "sampled":
        mean, log_variance = untrained
        codes = mean + np.exp(0.5 * log_variance) * rng.standard_normal(mean.shape, dtype=np.float32)
    else:
        codes = untrained[0]
    return Points(table.factors(rows), table.codes(rows, rng), codes)


def initial_network(run: Run) -> Vae:
    """The network with which the training began: the same seed gives the same weights."""
    seed = run.description["train"]["seed"]
    generator = torch.Generator().manual_seed(derive_seed(seed, "weights"))
    model = run.model
    return Vae(model["architecture"], tuple(model["image_shape"]), model["num_latents"], generator).eval()


def observe(store: ImageStore, rows: IntArray, seed: int) -> Tensor:
    """Images (n, channels, height, width) in [0, 1] of rows (n,), as a model sees them."""
    stored = ResidentImages(store.take(rows), binary=store.binary, device=torch.device("cpu"), dtype=torch.float32)
    generator = torch.Generator().manual_seed(derive_seed(seed, "report"))
    return observation_of(store).observe(stored.batch(slice(None)), torch.from_numpy(rows), generator)


@torch.inference_mode()
def _encode_untrained(run: Run, rows: IntArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    encoder = initial_network(run).encoder
    images = observe(run.store, rows, run.description["train"]["seed"])
    parts = [encoder(batch) for batch in torch.split(images, _BATCH_SIZE)]
    mean, log_variance = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return mean, log_variance
