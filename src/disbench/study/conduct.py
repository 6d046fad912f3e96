"""Run a study from its file: what is still to be done, where, and what is said about it at the end."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disbench.study import pool, schema
from disbench.study.compute import compute, train_together
from disbench.study.execute import Work
from disbench.study.groups import grouped
from disbench.study.pool import Connect
from disbench.study.runner import run_all
from disbench.study.tasks import fingerprints, set_aside, todo
from disbench.study.watch import Tally, watching
from disbench.study.where import select

_NUM_NAMED = 10


@dataclass(frozen=True)
class Place:
    """Where runs are done: on this machine, or by a scheduler that runs already, or on Slurm.

    Parameters
    ----------
    jobs
        Worker processes of this machine, or jobs of Slurm.
    scheduler
        Address of a scheduler.
    slurm, profile
        Whether to start jobs of Slurm, and how.
    gpu
        Whether a run takes one of the resource GPU.
    """

    jobs: int = 1
    scheduler: str | None = None
    slurm: bool = False
    profile: Path | None = None
    gpu: bool = False

    def has_gpu(self) -> bool:
        """Whether a run gets a GPU: it asks for one, or this machine has one and does the runs."""
        if self.gpu or self.scheduler is not None or self.slurm:
            return self.gpu
        from disbench.training.devices import choose_device

        return choose_device("auto").type == "cuda"

    def connected(self) -> AbstractContextManager[Connect]:
        """What makes clients, while the block lasts."""
        if self.scheduler is not None and self.slurm:
            raise ValueError("expected --scheduler or --cluster; got both")
        if self.scheduler is not None:
            return pool.scheduler(self.scheduler)
        return pool.slurm(self.jobs, self.profile) if self.slurm else pool.local(self.jobs, gpu=self.gpu)


def conduct(
    study: str,
    out: Path,
    data: str,
    place: Place,
    *,
    where: str = "",
    retry_failed: bool = False,
    keep_tables: bool = False,
    only: bool = False,
    together: int | None = 1,
    work: Work = compute,
    say: Callable[[str], Any] = lambda line: print(line, file=sys.stderr, flush=True),
) -> Tally:
    """Do the runs of a study that have no result yet, and say how it went.

    Parameters
    ----------
    study
        Name of a published one, or a file.
    out
        Folder of results, which every worker sees under the same path.
    data
        Folder or address of the image stores.
    place
        Where runs are done.
    where
        Conditions on runs, as `select` takes them.
    retry_failed
        Do the runs that failed, and no others.
    keep_tables
        Keep representations.
    only
        Move results of runs that the study does not have out of the way first: from `runs` to `former`.
    together
        How many runs are trained together at most, as `grouped` takes it.
    work
        What is done for a run.
    say
        Takes each line of the summary.

    Returns
    -------
    tally
        Counts of what ended; `interrupted` after Ctrl-C or SIGTERM.

    Raises
    ------
    ValueError
        The study, a condition or a data set is wrong; nothing has run by then.
    OSError
        There is no scheduler.
    """
    out = out.resolve()
    loaded = schema.load(study)
    everything = [loaded.run(number) for number in range(loaded.num_runs)]
    runs = select(loaded, where)
    if not runs:
        raise ValueError(f"no run of {study} fulfils {where!r}")
    data = data if "://" in data else str(Path(data).resolve())
    if only:
        num_moved = set_aside(out, fingerprints(everything, data))
        if num_moved:
            say(f"{num_moved:,} runs that the study does not have lie in {out / 'former'} now")
    remaining = todo(runs, out, data, retry_failed=retry_failed, keep_tables=keep_tables)  # fmt: skip
    total = len(remaining.tasks) if retry_failed else len(runs)
    groups = grouped(remaining.tasks, everything, together, gpu=together is None and place.has_gpu())
    tally = Tally(total, before=0 if retry_failed else remaining.num_finished + remaining.num_failed)
    out.mkdir(parents=True, exist_ok=True)
    if groups:
        try:
            with (
                _terminated_as_interrupted(),
                place.connected() as connect,
                watching(tally, out / "study.log") as report,
            ):
                run_all(
                    groups,
                    connect,
                    work,
                    report,
                    joint_work=train_together,
                    note=say,
                    resources={"GPU": 1} if place.gpu else None,
                )
        except KeyboardInterrupt:
            tally.interrupted = True
    _summarise(tally, remaining.num_failed if not retry_failed else 0, out, say)
    return tally


def _summarise(tally: Tally, num_failed_before: int, out: Path, say: Callable[[str], Any]) -> None:
    for outcome in tally.failed[:_NUM_NAMED]:
        say(f"failed: run {outcome.number}, {out / 'runs' / outcome.fingerprint / 'result.json'}")
    if len(tally.failed) > _NUM_NAMED:
        say(f"... and {len(tally.failed) - _NUM_NAMED:,} more")
    if num_failed_before:
        say(f"{num_failed_before:,} runs had failed before; --retry-failed does just those")
    left = tally.total - tally.num_ended
    before = f"{tally.before:,} had ended before"
    state = "stopped" if tally.interrupted else "ended"
    again = "; the same command goes on" if left else ""
    now = f"{tally.num_finished:,} runs finished and {tally.num_failed:,} failed now"
    say(f"{state}: {now}, {before}, {left:,} of {tally.total:,} are left{again}")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM stop a study as Ctrl-C does."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
