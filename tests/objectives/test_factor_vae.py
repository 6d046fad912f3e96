import torch

from disbench.catalogue import find, names, options
from disbench.models.posterior import Posterior
from disbench.objectives._objective import AdversarialObjective, Objective, permute_by
from disbench.objectives.factor_vae import FactorVae


def test_each_latent_is_permuted_on_its_own():
    z = torch.arange(200.0).view(50, 4)
    permuted = permute_by(z, torch.rand(z.shape, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(permuted.sort(0).values, z)
    orders = permuted.argsort(0)
    assert not any(torch.equal(orders[:, 0], orders[:, latent]) for latent in (1, 2, 3))
    again = permute_by(z, torch.rand(z.shape, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(permuted, again)


def test_permutations_are_uniform():
    generator = torch.Generator().manual_seed(0)
    z = torch.arange(3.0)[:, None].expand(3, 1000)
    permuted = permute_by(z.expand(3, 3, 1000), torch.rand(3, 3, 1000, generator=generator))
    counts = permuted.movedim(1, 0).flatten(1)
    for first in range(3):
        assert abs(float((counts[0] == first).float().mean()) - 1 / 3) < 0.05


def test_steps_of_the_reference_are_half_updates():
    assert FactorVae(steps="reference").num_updates(300_000) == 150_000
    assert FactorVae().num_updates(300_000) == 300_000


def test_the_same_generator_makes_the_same_discriminator():
    first, second = FactorVae(), FactorVae()
    for objective in (first, second):
        objective.prepare(10, 100, torch.Generator().manual_seed(3))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert sum(p.numel() for p in first.parameters()) > 5_000_000


def test_the_catalogue_finds_every_objective():
    """Defaults as their docstrings explain them."""
    defaults = {name: options(find("objectives", name))().model_dump() for name in names("objectives")}
    assert defaults == {
        "annealed_vae": {"gamma": 1000.0, "c_max": 25.0, "iteration_threshold": 100_000},
        "beta_tc_vae": {"beta": 6.0, "estimator": "minibatch"},
        "beta_vae": {"beta": 4.0},
        "dip_vae_i": {"lambda_od": 10.0, "lambda_d_factor": 10.0},
        "dip_vae_ii": {"lambda_od": 10.0, "lambda_d_factor": 1.0},
        "factor_vae": {"gamma": 35.0, "permuted": "same_batch", "steps": "updates"},
    }
    for name in defaults:
        assert issubclass(find("objectives", name), Objective)


def both_players(both, dtype):
    """Summands, the adversary's loss, and the gradients of both with respect to codes and weights."""
    objective = FactorVae(gamma=7)
    objective.prepare(4, 100, torch.Generator().manual_seed(0))
    mean, log_variance = (torch.randn(9, 4, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    z = mean.clone().to(dtype).requires_grad_()
    permuted = permute_by(z.detach(), torch.rand(9, 4, generator=torch.Generator().manual_seed(3)))
    terms, loss = both(objective, Posterior(mean, log_variance), z, permuted, 0)
    (sum(terms.values()) + loss).backward()
    return [*terms.values(), loss, z.grad, *(parameter.grad for parameter in objective.parameters())]


def relative_errors(values, exact):
    return torch.stack([(one - other).norm() / other.norm() for one, other in zip(values, exact, strict=True)])


def test_one_pass_for_both_players_is_what_two_passes_are():
    together, apart = (both_players(game.both, torch.float32) for game in (FactorVae, AdversarialObjective))
    assert len(together) == 4 + 14
    assert relative_errors(together, apart).max() < 2e-5


def test_one_pass_loses_no_more_to_bfloat16_than_two():
    exact = both_players(AdversarialObjective.both, torch.float32)
    together, apart = (
        relative_errors(both_players(game.both, torch.bfloat16), exact) for game in (FactorVae, AdversarialObjective)
    )
    assert together.square().mean() < 1.2 * apart.square().mean()
