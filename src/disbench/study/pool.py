"""Where runs are done: worker processes of this machine, a scheduler of Dask, or a cluster."""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from disbench import catalogue, params

Connect = Callable[[], Any]

_UNTIL_GIVEN_UP = "5 minutes"
_SECONDS_BETWEEN_LOOKS = 10.0


@contextmanager
def local(jobs: int, *, gpu: bool = False) -> Iterator[Connect]:
    """Worker processes on this machine that listen on loopback only; cores are shared out among them.

    With `gpu`, each declares one, the same for all.
    """
    distributed = _distributed()
    with (
        _patient(),
        distributed.LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            memory_limit=None,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # these serve pages of Dask: None would be port 8787 on every address
            worker_dashboard_address="127.0.0.1:0",
            silence_logs="CRITICAL",
            resources={"GPU": 1} if gpu else None,
            preload="disbench.study.worker",
            env=_threads_of_a_worker(jobs),
        ) as cluster,
        _replaced(cluster, jobs),
    ):
        yield lambda: distributed.Client(cluster, set_as_default=False)


def _threads_of_a_worker(jobs: int) -> dict[str, str]:
    """What tells a worker's libraries, when they are loaded, how many threads to use; what the user has set stands.

    OMP_NUM_THREADS counts for the other libraries too: PyTorch takes MKL_NUM_THREADS in its place, and threads that a
    busy machine has no cores for wait for each other in loops, which made a step five times as much work.
    """
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    others = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {"OMP_NUM_THREADS": threads, **{name: os.environ.get(name, threads) for name in others}}


@contextmanager
def scheduler(address: str, seconds: float = 30.0) -> Iterator[Connect]:
    """A scheduler that runs already, whose workers see the same folders.

    Raises
    ------
    OSError
        When it is asked to connect and nothing answers.
    """
    distributed = _distributed()
    yield lambda: distributed.Client(address, timeout=seconds, set_as_default=False)


@contextmanager
def slurm(jobs: int, profile: Path | None) -> Iterator[Connect]:
    """Workers that are jobs of Slurm, started by dask-jobqueue and ended with the study.

    Scheduler and workers listen on the network that the profile names with `interface`, on every one without it. Their
    pages for browsers are served on loopback only, unless the profile gives them another address.

    Parameters
    ----------
    jobs
        Number of workers.
    profile
        YAML file with the arguments of `dask_jobqueue.SLURMCluster`, such as `cores`, `memory`, `queue`, `walltime`,
        `interface`; without it those of Dask's own configuration (jobqueue.slurm).

    Raises
    ------
    ValueError
        The profile has a key that dask-jobqueue does not know.
    """
    distributed = _distributed()
    from dask_jobqueue.slurm import SLURMCluster

    settings = {} if profile is None else params.read_mapping(profile)
    _check_profile(settings, profile)
    with _patient(), SLURMCluster(**_with_pages_on_loopback(settings)) as cluster, _replaced(cluster, jobs):
        yield lambda: distributed.Client(cluster, set_as_default=False)


@contextmanager
def _patient() -> Iterator[None]:
    """Let a worker that died come back by itself; Dask ends it for good after 15 s, which loading PyTorch may take."""
    import dask

    with dask.config.set({"distributed.deploy.lost-worker-timeout": _UNTIL_GIVEN_UP}):
        yield


@contextmanager
def _replaced(cluster: Any, jobs: int) -> Iterator[None]:
    """Start workers, and others in place of those that are gone for good: Dask does so only when it is asked again."""
    from distributed.core import Status
    from tornado.ioloop import PeriodicCallback

    def look() -> None:
        for name, worker in list(cluster.workers.items()):
            if worker.status in (Status.closed, Status.failed):
                del cluster.workers[name]
        cluster.scale(jobs)

    async def start() -> PeriodicCallback:
        look()
        again = PeriodicCallback(look, 1000 * _SECONDS_BETWEEN_LOOKS)
        again.start()
        return again

    async def stop() -> None:
        again.stop()

    again = cluster.sync(start)
    try:
        yield
    finally:
        cluster.sync(stop)


def _with_pages_on_loopback(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A profile whose scheduler and workers show what runs, and code, to nobody else; what it says itself stands."""
    import dask

    def configured(name: str, nothing: Any) -> Any:
        return settings.get(name) or dask.config.get(f"jobqueue.slurm.{name.replace('_', '-')}", nothing)

    arguments = list(configured("worker_extra_args", []))
    if not any(str(argument).startswith("--dashboard-address") for argument in arguments):
        arguments += ["--dashboard-address", "127.0.0.1:0"]
    options = {"dashboard_address": "127.0.0.1:0", **configured("scheduler_options", {})}
    return {**settings, "worker_extra_args": arguments, "scheduler_options": options}


def _check_profile(settings: Mapping[str, Any], profile: Path | None) -> None:
    from dask_jobqueue.core import Job, JobQueueCluster
    from dask_jobqueue.slurm import SLURMJob

    known = {
        name
        for part in (JobQueueCluster, Job, SLURMJob)
        for name, parameter in inspect.signature(part.__init__).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }
    for name in settings:
        if name not in known:
            raise ValueError(f"{profile}: {catalogue.no_such('argument of SLURMCluster', name, sorted(known))}")


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ValueError(f"a study runs on Dask ({error}); install it: pip install 'disbench[cluster]'") from error
    return distributed
