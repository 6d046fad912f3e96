"""The networks give what the reference's give from the same weights."""

import numpy as np
import pytest
import torch

from disbench.models.discriminator import Discriminator
from disbench.models.reconstruction import bernoulli, reconstruction_loss, squared_error
from disbench.models.tensorflow import load_tensorflow_weights, tensorflow_layout, tensorflow_names
from disbench.models.vae import Vae
from tests.models import golden

CASES = {"conv": "arch_conv_c1", "fc": "arch_fc_c1"}


def make(architecture):
    arrays = golden.read(CASES[architecture])
    vae = Vae(architecture, (64, 64, 1), 10, torch.Generator())
    weights = golden.weights(arrays)
    load_tensorflow_weights(vae.encoder, weights)
    load_tensorflow_weights(vae.decoder, weights)
    return vae, arrays


@pytest.mark.parametrize("architecture", CASES)
@pytest.mark.parametrize("training", [True, False])
def test_forward_pass(architecture, training):
    vae, arrays = make(architecture)
    with torch.set_grad_enabled(training):
        posterior = vae.encode(golden.images(arrays["images"]))
        z = posterior.sample_from(torch.from_numpy(arrays["eps"]))
        decoded = vae.decode(z)
        from_latents = vae.decode(torch.from_numpy(arrays["decoder_latents"]))
    assert golden.relative_error(posterior.mean, arrays["out/means"]) < 1e-5
    assert golden.relative_error(posterior.log_variance, arrays["out/logvars"]) < 1e-5
    assert golden.relative_error(z, arrays["out/z_sampled"]) < 1e-5
    assert golden.relative_error(decoded.permute(0, 2, 3, 1), arrays["out/reconstruction_logits"]) < 1e-5
    assert golden.relative_error(from_latents.permute(0, 2, 3, 1), arrays["out/decoder_logits"]) < 1e-5


@pytest.mark.parametrize("architecture", CASES)
def test_losses(architecture):
    arrays = golden.read(CASES[architecture])
    images = golden.images(arrays["images"])
    decoded = golden.images(arrays["out/reconstruction_logits"])
    for loss, expected in {
        "bernoulli_loss": bernoulli(images, decoded),
        "bernoulli_loss_subtract_entropy": bernoulli(images, decoded, subtract_entropy=True),
        "bernoulli_loss_tanh": bernoulli(images, decoded, activation="tanh"),
        "l2_loss": squared_error(images, decoded),
        "l2_loss_tanh": squared_error(images, decoded, activation="tanh"),
    }.items():
        np.testing.assert_allclose(expected.numpy(), arrays[f"out/{loss}"], rtol=1e-6, err_msg=loss)


def test_an_entropy_that_a_loss_does_not_have_is_refused():
    x = torch.rand(2, 1, 16, 16)
    with pytest.raises(ValueError, match="expects the loss bernoulli; got 'squared_error'"):
        reconstruction_loss("squared_error", x, x, subtract_entropy=True)


@pytest.mark.parametrize("subtract_entropy", [False, True])
@pytest.mark.parametrize("activation", ["logits", "tanh"])
def test_gradients_of_losses_are_their_derivatives(activation, subtract_entropy):
    """Written out by hand at the reference's decoded images, in double precision."""
    arrays = golden.read("arch_conv_c1")
    images = golden.images(arrays["images"]).double()
    x = golden.images(arrays["out/reconstruction_logits"]).double().requires_grad_()
    p = (x.sigmoid() if activation == "logits" else 0.5 * x.tanh() + 0.5).detach()
    slope = p * (1 - p) if activation == "logits" else 2 * p * (1 - p)
    bernoulli(images, x, activation=activation, subtract_entropy=subtract_entropy).sum().backward()
    inside = (p > 1e-6) & (p < 1 - 1e-6)  # where the reference clips a probability, nothing flows
    expected = ((p - images) / (p * (1 - p)) * slope).where(inside | torch.tensor(activation == "logits"), 0)
    torch.testing.assert_close(x.grad, expected, rtol=1e-6, atol=1e-9)
    x.grad = None
    squared_error(images, x, activation=activation).sum().backward()
    torch.testing.assert_close(x.grad, 2 * (p - images) * slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("architecture", CASES)
def test_loss_and_gradients_with_beta_4(architecture):
    vae, arrays = make(architecture)
    images = golden.images(arrays["images"])
    posterior = vae.encode(images)
    z = posterior.sample_from(torch.from_numpy(arrays["eps"]))
    loss = bernoulli(images, vae.decode(z)).mean() + 4 * posterior.mean_kl
    loss.backward()
    np.testing.assert_allclose(posterior.mean_kl.item(), arrays["out/kl_loss"], rtol=1e-5)
    np.testing.assert_allclose(loss.item(), arrays["out/loss_beta4"], rtol=1e-6)
    for module in (vae.encoder, vae.decoder):
        for layer, variable in tensorflow_names(module).items():
            ours = module.get_submodule(layer)
            for parameter, suffix in ((ours.weight, "kernel"), (ours.bias, "bias")):
                gradient = tensorflow_layout(module, layer, parameter.grad)
                key = f"grad_beta4/{variable}/{suffix}"
                if key in arrays:
                    assert golden.relative_error(gradient, arrays[key]) < 1e-5, key
                else:
                    norm_and_sum = np.array([gradient.double().norm(), gradient.double().sum()])
                    expected = arrays[f"gradnorm_beta4/{variable}/{suffix}"]
                    np.testing.assert_allclose(norm_and_sum, expected, rtol=2e-5, atol=1e-4 * expected[0], err_msg=key)


def test_discriminator():
    arrays = golden.read("fc_discriminator")
    discriminator = Discriminator(10, torch.Generator())
    load_tensorflow_weights(discriminator, golden.weights(arrays))
    logits = discriminator(torch.from_numpy(arrays["z"]))
    assert golden.relative_error(logits, arrays["out/logits_z"]) < 1e-5
    assert golden.relative_error(logits.softmax(1), arrays["out/probs_z"]) < 1e-5


def test_layout_of_tensorflow_is_the_inverse_of_loading():
    for architecture in CASES:
        vae, arrays = make(architecture)
        weights = golden.weights(arrays)
        for module in (vae.encoder, vae.decoder):
            for layer, variable in tensorflow_names(module).items():
                back = tensorflow_layout(module, layer, module.get_submodule(layer).weight)
                np.testing.assert_array_equal(back.detach().numpy(), weights[f"{variable}/kernel"])


def test_missing_and_misshapen_variables_are_named():
    vae, arrays = make("conv")
    weights = golden.weights(arrays)
    with pytest.raises(ValueError, match="no variable called 'encoder/e1/kernel'"):
        load_tensorflow_weights(vae.encoder, {})
    with pytest.raises(ValueError, match=r"encoder/means/kernel gives shape \(10, 256\)"):
        load_tensorflow_weights(Vae("conv", (64, 64, 1), 7, torch.Generator()).encoder, weights)
