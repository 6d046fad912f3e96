"""A study that is killed at random moments, with its workers or without, ends with the same models and scores."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml
from tests.faults.stages import run, start
from tests.faults.test_kills import SIGNALS

from disbench.stages.convert import convert
from disbench.study import results
from disbench.workspace import find_leftovers, remove

STUDY = {
    "name": "little", "datasets": ["toy"], "objectives": {"beta_vae": {"beta": [1, 4]}}, "seeds": 2,
    "train": {"num_steps": 40, "batch_size": 16, "num_latents": 3, "checkpoint_seconds": 0.05},
    "metrics": {"mig": {"num_train": 200}},
}  # fmt: skip
COMMAND = "study run little.yaml --out out --data data/zarr --jobs 2"


def prepare(folder: Path) -> None:
    (folder / "temporary").mkdir()
    convert("toy", folder / "data/zarr/toy.zarr")
    (folder / "little.yaml").write_text(yaml.safe_dump(STUDY))


def finish(folder: Path) -> None:
    code, output = run(folder, COMMAND, TMPDIR=str(folder / "temporary"))
    assert code == 0, output
    for leftover in find_leftovers([folder / "out"]):
        remove(leftover)


def outcome(folder: Path) -> tuple[dict[str, bytes], list[object]]:
    """Models, and results without what says how long it took."""
    models = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("out/runs/*/model/*")}
    found = [result.model_dump(exclude={"seconds"}) for result in results.read_all(folder / "out")]
    return models, json.loads(json.dumps(found))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    prepare(folder)
    began = time.monotonic()
    finish(folder)
    return outcome(folder), time.monotonic() - began


def kill(folder: Path, seconds: float, rng: random.Random) -> bool:
    """Start the study and send a signal to it alone or to its workers too; return whether it had not ended yet."""
    process = start(folder, COMMAND, TMPDIR=str(folder / "temporary"))
    try:
        process.communicate(timeout=rng.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        everybody = psutil.Process(process.pid).children(recursive=True)
        send = rng.choice((os.kill, os.killpg))
        send(process.pid, rng.choice(SIGNALS))
        process.communicate(timeout=120)
        _, alive = psutil.wait_procs(everybody, timeout=60)
        assert not alive, "workers outlive the study that started them"
        return True
    return False


def study_with_kills(folder: Path, undisturbed: tuple[object, float], num_kills: int, seed: int) -> int:
    """Kill a study `num_kills` times, and a new one whenever one has ended before; return how many that took."""
    rng = random.Random(seed)  # noqa: S311
    killed, num_studies = 0, 0
    while killed < num_kills:
        study = folder / str(num_studies)
        num_studies += 1
        study.mkdir()
        prepare(study)
        while killed < num_kills and kill(study, undisturbed[1], rng):
            killed += 1
        finish(study)
        assert outcome(study) == undisturbed[0]
        left = [path for path in (study / "temporary").rglob("*") if path.is_file()]
        assert {path.parent.name for path in left} <= {"dask-scratch-space"}, "Dask's locks lie there, and nothing else"
    return num_studies


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_study_killed_many_times_ends_as_if_it_had_not_been(tmp_path, undisturbed, seed):
    num_studies = study_with_kills(tmp_path, undisturbed, num_kills=4, seed=seed)
    print(f"4 kills in {num_studies} studies")


@pytest.mark.slow
def test_two_studies_at_once_do_each_run_once(tmp_path, undisturbed):
    prepare(tmp_path)
    both = [start(tmp_path, COMMAND, TMPDIR=str(tmp_path / "temporary")) for _ in range(2)]
    for process in both:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        assert "4 runs finished and 0 failed now" in output
    assert outcome(tmp_path) == undisturbed[0]
    starts = [path.read_text().splitlines() for path in tmp_path.glob("out/runs/*/.lock")]
    assert [len(lines) for lines in starts] == [1, 1, 1, 1], "a run was started twice"
