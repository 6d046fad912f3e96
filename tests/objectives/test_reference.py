"""Every regulariser and its gradients against the reference's numbers, on one batch of 64 posteriors."""

import numpy as np
import pytest
import torch

from disbench.models.posterior import Posterior
from disbench.models.tensorflow import load_tensorflow_weights
from disbench.objectives._covariance import covariance
from disbench.objectives.annealed_vae import AnnealedVae
from disbench.objectives.beta_tc_vae import BetaTcVae
from disbench.objectives.beta_vae import BetaVae
from disbench.objectives.dip_vae_i import DipVaeI
from disbench.objectives.dip_vae_ii import DipVaeII
from disbench.objectives.factor_vae import FactorVae
from tests.models import golden

CASES = {
    "beta_vae_beta1": (BetaVae(beta=1), 0),
    "beta_vae_beta4": (BetaVae(beta=4), 0),
    "beta_vae_beta16": (BetaVae(beta=16), 0),
    "annealed_vae_g1000_c25_t100000": (AnnealedVae(gamma=1000, c_max=25, iteration_threshold=100_000), 1000),
    "dip_vae_i_od1_dfactor10": (DipVaeI(lambda_od=1, lambda_d_factor=10), 0),
    "dip_vae_i_od10_dfactor10": (DipVaeI(lambda_od=10, lambda_d_factor=10), 0),
    "dip_vae_i_od50_dfactor10": (DipVaeI(lambda_od=50, lambda_d_factor=10), 0),
    "dip_vae_ii_od1_dfactor1": (DipVaeII(lambda_od=1, lambda_d_factor=1), 0),
    "dip_vae_ii_od10_dfactor1": (DipVaeII(lambda_od=10, lambda_d_factor=1), 0),
    "dip_vae_ii_od50_dfactor1": (DipVaeII(lambda_od=50, lambda_d_factor=1), 0),
    "beta_tc_vae_beta1": (BetaTcVae(beta=1), 0),
    "beta_tc_vae_beta6": (BetaTcVae(beta=6), 0),
    "beta_tc_vae_beta10": (BetaTcVae(beta=10), 0),
}


@pytest.fixture(scope="module")
def arrays():
    return golden.read("regularizers_b64")


def batch(arrays):
    mean, log_variance, z = (
        torch.from_numpy(arrays[name]).requires_grad_() for name in ("z_mean", "z_logvar", "z_sampled")
    )
    return Posterior(mean, log_variance), z


@pytest.mark.parametrize("case", CASES)
def test_regularisers_and_gradients(arrays, case):
    objective, step = CASES[case]
    posterior, z = batch(arrays)
    loss = sum(objective.terms(posterior, z, step).values())
    np.testing.assert_allclose(loss.item(), arrays[f"out/{case}"], rtol=1e-5)
    loss.backward()
    for name, tensor in (("mean", posterior.mean), ("logvar", posterior.log_variance), ("sampled", z)):
        if f"grad/{case}/{name}" in arrays:
            assert golden.relative_error(tensor.grad, arrays[f"grad/{case}/{name}"]) < 1e-5, name


@pytest.mark.parametrize("step", [0, 1000, 100_000, 250_000])
def test_capacity_grows(arrays, step):
    objective = AnnealedVae(gamma=1000, c_max=25, iteration_threshold=100_000)
    posterior, z = batch(arrays)
    for given in (step, torch.tensor(step)):
        loss = objective.terms(posterior, z, given)["capacity"].item()
        np.testing.assert_allclose([float(objective.capacity(given)), loss], arrays[f"annealed/step{step}"], rtol=1e-5)


def test_total_correlation(arrays):
    posterior, z = batch(arrays)
    estimate = BetaTcVae().total_correlation(posterior, z).item()
    np.testing.assert_allclose(estimate, arrays["out/total_correlation"], rtol=1e-5)


def test_kl_covariance_and_capacity(arrays):
    posterior, _ = batch(arrays)
    np.testing.assert_allclose(posterior.mean_kl.item(), arrays["out/kl_loss"], rtol=1e-6)
    assert golden.relative_error(covariance(posterior.mean), arrays["out/cov_z_mean"]) < 1e-5
    objective = AnnealedVae(gamma=1000, c_max=25, iteration_threshold=100_000)
    np.testing.assert_allclose(objective.capacity(1000), arrays["out/anneal_c"], rtol=1e-6)


def test_every_number_of_the_reference_is_compared(arrays):
    compared = {"kl_loss", "cov_z_mean", "anneal_c", "total_correlation", *CASES}
    assert {key.split("/")[1] for key in arrays if key.startswith("out/")} == compared


def test_weighted_sampling_has_the_gradients_of_the_minibatch_sum(arrays):
    """Its estimate differs by (num_latents - 1) log(n num_images), which the reference leaves out."""
    objective = BetaTcVae(beta=6, estimator="weighted")
    objective.prepare(10, 737_280, torch.Generator())
    posterior, z = batch(arrays)
    objective.total_correlation(posterior, z).backward()
    mean, log_variance, sampled = posterior.mean.grad, posterior.log_variance.grad, z.grad
    posterior, z = batch(arrays)
    BetaTcVae(beta=6).total_correlation(posterior, z).backward()
    for ours, theirs in ((mean, posterior.mean), (log_variance, posterior.log_variance), (sampled, z)):
        assert golden.relative_error(ours, theirs.grad.numpy()) < 1e-5
    constant = 9 * np.log(64 * 737_280)
    estimate = objective.total_correlation(posterior, z).item()
    np.testing.assert_allclose(estimate - constant, arrays["out/total_correlation"], rtol=1e-5)


def test_discriminator_losses_and_gradients():
    arrays = golden.read("fc_discriminator")
    objective = FactorVae(gamma=1)
    objective.prepare(10, 1, torch.Generator())
    load_tensorflow_weights(objective.discriminator, golden.weights(arrays))
    z, permuted = torch.from_numpy(arrays["z"]).requires_grad_(), torch.from_numpy(arrays["z_perm"])
    estimate = objective.total_correlation(z)
    (gradient,) = torch.autograd.grad(estimate, z)
    np.testing.assert_allclose(estimate.item(), arrays["out/tc_loss"], rtol=1e-5)
    assert golden.relative_error(gradient, arrays["out/grad_tc_wrt_z"]) < 1e-5
    loss = objective.adversary_loss(z.detach(), permuted)
    np.testing.assert_allclose(loss.item(), arrays["out/discriminator_loss_minimised"], rtol=1e-5)
    loss.backward()
    layers = [*objective.discriminator.layers, objective.discriminator.logits]
    for layer, name in zip(layers, [*(f"d{index}" for index in range(1, 7)), "logits"], strict=True):
        for parameter, suffix in ((layer.weight, "kernel"), (layer.bias, "bias")):
            norm, total = arrays[f"gradnorm/discriminator/{name}/{suffix}"]
            gradient = parameter.grad.double()
            assert float(gradient.norm()) == pytest.approx(norm, rel=1e-5)
            assert float(gradient.sum()) == pytest.approx(total, rel=1e-5, abs=1e-5 * norm * gradient.numel() ** 0.5)
