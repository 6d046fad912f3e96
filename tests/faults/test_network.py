"""No stage but fetch opens a connection, and two processes do not train one run."""

import subprocess
import sys

import pytest
from tests import ROOT
from tests.faults.stages import ENVIRONMENT, STAGES, run, start, write_params

HOOK = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        open("connections", "a").write(f"{event} {arguments}\\n")
        raise PermissionError(f"the tests allow no connection: {event} {arguments}")

sys.addaudithook(watch)
"""


def test_no_stage_opens_a_connection(tmp_path):
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook/sitecustomize.py").write_text(HOOK)
    write_params(tmp_path, num_steps=5)
    (tmp_path / "codes.csv").write_text("a,b\n0,1\n1,0\n2,3\n")
    paths = {"PYTHONPATH": f"{tmp_path / 'hook'}:{ROOT / 'src'}"}
    score = "score codes.csv --factors codes.csv --metrics mig"
    for stage in (*STAGES, score, "verify", "clean", "datasets"):
        code, output = run(tmp_path, stage, **paths)
        assert code == 0, output
    assert not (tmp_path / "connections").exists()
    connect = "import socket; socket.create_connection(('127.0.0.1', 9))"
    refused = subprocess.run([sys.executable, "-c", connect], cwd=tmp_path, env=ENVIRONMENT | paths, check=False)
    assert refused.returncode != 0
    assert (tmp_path / "connections").exists(), "the hook would not notice"


@pytest.mark.slow
def test_a_second_process_on_the_same_run_is_turned_away(tmp_path):
    write_params(tmp_path, num_steps=2000)
    assert run(tmp_path, "convert")[0] == 0
    first = start(tmp_path, "train")
    while not list((tmp_path / "data").rglob("lock")):
        assert first.poll() is None
    code, output = run(tmp_path, "train")
    assert code == 1
    assert "another process is training this run" in output
    first.kill()
    first.communicate()
