"""Many runs through real worker processes over TCP; a stand-in trains for a few milliseconds."""

import os
import random
import signal
from collections import Counter

import psutil
import pytest
from tests.study import standin

from disbench.study import pool, results, schema
from disbench.study.conduct import Place, conduct
from disbench.study.execute import Outcome
from disbench.study.runner import run_all
from disbench.study.tasks import todo


def conducted(study, out, data, work, **options):
    said = []
    tally = conduct(study, out, str(data), Place(jobs=1), work=work, say=said.append, **options)
    return tally, said


def notes(out):
    return Counter((out / "notes").read_text().splitlines())


def test_workers_are_killed_and_nothing_is_lost_or_double(study, tmp_path, data):
    loaded = schema.load(study(seeds=100))
    out = tmp_path / "out"
    tasks = todo([loaded.run(number) for number in range(loaded.num_runs)], out, str(data)).tasks
    assert len(tasks) == 400
    ended, rng, killed = [], random.Random(0), []  # noqa: S311
    with pool.local(2) as connect:
        killer = connect()

        def report(outcome: Outcome | None, num_running: int) -> None:
            if outcome is not None:
                ended.append(outcome.number)
                if len(ended) in (60, 180, 300):
                    killed.append(rng.choice(sorted(killer.run(os.getpid).values())))
                    os.kill(killed[-1], signal.SIGKILL)

        run_all([(task,) for task in tasks], connect, standin.work, report)
        killer.close()
    assert sorted(ended) == list(range(400))
    assert len(killed) == 3
    found = list(results.read_all(out))
    assert sorted(result.number for result in found) == list(range(400))
    assert {result.status for result in found} == {"finished"}
    started = notes(out)
    assert [what for what in started if what.startswith("again")] == []
    assert started.total() - 400 <= len(killed), "at most the run that a killed worker had is started again"


def test_failures_are_recorded_and_done_again_on_request(study, tmp_path, data):
    file, out = study(), tmp_path / "out"
    tally, said = conducted(file, out, data, standin.odd_seeds_fail)
    assert (tally.num_finished, tally.num_failed) == (4, 4)
    assert said[-1] == "ended: 4 runs finished and 4 failed now, 0 had ended before, 0 of 8 are left"
    assert said[0].startswith("failed: run ")
    tally, said = conducted(file, out, data, standin.work)
    assert tally.num_finished == 0
    assert said[0] == "4 runs had failed before; --retry-failed does just those"
    tally, _ = conducted(file, out, data, standin.odd_seeds_fail, retry_failed=True)
    assert tally.num_failed == 4, "failed again, with the same bytes"
    assert {result.error.splitlines()[-1] for result in results.read_all(out) if result.status == "failed"} == {
        "RuntimeError: seed 1 is odd"
    }
    tally, said = conducted(file, out, data, standin.work, retry_failed=True)
    assert (tally.num_finished, tally.num_failed) == (4, 0)
    assert notes(out) == Counter({f"started {number}": 1 for number in (0, 2, 4, 6)}) + Counter(
        {f"again {number}": 1 for number in (1, 3, 5, 7)}
    )
    log = (out / "study.log").read_text()
    assert "4 done, 0 running, 4 failed of 8" in log
    assert "models an hour" in log


def test_a_run_that_kills_its_workers_is_recorded_and_the_others_are_done(study, tmp_path, data):
    tally, _ = conducted(study(), tmp_path / "out", data, standin.kills_its_worker, where="dataset=tiny")
    assert (tally.num_finished, [outcome.number for outcome in tally.failed]) == (3, [1])
    (failed,) = [result for result in results.read_all(tmp_path / "out") if result.status == "failed"]
    assert "started 4 times, and each time its worker died" in failed.error


def test_a_run_takes_a_gpu_of_a_worker_that_has_one(study, tmp_path, data):
    said = []
    place = Place(jobs=1, gpu=True)
    tally = conduct(study(), tmp_path / "out", str(data), place, work=standin.work, where="number<3", say=said.append)
    assert tally.num_finished == 3


def test_everything_listens_on_loopback_only():
    here = psutil.Process()
    before = {connection.laddr for connection in here.net_connections("tcp")}
    others = here.children(recursive=True)  # a browser of other tests, say
    with pool.local(1) as connect:
        client = connect()
        processes = [here, *(child for child in here.children(recursive=True) if child not in others)]
        listening = {
            connection.laddr
            for process in processes
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        client.close()
    assert len(listening - before) >= 3, "scheduler, nanny, worker"
    assert {address.ip for address in listening - before} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"OMP_NUM_THREADS": "3"}, {"OMP": "3", "MKL": "3", "OPENBLAS": "3", "NUMBA": "3"}),
        ({"OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "5"}, {"OMP": "3", "MKL": "3", "OPENBLAS": "3", "NUMBA": "5"}),
        ({}, {"OMP": "6", "MKL": "6", "OPENBLAS": "6", "NUMBA": "6"}),
    ],
)
def test_workers_have_their_share_of_the_cores_unless_told_otherwise(monkeypatch, given, expected):
    names = {f"{library}_NUM_THREADS" for library in expected}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    with pool.local(2) as connect:
        client = connect()
        client.wait_for_workers(2, timeout=60)
        told = client.run(lambda: {name: os.environ[name] for name in names}).values()
        client.close()
    assert len(told) == 2
    assert all(found == {f"{library}_NUM_THREADS": value for library, value in expected.items()} for found in told)


def test_a_worker_that_dask_has_given_up_is_replaced(study, tmp_path, data, monkeypatch):
    monkeypatch.setattr(pool, "_UNTIL_GIVEN_UP", "1 ms")  # no worker comes back that fast
    monkeypatch.setattr(pool, "_SECONDS_BETWEEN_LOOKS", 0.5)
    loaded, killed = schema.load(study()), []
    tasks = todo([loaded.run(number) for number in range(loaded.num_runs)], tmp_path / "out", str(data)).tasks
    with pool.local(1) as connect:
        client = connect()

        def report(outcome: Outcome | None, num_running: int) -> None:
            if outcome is not None and not killed:
                killed.extend(client.run(os.getpid).values())
                os.kill(killed[0], signal.SIGKILL)

        run_all([(task,) for task in tasks], connect, standin.slow_work, report)
        (successor,) = client.run(os.getpid).values()
        client.close()
    assert successor not in killed
    assert {result.status for result in results.read_all(tmp_path / "out")} == {"finished"}


def test_a_scheduler_that_is_not_there_is_named():
    with pool.scheduler("tcp://127.0.0.1:9", seconds=1) as connect, pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
        connect()


def test_runs_that_the_study_no_longer_has_are_moved_out_and_back(study, tmp_path, data):
    out = tmp_path / "out"

    def numbers():
        return sorted(result.parameters["objectives.beta_vae.beta"] for result in results.read_all(out))

    for beta in ([1, 4], [4, 8], [1, 4]):
        file = study(objectives={"beta_vae": {"beta": beta}}, datasets=["tiny"], seeds=1)
        conducted(file, out, data, standin.work, only=True)
        assert numbers() == beta
    assert notes(out).total() == 3
    assert len(list((out / "former").iterdir())) == 1
