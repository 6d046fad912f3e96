"""Adam against its two published forms, written out by hand, for gradients as small as its epsilon."""

import pytest
import torch

from disbench.training.adam import Adam

GRADIENTS = torch.tensor([[1e-9, 1e-8, 3e-7, 1.0], [-2e-9, 3e-8, 1e-7, -0.5], [4e-9, 1e-8, -2e-7, 0.1]])
RATE, EPSILON = 1e-3, 1e-8


def by_hand(placement, betas):
    """Algorithm 1 of Kingma and Ba, and its other form at the end of section 2, in double precision."""
    first, second = betas
    weight, m, v = (torch.zeros(4, dtype=torch.float64) for _ in range(3))
    for t, gradient in enumerate(GRADIENTS.double(), 1):
        m = first * m + (1 - first) * gradient
        v = second * v + (1 - second) * gradient**2
        if placement == "standard":
            weight -= RATE * m / (1 - first**t) / ((v / (1 - second**t)).sqrt() + EPSILON)
        else:
            weight -= RATE * (1 - second**t) ** 0.5 / (1 - first**t) * m / (v.sqrt() + EPSILON)
    return weight


def trained(placement, betas):
    parameter = torch.nn.Parameter(torch.zeros(4))
    adam = Adam([parameter], learning_rate=RATE, betas=betas, epsilon_placement=placement)
    for step, gradient in enumerate(GRADIENTS):
        adam.zero_grad()
        parameter.grad = gradient.clone()
        adam.step(step)
    return parameter.detach().double()


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
@pytest.mark.parametrize("placement", ["hat", "standard"])
def test_updates_are_those_of_the_paper(placement, betas):
    torch.testing.assert_close(trained(placement, betas), by_hand(placement, betas), rtol=2e-5, atol=1e-9)


def test_the_placement_of_epsilon_matters_where_gradients_are_small():
    hat, standard = trained("hat", (0.9, 0.999)), trained("standard", (0.9, 0.999))
    ratios = hat / standard
    assert (ratios[:2] < 0.7).all()
    assert ratios[3] == pytest.approx(1, rel=1e-4)
