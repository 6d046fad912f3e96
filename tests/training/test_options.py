"""Options of training: the equations in double precision against the replay, the replay against the training loop."""

import numpy as np
import pytest
import torch

from disbench.models import Vae
from disbench.objectives._objective import permute_by
from disbench.objectives.beta_tc_vae import BetaTcVae
from disbench.objectives.beta_vae import BetaVae
from disbench.objectives.factor_vae import FactorVae
from disbench.seeds import derive_seed
from disbench.training.images import ResidentImages
from disbench.training.loop import train
from tests.training import plain
from tests.training.replay import replay

SHAPE, NUM_LATENTS, N, NUM_STEPS, NUM_IMAGES = (16, 16, 1), 3, 8, 5, 1000


def probability(x):
    return (0.5 + 0.5 * x.tanh()).clamp(1e-6, 1 - 1e-6)


def entropy(x):
    return -torch.special.xlogy(x, x) - torch.special.xlogy(1 - x, 1 - x)


ERRORS = {
    "bernoulli, tanh": (
        {"activation": "tanh"},
        lambda x, y: -x * probability(y).log() - (1 - x) * (1 - probability(y)).log(),
    ),
    "bernoulli, entropy": ({"subtract_entropy": True}, lambda x, y: plain.cross_entropy(x, y) - entropy(x)),
    "bernoulli, tanh, entropy": (
        {"activation": "tanh", "subtract_entropy": True},
        lambda x, y: -x * probability(y).log() - (1 - x) * (1 - probability(y)).log() - entropy(x),
    ),
    "squared": ({"reconstruction": "squared_error"}, lambda x, y: (x - y.sigmoid()) ** 2),
    "squared, tanh": (
        {"reconstruction": "squared_error", "activation": "tanh"},
        lambda x, y: (x - 0.5 - 0.5 * y.tanh()) ** 2,
    ),
}


def started(objective):
    """A model, batches, noise and orders from one seed."""
    generator = torch.Generator().manual_seed(3)
    vae = Vae("conv", SHAPE, NUM_LATENTS, generator)
    objective.prepare(NUM_LATENTS, NUM_IMAGES, generator)
    images = [torch.rand(N, 1, 16, 16, generator=generator) for _ in range(2 * NUM_STEPS)]
    noise = [torch.randn(N, NUM_LATENTS, generator=generator) for _ in range(2 * NUM_STEPS)]
    orders = [torch.rand(NUM_LATENTS, N, generator=generator).argsort(1) for _ in range(NUM_STEPS)]
    return vae, images, noise, orders


def compare(vae, objective, rows, expected, losses):
    np.testing.assert_allclose([row["loss"] for row in rows], losses, rtol=1e-5)
    trained = vae.state_dict() | objective.state_dict()
    for name, value in trained.items():
        torch.testing.assert_close(value.double(), expected[name], rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("name", ERRORS)
def test_reconstruction_errors(name):
    options, reconstruct = ERRORS[name]
    objective = BetaVae(beta=2)
    vae, images, noise, _ = started(objective)
    images, noise = images[:NUM_STEPS], noise[:NUM_STEPS]
    expected, losses = plain.train(
        vae.state_dict(), lambda m, v, z, step: 2 * plain.kl(m, v), images, noise, reconstruct=reconstruct
    )
    compare(vae, objective, replay(vae, objective, images, noise, **options), expected, losses)


@pytest.mark.parametrize(("beta", "column"), [(0, "reconstruction"), (1, "negative ELBO")])
def test_beta_0_is_an_autoencoder_with_noise_and_beta_1_the_plain_vae(beta, column):
    objective = BetaVae(beta=beta)
    vae, images, noise, _ = started(objective)
    images, noise = images[:NUM_STEPS], noise[:NUM_STEPS]
    expected, losses = plain.train(vae.state_dict(), lambda m, v, z, step: beta * plain.kl(m, v), images, noise)
    rows = replay(vae, objective, images, noise)
    compare(vae, objective, rows, expected, losses)
    for row in rows:
        values = {
            "reconstruction": row["reconstruction"],
            "negative ELBO": row["reconstruction"] + row["kl_divergence"],
        }
        assert row["loss"] == pytest.approx(values[column], rel=1e-6)


def weights_of(estimator):
    """Of image i in the density of code j, by appendix C of the paper."""
    if estimator == "weighted":
        return torch.full((N, N), 1 / (N * NUM_IMAGES), dtype=torch.float64)
    weights = torch.full((N, N), 1 / (N - 1), dtype=torch.float64)
    for j in range(N):
        weights[j, j] = 1 / NUM_IMAGES
        weights[j, (j + 1) % N] = (NUM_IMAGES - N + 1) / (NUM_IMAGES * (N - 1))
    return weights


@pytest.mark.parametrize("estimator", ["weighted", "stratified"])
def test_estimators_of_the_total_correlation(estimator):
    objective = BetaTcVae(beta=6, estimator=estimator)
    vae, images, noise, _ = started(objective)
    images, noise = images[:NUM_STEPS], noise[:NUM_STEPS]
    weights = weights_of(estimator)
    expected, losses = plain.train(
        vae.state_dict(),
        lambda m, v, z, step: plain.kl(m, v) + 5 * plain.total_correlation(m, v, z, weights),
        images,
        noise,
    )
    compare(vae, objective, replay(vae, objective, images, noise), expected, losses)


def test_codes_of_a_second_batch_are_permuted():
    objective = FactorVae(gamma=10, permuted="second_batch")
    vae, images, noise, orders = started(objective)
    others = list(zip(images[NUM_STEPS:], noise[NUM_STEPS:], strict=True))
    images, noise = images[:NUM_STEPS], noise[:NUM_STEPS]
    start = {name: value.clone() for name, value in (vae.state_dict() | objective.state_dict()).items()}
    expected, losses = plain.train(start, lambda m, v, z, step: plain.kl(m, v), images, noise, orders, others=others)
    rows = replay(vae, objective, images, noise, orders, others=others)
    compare(vae, objective, rows, expected, losses)
    same_batch, _ = plain.train(start, lambda m, v, z, step: plain.kl(m, v), images, noise, orders)
    name = "discriminator.logits.bias"
    assert (same_batch[name] - expected[name]).abs().max() > 1e-5


LOOP = {
    **{name: (BetaVae(beta=2), options) for name, (options, _) in ERRORS.items()},
    "standard Adam": (BetaVae(beta=2), {"adam_epsilon": "standard"}),
    "weighted": (BetaTcVae(estimator="weighted"), {}),
    "stratified": (BetaTcVae(estimator="stratified"), {}),
    "second batch": (FactorVae(permuted="second_batch"), {}),
    "reference steps": (FactorVae(steps="reference"), {}),
}


@pytest.mark.parametrize("name", LOOP)
def test_the_training_loop_hands_every_option_on(name):
    """Its batches, noise and permutations, drawn once more from generators of the same seeds."""
    objective, options = LOOP[name]
    stored = np.random.default_rng(0).integers(256, size=(50, 16, 16, 1), dtype=np.uint8)
    images = ResidentImages(stored, binary=False, device=torch.device("cpu"), dtype=torch.float32)
    trained, replayed = (Vae("conv", SHAPE, NUM_LATENTS, torch.Generator().manual_seed(1)) for _ in range(2))
    rows = []
    adversarial = isinstance(objective, FactorVae)
    halves = adversarial and objective.steps == "reference"
    num_steps = (1 + halves) * NUM_STEPS
    train(
        trained, objective, images, num_steps=num_steps, batch_size=N, seed=2, log_every=1, log=rows.append, **options
    )
    assert [row["step"] for row in rows] == list(range(1, NUM_STEPS + 1))

    draws, noise_draws = (torch.Generator().manual_seed(derive_seed(2, part)) for part in ("batches", "noise"))
    fed, noise, others, orders = [], [], [], []
    numbers = torch.arange(float(N))[:, None].expand(N, NUM_LATENTS)
    for _ in range(NUM_STEPS):
        fed.append(images.draw(N, draws))
        noise.append(torch.empty(N, NUM_LATENTS).normal_(generator=noise_draws))
        if adversarial and objective.second_batch:
            others.append((images.draw(N, draws), torch.empty(N, NUM_LATENTS).normal_(generator=noise_draws)))
        if adversarial:
            orders.append(permute_by(numbers, torch.rand(numbers.shape, generator=noise_draws)).long().T)
    objective.prepare(NUM_LATENTS, len(images), torch.Generator().manual_seed(derive_seed(2, "objective")))
    again = replay(replayed, objective, fed, noise, orders, others=others, **options)
    np.testing.assert_allclose([row["loss"] for row in again], [row["loss"] for row in rows], rtol=1e-6)
    for key, value in replayed.state_dict().items():
        np.testing.assert_allclose(value, trained.state_dict()[key], rtol=0, atol=1e-6, err_msg=key)
