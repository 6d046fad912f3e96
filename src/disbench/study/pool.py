"""Where runs are done: worker processes of this machine, a scheduler of Dask, or a cluster."""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from disbench import catalogue, params

Connect = Callable[[], Any]


@contextmanager
def local(jobs: int, *, gpu: bool = False) -> Iterator[Connect]:
    """Worker processes on this machine that listen on loopback only; cores are shared out among them.

    With `gpu`, each declares one, the same for all.
    """
    distributed = _distributed()
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    with (
        # These are read when a worker's libraries are loaded; what the user has set stands.
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
            env={name: os.environ.get(name, threads) for name in names},
        ) as cluster
    ):
        yield lambda: distributed.Client(cluster, set_as_default=False)


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
    with SLURMCluster(**settings) as cluster:
        cluster.scale(jobs)
        yield lambda: distributed.Client(cluster, set_as_default=False)


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
