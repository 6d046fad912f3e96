"""Modules of the same kind in one, whose parameters have an axis of models in front."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import nn

from disbench.objectives._objective import Objective

Module = TypeVar("Module", bound=nn.Module)


def stack_modules(modules: Sequence[Module]) -> Module:
    """A copy of the first module with the parameters of all of them, each (number of modules, ...)."""
    stacked = deepcopy(modules[0])
    for name, _ in modules[0].named_parameters():
        values = torch.stack([module.get_parameter(name).detach() for module in modules])
        owner, _, leaf = name.rpartition(".")
        setattr(stacked.get_submodule(owner), leaf, nn.Parameter(values))
    return stacked


def unstack_module(stacked: Module, modules: Sequence[Module]) -> None:
    """Give every module its parameters back."""
    with torch.no_grad():
        for name, values in stacked.named_parameters():
            for module, value in zip(modules, values, strict=True):
                module.get_parameter(name).copy_(value)


def stack_objectives(objectives: Sequence[Objective], device: torch.device) -> Objective:
    """One objective for all models; hyper-parameters that are numbers and differ become tensors (number of models,).

    Raises
    ------
    ValueError
        If the objectives are of several kinds, or differ in something that is not a number.
    """
    kinds = {type(objective).__name__ for objective in objectives}
    if len(kinds) > 1:
        raise ValueError(f"models trained together share one objective; got {', '.join(sorted(kinds))}")
    stacked = stack_modules(objectives)
    for name, value in vars(objectives[0]).items():
        if name.startswith("_") or name == "training":
            continue
        values: list[Any] = [getattr(objective, name) for objective in objectives]
        if all(other == value for other in values):
            continue
        if not all(isinstance(other, int | float) and not isinstance(other, bool) for other in values):
            raise ValueError(
                f"models trained together may differ in numbers only; got {name}={values!r}: train them apart"
            )
        setattr(stacked, name, torch.tensor(values, dtype=torch.float32, device=device))
    return stacked
