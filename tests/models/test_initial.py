"""Initial networks have the statistics of the reference's, over seeds."""

import json

import numpy as np
import pytest
import torch

from disbench.datasets._dsprites import SPACE
from disbench.datasets._sprites import render
from disbench.models import Vae
from disbench.models.discriminator import Discriminator
from disbench.models.reconstruction import bernoulli
from tests import ROOT
from tests.training.replay import tensorflow_weights

SEEDS = range(5)
REFERENCE = json.loads((ROOT / "tests" / "golden" / "curves.json").read_text())["initial"]
OUTPUTS = [key for key, value in REFERENCE[0].items() if isinstance(value, dict) and "rms" in value]


def statistics(values):
    """Of outputs (n, units)."""
    values = values.flatten(1).double().numpy()
    return {
        "mean": values.mean(),
        "std_all": values.std(),
        "rms": np.sqrt((values**2).mean()),
        "std_over_images_per_unit_rms": np.sqrt(values.var(0).mean()),
        "std_of_unit_means": values.mean(0).std(),
        "min": values.min(),
        "max": values.max(),
    }


@pytest.fixture(scope="module")
def networks():
    return [Vae("conv", (64, 64, 1), 10, torch.Generator().manual_seed(seed)) for seed in SEEDS]


@pytest.fixture(scope="module")
def ours(networks):
    """Statistics of the outputs of each network for the reference's 256 rows."""
    rows = np.random.RandomState(999).randint(SPACE.num_states, size=256)
    images = torch.from_numpy(np.unpackbits(render(SPACE.states(rows)), axis=-1)[:, None].astype(np.float32))
    found = []
    for seed, vae in zip(SEEDS, networks, strict=True):
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            posterior = vae.encode(images)
            decoded = vae.decode(posterior.sample(generator))
            found.append(
                {
                    "means": statistics(posterior.mean),
                    "logvars": statistics(posterior.log_variance),
                    "decoder_logits_z_from_encoder_sampled": statistics(decoded),
                    "decoder_logits_z_at_encoder_mean": statistics(vae.decode(posterior.mean)),
                    "decoder_logits_z_standard_normal": statistics(
                        vae.decode(torch.randn(256, 10, generator=generator))
                    ),
                    "reconstruction_loss": float(bernoulli(images, decoded).mean()),
                    "kl": float(posterior.mean_kl),
                }
            )
    return found


def distance(first, second):
    """Difference of means in standard errors."""
    error = np.sqrt(np.var(first, ddof=1) / len(first) + np.var(second, ddof=1) / len(second))
    return abs(np.mean(first) - np.mean(second)) / error


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs(ours, output):
    for name in REFERENCE[0][output]:
        first, second = ([seed[output][name] for seed in each] for each in (ours, REFERENCE))
        assert distance(first, second) < 4, name


@pytest.mark.parametrize("name", ["reconstruction_loss", "kl"])
def test_losses(ours, name):
    first, second = ([seed[name] for seed in each] for each in (ours, REFERENCE))
    assert distance(first, second) < 4


def test_kernels_and_biases(networks):
    """Their spread is that of uniform numbers, whose standard deviation is known to a part in sqrt(5 n)."""
    generators = (torch.Generator().manual_seed(seed) for seed in SEEDS)
    rivals = [Discriminator(10, generator) for generator in generators]
    parts = zip(networks, rivals, strict=True)
    ours = [tensorflow_weights(vae.encoder, vae.decoder, rival) for vae, rival in parts]
    for name, theirs in REFERENCE[0]["variables"].items():
        assert list(ours[0][name].shape) == theirs["shape"], name
        if name.endswith("bias"):
            assert not any(weights[name].any() for weights in ours)
            assert theirs["absmax"] == 0
            continue
        num = ours[0][name].size
        first = np.mean([weights[name].std() for weights in ours])
        second = np.mean([seed["variables"][name]["std"] for seed in REFERENCE])
        assert abs(first / second - 1) < 4 * np.sqrt((1 / len(ours) + 1 / len(REFERENCE)) / (5 * num)), name
        limit = second * np.sqrt(3)
        largest = max(np.abs(weights[name]).max() for weights in ours)
        assert largest < limit * (1 + 4 / np.sqrt(5 * num * len(REFERENCE))), name
