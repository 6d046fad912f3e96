import torch
from torch.distributions import Normal, kl_divergence

from disbench.models.posterior import Posterior


def test_kl_is_the_divergence_of_two_gaussians():
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
    posterior = Posterior(mean, log_variance)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros(()), torch.ones(())))
    torch.testing.assert_close(posterior.kl, expected)
    torch.testing.assert_close(posterior.mean_kl, expected.sum() / 6)


def test_samples_have_the_moments_of_the_posterior():
    mean, log_variance = torch.full((200_000, 1), 1.5), torch.full((200_000, 1), -1.0)
    z = Posterior(mean, log_variance).sample(torch.Generator().manual_seed(0))
    assert abs(float(z.mean()) - 1.5) < 0.01
    assert abs(float(z.var()) - float(torch.tensor(-1.0).exp())) < 0.01


def test_the_generator_decides_the_sample():
    posterior = Posterior(torch.zeros(4, 2), torch.zeros(4, 2))
    first, again = (posterior.sample(torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, posterior.sample(torch.Generator().manual_seed(2)))
