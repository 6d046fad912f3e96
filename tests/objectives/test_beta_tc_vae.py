"""Estimators of the total correlation against loops over the formulas of the paper."""

from math import log

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from disbench.models.posterior import Posterior
from disbench.objectives.beta_tc_vae import BetaTcVae

NUM_IMAGES = 1000


def batch(n=7, num_latents=3):
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, n, num_latents, generator=generator, dtype=torch.float64)
    posterior = Posterior(mean, log_variance - 1)
    return posterior, posterior.sample(generator)


def total_correlation(posterior, z, weights):
    """weights[j, i]: of the posterior of image i in the density of code j."""
    mean, std = posterior.mean.numpy(), np.exp(0.5 * posterior.log_variance.numpy())
    n, num_latents = mean.shape
    total = 0.0
    for j in range(n):
        density = np.array([norm.logpdf(z[j].numpy(), mean[i], std[i]) for i in range(n)])
        joint = logsumexp(density.sum(1), b=weights[j])
        marginals = sum(logsumexp(density[:, latent], b=weights[j]) for latent in range(num_latents))
        total += (joint - marginals) / n
    return total


def prepared(estimator):
    objective = BetaTcVae(estimator=estimator)
    objective.prepare(3, NUM_IMAGES, torch.Generator())
    return objective


def test_minibatch_sum():
    posterior, z = batch()
    expected = total_correlation(posterior, z, np.ones((7, 7)))
    assert prepared("minibatch").total_correlation(posterior, z).item() == pytest.approx(expected)


def test_weighted_sampling():
    posterior, z = batch()
    expected = total_correlation(posterior, z, np.full((7, 7), 1 / (7 * NUM_IMAGES)))
    assert prepared("weighted").total_correlation(posterior, z).item() == pytest.approx(expected)
    difference = expected - total_correlation(posterior, z, np.ones((7, 7)))
    assert difference == pytest.approx((3 - 1) * log(7 * NUM_IMAGES))


def test_stratified_sampling():
    """Weights of appendix C.2 with M = 6 others: own 1/N, one (N - M) / (N M), the rest 1/M."""
    posterior, z = batch()
    weights = np.full((7, 7), 1 / 6)
    for j in range(7):
        weights[j, j] = 1 / NUM_IMAGES
        weights[j, (j + 1) % 7] = (NUM_IMAGES - 6) / (NUM_IMAGES * 6)
    np.testing.assert_allclose(weights.sum(1), 1)
    expected = total_correlation(posterior, z, weights)
    assert prepared("stratified").total_correlation(posterior, z).item() == pytest.approx(expected)


def test_batches_larger_than_the_data_set_are_refused():
    posterior, z = batch()
    objective = BetaTcVae(estimator="stratified")
    objective.prepare(3, 5, torch.Generator())
    with pytest.raises(ValueError, match="expected 2 to num_images=5 images in a batch; got 7"):
        objective.total_correlation(posterior, z)


def test_independent_latents_have_no_total_correlation():
    """Posteriors that all equal the prior: the stratified estimate is exactly 0."""
    posterior = Posterior(torch.zeros(50, 4), torch.zeros(50, 4))
    z = posterior.sample(torch.Generator().manual_seed(0))
    assert abs(prepared("stratified").total_correlation(posterior, z).item()) < 1e-4
