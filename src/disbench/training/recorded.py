"""The update on a GPU: recorded once as a CUDA graph, then replayed without Python or launches between its kernels."""

from collections.abc import Callable
from dataclasses import replace

import torch

from disbench.training.draws import Draws
from disbench.training.update import Outcome, Update

Record = Callable[[Callable[[], Outcome]], tuple[Callable[[], object], Outcome]]
"""Takes a computation, gives a function that repeats it and the outcome, which every repetition writes anew."""

_NUM_EAGER = 3  # updates before the recording, in which libraries choose their kernels and Adam makes its moments


class DeviceUpdate:
    """An update whose step number is on the device, too; with `record` it is recorded and replayed.

    Every number that changes from step to step, `step` and what was drawn, is written to tensors that stay where they
    are, so that recorded and not recorded updates compute the same. Neither waits for the device.

    Parameters
    ----------
    update
        To be taken.
    record
        As `cuda_graph`; None to run every update kernel by kernel.
    """

    def __init__(self, update: Update, device: torch.device, record: Record | None) -> None:
        self._update = update
        self._record = record
        self._step = torch.zeros((), device=device)
        self._drawn: Draws | None = None
        self._num_eager = 0
        self._replay: Callable[[], object] | None = None
        self._outcome: Outcome | None = None

    def __call__(self, drawn: Draws, step: int) -> Outcome:
        """As `Update` does."""
        self._step.fill_(step)
        if self._record is None or self._num_eager < _NUM_EAGER:
            self._num_eager += 1
            return self._update(drawn, self._step)
        kept = self._keep(drawn)
        if self._replay is None or self._outcome is None:
            self._replay, self._outcome = self._record(lambda: self._update(kept, self._step))
        self._replay()
        return replace(self._outcome, summands=self._outcome.summands.clone(), kl=self._outcome.kl.clone())

    def _keep(self, drawn: Draws) -> Draws:
        new = drawn.tensors()
        if self._drawn is None:
            self._drawn = Draws(**{name: value.clone() for name, value in new.items()})
        for name, place in self._drawn.tensors().items():
            place.copy_(new[name])
        return self._drawn


def cuda_graph(compute: Callable[[], Outcome]) -> tuple[Callable[[], object], Outcome]:
    """Record `compute` as a CUDA graph; it is not run by that, only by each call of what is returned."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outcome = compute()
    return graph.replay, outcome
