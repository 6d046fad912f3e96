"""Adam, with epsilon where TensorFlow 1 has it."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

EpsilonPlacement = Literal["hat", "standard"]


class Adam:
    """Adam whose epsilon is added to the root of the second moment before that is corrected for its bias.

    This is "epsilon hat" at the end of section 2 of Kingma and Ba (ICLR 2015), the form of TensorFlow 1, with which the
    published studies were trained. It equals the usual form with epsilon divided by `sqrt(1 - beta_2^t)` at update t,
    and so PyTorch's fused kernel computes it. `epsilon_placement` "standard" is the usual form, that of algorithm 1.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        epsilon_placement: EpsilonPlacement = "hat",
    ) -> None:
        self._parameters: list[Tensor] = list(parameters)
        self._betas = betas
        self._rate, self._epsilon = learning_rate, epsilon
        self._placement = epsilon_placement
        self._optimizer = torch.optim.Adam(self._parameters, lr=learning_rate, betas=betas, eps=epsilon, fused=True)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._optimizer.zero_grad()

    def step(self, num_updates: int | Tensor) -> None:
        """Update the parameters by their gradients, after `num_updates` updates before this one.

        A tensor without axes is not read by the host, so that the update can be recorded on a device and replayed.
        """
        if isinstance(num_updates, Tensor):
            self._step_on_device(num_updates)
            return
        if self._placement == "hat":
            correction = sqrt(1 - self._betas[1] ** (num_updates + 1))
            self._optimizer.param_groups[0]["eps"] = self._epsilon / correction
        self._optimizer.step()

    @torch.no_grad()
    def _step_on_device(self, num_updates: Tensor) -> None:
        first, second = self._betas
        gradients = [_gradient(parameter) for parameter in self._parameters]
        means, squares = self._moments("exp_avg"), self._moments("exp_avg_sq")
        t = num_updates.double() + 1
        correction = (1 - second**t).sqrt()
        rate = (self._rate * correction / (1 - first**t)).float()
        epsilon = self._epsilon if self._placement == "hat" else (self._epsilon * correction).float()
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - second)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, epsilon)
        updates = torch._foreach_div(means, roots)
        torch._foreach_mul_(updates, rate)
        torch._foreach_sub_(self._parameters, updates)

    def _moments(self, name: str) -> list[Tensor]:
        states = (self._optimizer.state[parameter] for parameter in self._parameters)
        return [
            state.setdefault(name, torch.zeros_like(parameter))
            for state, parameter in zip(states, self._parameters, strict=True)
        ]

    def state(self) -> dict[str, Tensor]:
        """Moments and number of updates of each parameter, by position and name."""
        states = self._optimizer.state
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self._parameters)
            for name, value in states[parameter].items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take the moments that `state` gave; nothing if no update had been made."""
        for key, value in state.items():
            index, name = key.split(".")
            self._optimizer.state[self._parameters[int(index)]][name] = value


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
