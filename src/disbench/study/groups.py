"""Which runs of a study are trained together: those that differ in seed and in numbers of the objective only."""

import json
from collections import Counter
from collections.abc import Sequence

from disbench import catalogue
from disbench.study.execute import Task
from disbench.study.runs import Run

_ON_A_GPU = 8

Group = tuple[Task, ...]
"""Runs that one worker trains together before each is encoded and scored; a single one is done alone."""


def grouped(tasks: Sequence[Task], runs: Sequence[Run], together: int | None, *, gpu: bool = False) -> list[Group]:
    """Put tasks that can be trained together into groups; the order is that of the first of each.

    Which runs belong together follows from the study alone, not from what is left of it, so that a group that was
    stopped is the same group when it is started again and finds its checkpoint. A run that has a checkpoint of its own
    or is trained already is done alone.

    Parameters
    ----------
    tasks
        Runs to be done.
    runs
        All runs of the study, in the order of their numbers.
    together
        How many are trained together at most. None: 8 of a built-in objective where they train on a GPU, one elsewhere,
        where training together is slower.
    gpu
        Whether a run for which any device will do gets a GPU.
    """
    places = _places(runs, together, gpu)
    groups: dict[object, list[Task]] = {}
    for task in tasks:
        alone = (task.folder / "model" / "model.json").is_file() or (task.folder / "checkpoints").is_dir()
        groups.setdefault(("alone", task.run.number) if alone else places[task.run.number], []).append(task)
    return [tuple(group) for group in groups.values()]


def _places(runs: Sequence[Run], together: int | None, gpu: bool) -> dict[int, tuple[str, int]]:
    """The group of each run, by number: what its members share, and a counter."""
    counts: Counter[str] = Counter()
    places = {}
    for run in runs:
        most = _most(run, gpu) if together is None else together
        shared = _shared(run)
        places[run.number] = (shared, counts[shared] // most)
        counts[shared] += 1
    return places


def _most(run: Run, gpu: bool) -> int:
    on_gpu = run.train.device == "cuda" or (gpu and run.train.device == "auto")
    return _ON_A_GPU if on_gpu and run.train.objective in catalogue.names("objectives") else 1


def _shared(run: Run) -> str:
    """All that runs must have in common to be trained together."""
    fixed = {name: value for name, value in run.hyperparameters.items() if type(value) not in (int, float)}
    train = run.train.model_dump(exclude={"seed"})
    return json.dumps([run.dataset, train, sorted(run.hyperparameters), fixed], sort_keys=True)
