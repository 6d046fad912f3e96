"""The documented profile on a Slurm that is not one: `sbatch` starts the script it is given, `scancel` ends it."""

import os
import signal
import socket

import psutil
import pytest
import yaml
from tests.docs.snippets import snippets
from tests.study import standin

from disbench.study import pool, results, schema
from disbench.study.conduct import Place, conduct
from disbench.study.runner import run_all
from disbench.study.tasks import todo

SBATCH = """#!/bin/sh
script=$(mktemp "{jobs}/XXXXXX")
cp "$1" "$script"
setsid sh "$script" > "$script.log" 2>&1 < /dev/null &
echo "$!" > "$script.pid"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -- "-$1"
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Folder of what was submitted."""
    folder, programs = tmp_path / "jobs", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (programs / name).write_text(text.format(jobs=folder) if name == "sbatch" else text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return folder


def documented():
    (profile,) = [snippet for snippet in snippets("docs/studies.md") if snippet.title == "slurm.yaml"]
    return yaml.safe_load(profile.text)


def test_jobs_of_slurm_do_the_runs_of_a_study_and_end_with_it(study, tmp_path, data, jobs):
    profile = tmp_path / "slurm.yaml"
    profile.write_text(yaml.safe_dump(documented() | {"interface": "lo"}))
    place = Place(jobs=2, slurm=True, profile=profile, gpu=True)
    tally = conduct(study(), tmp_path / "out", str(data), place, work=standin.work, say=lambda line: None)
    assert (tally.num_finished, tally.num_failed) == (8, 0)
    scripts = [path.read_text() for path in jobs.iterdir() if not path.suffix]
    assert len(scripts) == 2
    for script in scripts:
        directives = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
        expected = {"-p gpu", "-n 1", "--cpus-per-task=1", "--mem=15G", "-t 24:00:00", "--gres=gpu:1"}
        assert expected <= set(directives)
        assert "--resources GPU=1" in script
    pids = [int(path.read_text()) for path in jobs.glob("*.pid")]
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    assert alive == []


@pytest.fixture
def network():
    """Address of this machine in a network that is not loopback, and the name of its card."""
    stats = psutil.net_if_stats()
    for name, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if stats[name].isup and address.family == socket.AF_INET and not address.address.startswith("127."):
                return name, address.address
    pytest.skip("this machine is in no network")


def connections(process):
    """Those of a process and its children: other tests of this process may have left a browser's driver."""
    family = [process, *process.children(recursive=True)]
    return [connection for each in family for connection in each.net_connections("tcp")]


def listening(process, before=()):
    """IP addresses at which a process and its children listen."""
    return {
        connection.laddr.ip
        for connection in connections(process)
        if connection.status == psutil.CONN_LISTEN and connection not in before
    }


def test_pages_are_on_loopback_and_the_rest_in_the_network_of_the_profile(tmp_path, jobs, network):
    card, address = network
    profile = tmp_path / "slurm.yaml"
    profile.write_text(yaml.safe_dump({"cores": 1, "memory": "1GB", "interface": card}))
    here = psutil.Process()
    before = connections(here)
    with pool.slurm(1, profile) as connect:
        client = connect()
        client.wait_for_workers(1, timeout=60)
        assert listening(here, before) == {"127.0.0.1", address}
        (pid,) = jobs.glob("*.pid")
        assert listening(psutil.Process(int(pid.read_text()))) == {"127.0.0.1", address}
        client.close()


def test_a_job_that_ends_before_the_study_is_replaced(study, tmp_path, data, jobs, monkeypatch):
    monkeypatch.setattr(pool, "_UNTIL_GIVEN_UP", "1 ms")
    monkeypatch.setattr(pool, "_SECONDS_BETWEEN_LOOKS", 0.5)
    profile = tmp_path / "slurm.yaml"
    profile.write_text(yaml.safe_dump({"cores": 1, "memory": "1GB", "interface": "lo"}))
    loaded, ended = schema.load(study()), []
    tasks = todo([loaded.run(number) for number in range(loaded.num_runs)], tmp_path / "out", str(data)).tasks

    def report(outcome, num_running):
        if outcome is not None and not ended:
            (pid,) = jobs.glob("*.pid")
            ended.append(int(pid.read_text()))
            os.killpg(ended[0], signal.SIGKILL)

    with pool.slurm(1, profile) as connect:
        run_all([(task,) for task in tasks], connect, standin.slow_work, report)
    assert len(list(jobs.glob("*.pid"))) == 2
    assert sorted(result.number for result in results.read_all(tmp_path / "out")) == list(range(8))


def test_a_profile_may_show_pages_elsewhere(tmp_path, jobs):
    profile = tmp_path / "slurm.yaml"
    own = {
        "scheduler_options": {"dashboard_address": "127.0.0.2:0"},
        "worker_extra_args": ["--dashboard-address", "127.0.0.3:0"],
    }
    profile.write_text(yaml.safe_dump({"cores": 1, "memory": "1GB", "interface": "lo"} | own))
    here = psutil.Process()
    before = connections(here)
    with pool.slurm(1, profile) as connect:
        client = connect()
        client.wait_for_workers(1, timeout=60)
        assert listening(here, before) == {"127.0.0.1", "127.0.0.2"}
        (pid,) = jobs.glob("*.pid")
        assert listening(psutil.Process(int(pid.read_text()))) == {"127.0.0.1", "127.0.0.3"}
        client.close()


def test_a_profile_with_an_unknown_argument_is_refused(study, tmp_path, data):
    profile = tmp_path / "slurm.yaml"
    profile.write_text(yaml.safe_dump(documented() | {"wall_time": "24:00:00"}))
    place = Place(slurm=True, profile=profile)
    with pytest.raises(ValueError, match=r"no argument of SLURMCluster called 'wall_time'. Did you mean 'walltime'\?"):
        conduct(study(), tmp_path / "out", str(data), place, work=standin.work, say=lambda line: None)
