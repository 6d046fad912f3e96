"""Everything of a run that learns or draws: what a checkpoint holds."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from disbench.training.adam import Adam
from disbench.training.checkpoint import Checkpoint, CheckpointFolder
from disbench.training.images import Images

Row = dict[str, float]
"""What is logged of a step, by name."""


class State:
    """Modules, optimisers, generators and the number of updates made.

    Parameters
    ----------
    modules
        What learns, by name.
    images
        Remembered too, if they are a stream.
    optimizers, generators
        By name.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        images: Images,
        optimizers: Mapping[str, Adam],
        generators: Mapping[str, torch.Generator],
    ) -> None:
        self.step = 0
        self.modules = dict(modules)
        if isinstance(images, nn.Module):  # a stream, which remembers how far it is
            self.modules["images"] = images
        self._optimizers = optimizers
        self._generators = generators

    def checkpoint(self, history: list[Row]) -> Checkpoint:
        """The state as it is now, with what was logged."""
        tensors = {
            f"{part}/{name}": value
            for part, optimizer in self._optimizers.items()
            for name, value in optimizer.state().items()
        }
        for part, module in self.modules.items():
            tensors |= {f"{part}/{name}": value for name, value in module.state_dict().items()}
        tensors |= {f"generator/{name}": generator.get_state() for name, generator in self._generators.items()}
        return Checkpoint(self.step, tensors, history)

    def resume(self, checkpoints: CheckpointFolder | None, log: Callable[[Row], None]) -> list[Row]:
        """Take the state of the newest checkpoint, log again what was logged before it, and return that."""
        checkpoint = checkpoints.load() if checkpoints is not None else None
        if checkpoint is None:
            return []
        print(f"go on from step {checkpoint.step:,}, which a checkpoint holds", flush=True)
        self.step = checkpoint.step
        for part, module in self.modules.items():
            module.load_state_dict(_part(checkpoint.tensors, part))
        for part, optimizer in self._optimizers.items():
            optimizer.load_state(_part(checkpoint.tensors, part))
        for name, value in _part(checkpoint.tensors, "generator").items():
            self._generators[name].set_state(value)
        for row in checkpoint.history:
            log(row)
        return checkpoint.history


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}
