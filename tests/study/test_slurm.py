"""The documented profile on a Slurm that is not one: `sbatch` starts the script it is given, `scancel` ends it."""

import os

import psutil
import pytest
import yaml
from tests.docs.snippets import snippets
from tests.study import standin

from disbench.study.conduct import Place, conduct

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
    here = {"interface": "lo", "scheduler_options": {"dashboard_address": "127.0.0.1:0"}}
    profile.write_text(yaml.safe_dump(documented() | here))
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


def test_a_profile_with_an_unknown_argument_is_refused(study, tmp_path, data):
    profile = tmp_path / "slurm.yaml"
    profile.write_text(yaml.safe_dump(documented() | {"wall_time": "24:00:00"}))
    place = Place(slurm=True, profile=profile)
    with pytest.raises(ValueError, match=r"no argument of SLURMCluster called 'wall_time'. Did you mean 'walltime'\?"):
        conduct(study(), tmp_path / "out", str(data), place, work=standin.work, say=lambda line: None)
