"""What a GPU runs, run on the CPU: the numbers of a step in tensors that stay, an update recorded and repeated."""

import pytest
import torch

from disbench.models import Vae
from disbench.models.reconstruction import bernoulli
from disbench.objectives.annealed_vae import AnnealedVae
from disbench.objectives.beta_tc_vae import BetaTcVae
from disbench.objectives.factor_vae import FactorVae
from disbench.training.adam import Adam
from disbench.training.draws import draw, make_generators
from disbench.training.loop import make_optimizers
from disbench.training.recorded import DeviceUpdate
from disbench.training.update import Outcome, Update
from tests.training.test_loop import CPU, SHAPE, small_images

OBJECTIVES = {
    "annealed_vae": lambda: AnnealedVae(c_max=5, iteration_threshold=10),
    "factor_vae": lambda: FactorVae(permuted="second_batch"),
    "beta_tc_vae": lambda: BetaTcVae(estimator="stratified"),
}


class Recorder:
    """Stands in for a CUDA graph: repeats a computation with what it was recorded with, into the same outcome."""

    def __init__(self, names):
        self.names = names
        self.num_records = self.num_replays = 0

    def __call__(self, compute):
        self.num_records += 1
        outcome = Outcome(self.names, torch.empty(0), torch.empty(0))

        def replay():
            self.num_replays += 1
            new = compute()
            outcome.summands.resize_(new.summands.shape).copy_(new.summands)
            outcome.kl.resize_(new.kl.shape).copy_(new.kl)

        return replay, outcome


def trained(name, wrap=lambda update: update):
    """Summands of eight updates, and all weights after them."""
    vae = Vae("conv", SHAPE, 3, torch.Generator().manual_seed(0))
    objective = OBJECTIVES[name]()
    objective.prepare(3, 50, torch.Generator().manual_seed(1))
    take = wrap(Update(vae, objective, make_optimizers(vae, objective, 1e-4, "hat"), bernoulli))
    images, generators, game = small_images(), make_generators(0, CPU), name == "factor_vae"
    outcomes = [take(draw(images, 8, 3, generators, keys=game, second=game), step) for step in range(8)]
    return outcomes, {**vae.state_dict(), **objective.state_dict()}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_recorded_updates_are_the_updates(name):
    plain, weights = trained(name)
    eager, eager_weights = trained(name, lambda update: DeviceUpdate(update, CPU, None))
    recorder = Recorder(plain[0].names)
    recorded, recorded_weights = trained(name, lambda update: DeviceUpdate(update, CPU, recorder))
    assert (recorder.num_records, recorder.num_replays) == (1, 5)
    for ours, others in zip(recorded, eager, strict=True):
        assert torch.equal(ours.summands, others.summands)
        assert torch.equal(ours.kl, others.kl)
    for key, value in recorded_weights.items():
        assert torch.equal(value, eager_weights[key])
        torch.testing.assert_close(value, weights[key], rtol=0, atol=2e-6)
    torch.testing.assert_close(
        torch.stack([outcome.summands for outcome in eager]),
        torch.stack([outcome.summands for outcome in plain]),
        rtol=1e-5,
        atol=1e-4,
    )


@pytest.mark.parametrize("placement", ["hat", "standard"])
def test_adam_by_a_tensor_is_adam_by_a_number(placement):
    results = []
    for number in (int, lambda step: torch.tensor(float(step))):
        parameters = [torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4)), torch.nn.Parameter(torch.ones(2))]
        adam = Adam(parameters, learning_rate=0.01, epsilon=1e-3, epsilon_placement=placement)
        generator = torch.Generator().manual_seed(0)
        for step in range(20):
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape, generator=generator) * 1e-3
            adam.step(number(step))
        results.append([parameter.detach() for parameter in parameters])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
