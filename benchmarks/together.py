"""Measure models x steps a second of models that are trained together, and of the same models one at a time.

Run as `PYTHONPATH=src python benchmarks/together.py [--models 2 4 8]`. Both take turns; times are medians over them,
of the processor rather than the clock, so that what else the machine does counts little.
Also measured: one step of the model's networks under `torch.func.vmap`, the other way to stack models.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from disbench.models import Vae, layers
from disbench.models.reconstruction import bernoulli
from disbench.objectives.beta_vae import BetaVae
from disbench.training.devices import flushed_denormals
from disbench.training.loop import train
from disbench.training.memory import keep_freed_memory
from disbench.training.stacked import stack_modules
from disbench.training.together import train_together
from train_step import NUM_IMAGES, random_images

SHAPE = (64, 64, 1)


def models(num: int) -> list[Vae]:
    """So many models of the study's architecture."""
    return [Vae("conv", SHAPE, 10, torch.Generator().manual_seed(seed)) for seed in range(num)]


def one_at_a_time(num: int) -> Callable[[int], None]:
    """Train each model for so many steps, one after the other."""
    images = random_images(1, torch.float32)

    def run(steps: int) -> None:
        for seed, vae in enumerate(models(num)):
            train(vae, BetaVae(), images, num_steps=steps, seed=seed)

    return run


def together(num: int) -> Callable[[int], None]:
    """Train all of them at once."""
    images = random_images(1, torch.float32)

    def run(steps: int) -> None:
        train_together(models(num), [BetaVae() for _ in range(num)], images, seeds=range(num), num_steps=steps)

    return run


def passes(num: int, *, by_vmap: bool) -> Callable[[int], None]:
    """Forward and backward passes of stacked networks, by grouped convolutions or by vmap."""
    x = random_images(1, torch.float32).batch(torch.arange(64 * num) % NUM_IMAGES).view(num, 64, 1, 64, 64)
    noise = torch.randn(num, 64, 10, generator=torch.Generator().manual_seed(0))
    grouped = stack_modules(models(num))
    single = models(1)[0]
    state, _ = stack_module_state(models(num))
    weights = {name: value.detach().requires_grad_() for name, value in state.items()}

    def of_one(values: dict[str, Tensor], images: Tensor, eps: Tensor) -> Tensor:
        return functional_call(_Loss(single), {f"vae.{name}": value for name, value in values.items()}, (images, eps))

    def run(steps: int) -> None:
        for _ in range(steps):
            if by_vmap:
                with _plain_layers():
                    vmap(of_one)(weights, x, noise).sum().backward()
            else:
                _Loss(grouped)(x, noise).sum().backward()

    return run


class _Loss(torch.nn.Module):
    """Negative ELBO of a batch."""

    def __init__(self, vae: Vae) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        posterior = self.vae.encode(images)
        decoded = self.vae.decode(posterior.sample_from(noise))
        return bernoulli(images, decoded).mean(-1) + posterior.mean_kl


class _plain_layers:  # noqa: N801
    """PyTorch's convolutions instead of ours, which are functions of autograd that vmap cannot enter."""

    def __enter__(self) -> None:
        self._ours = [layers.convolve, layers.deconvolve, layers.deconvolve_to_image]
        self._set(
            lambda x, weight, bias: F.conv2d(x, weight, bias, 2, 1 if weight.shape[-1] == 4 else 0).relu(),
            lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, 2, 1).relu(),
            lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, 2, 1),
        )

    def __exit__(self, *error: object) -> None:
        self._set(*self._ours)

    def _set(self, convolve: object, deconvolve: object, to_image: object) -> None:
        from disbench.models import decoders, encoders

        encoders.convolve, decoders.deconvolve, decoders.deconvolve_to_image = convolve, deconvolve, to_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "together.json")
    parser.add_argument("--models", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    measured = {}
    for num in arguments.models:
        measured |= {
            (num, "one at a time"): one_at_a_time(num),
            (num, "together"): together(num),
            (num, "passes, grouped convolutions"): passes(num, by_vmap=False),
            (num, "passes, vmap"): passes(num, by_vmap=True),
        }
    times: dict[tuple[int, str], list[float]] = {key: [] for key in measured}
    with flushed_denormals():
        for turn in range(arguments.repeats + 1):
            for key, run in measured.items():
                steps = arguments.steps if turn else 1  # the first turn warms up
                start = time.process_time()
                run(steps)
                if turn:
                    times[key].append((time.process_time() - start) / steps)
    rates = {key: key[0] / median(values) for key, values in times.items()}
    for (num, what), rate in rates.items():
        print(f"{num} models, {what:30} {rate:8.2f} models x steps a second of the processor")
    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} of them used",
        "load average of the last minute": os.getloadavg()[0],
        "models x steps a second of the processor": {
            f"{num} models, {what}": rate for (num, what), rate in rates.items()
        },
        "together / one at a time": {
            f"{num} models": rates[num, "together"] / rates[num, "one at a time"] for num in arguments.models
        },
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
