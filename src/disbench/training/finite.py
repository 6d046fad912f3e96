"""Stops a run whose loss or weights are no longer finite, before anything of it is written."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from disbench.training.checkpoint import CheckpointFolder


class DivergedError(ValueError):
    """The loss or a weight is not finite; there is no trained model."""


def require_finite_terms(
    names: Sequence[str], values: Sequence[Tensor], last_step: int, checkpoints: CheckpointFolder | None
) -> None:
    """Raise DivergedError that names the first step with a summand that is not finite.

    Parameters
    ----------
    names
        Of the summands.
    values
        Summands (number of names,) of consecutive steps, the last of which is `last_step`; they are looked at together,
        so that a device is waited for once.
    checkpoints
        Where the last good state is.
    """
    if not values:
        return
    table = torch.stack(list(values)).cpu()
    wrong = (~table.isfinite()).any(1).nonzero()
    if len(wrong):
        first = int(wrong[0])
        step = last_step - len(values) + 1 + first
        row = dict(zip(names, table[first].tolist(), strict=True))
        terms = {name: value for name, value in row.items() if not torch.tensor(value).isfinite()}
        raise DivergedError(_text(f"at step {step:,} the loss has {terms!r}", checkpoints))


def require_finite_weights(modules: Mapping[str, nn.Module], step: int, checkpoints: CheckpointFolder | None) -> None:
    """Raise DivergedError that names the weights which the update of this step made infinite or not a number."""
    named = {f"{part}.{name}": weight for part, module in modules.items() for name, weight in module.named_parameters()}
    if not named:
        return
    finite = torch.stack([weight.detach().isfinite().all() for weight in named.values()]).tolist()
    wrong = [name for name, good in zip(named, finite, strict=True) if not good]
    if wrong:
        raise DivergedError(_text(f"after step {step:,} these weights are not finite: {', '.join(wrong)}", checkpoints))


def _text(what: str, checkpoints: CheckpointFolder | None) -> str:
    good = checkpoints.newest() if checkpoints is not None else None
    return (
        f"training diverged: {what}; nothing was written. "
        + (f"The last good checkpoint is {good}. " if good else "There is no good checkpoint. ")
        + "Lower `train.learning_rate` or the objective's hyper-parameters"
    )
