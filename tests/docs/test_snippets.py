"""Every command and every Python snippet of the README and the documentation runs."""

import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from tests import ROOT
from tests.docs.snippets import PAGES, TAGS, commands, make_workspace, snippets
from tests.test_pipeline import Repository
from typer.testing import CliRunner

from disbench import FactorSpace
from disbench.cli import app

# What the pages call a data set that takes minutes stands for the toy set here.
SUBSTITUTIONS = {"dsprites_full": "toy", "=300000": "=40", "NAME": "$(dvc exp list --name-only | head -n 1)"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    make_workspace(folder)
    yield folder
    torch.set_num_threads(before)


@pytest.fixture
def copied(workspace, tmp_path, monkeypatch):
    """A copy of the workspace as the current folder; modules imported from it are forgotten."""
    shutil.copytree(workspace, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)) or name == "my_lab":
            del sys.modules[name]


def readers_own() -> dict[str, object]:
    """What a reader of the README has: codes and factors of points, and codes of all of dSprites."""
    rng = np.random.default_rng(0)
    space = FactorSpace(("shape", "scale"), (3, 6))
    factors = space.factors(rng.integers(18, size=400))
    codes = np.column_stack([factors + 0.1 * rng.normal(size=factors.shape), rng.normal(size=400)])
    all_codes = rng.normal(size=(737280, 3)).astype(np.float32)
    points = {"codes": codes, "factors": factors, "codes_test": codes[::2], "factors_test": factors[::2]}
    return {**points, "all_codes": all_codes}


def substituted(text: str) -> str:
    for written, run in SUBSTITUTIONS.items():
        text = text.replace(written, run)
    return text


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_whether_it_is_run(page):
    text = (ROOT / page).read_text()
    assert re.findall(r"^ *```(?!\w)(?!$).*", text, flags=re.M) == []
    opened = len(re.findall(r"^ *```", text, flags=re.M))
    assert opened == 2 * len(snippets(page)), "a block without a tag"
    assert {snippet.language for snippet in snippets(page)} <= TAGS
    for snippet in snippets(page):
        if snippet.language == "console":
            wrong = [line for line in commands(snippet) if not re.match(r"(disbench|dvc|python) ", line)]
            assert wrong == [], f"{page}:{snippet.line}: tag it `text` if it is not to be run"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(found.language in ("python", "console") for found in snippets(page))]
)
def test_snippets_run_in_the_order_of_the_page(page, copied):
    namespace = readers_own() if page == "README.md" else {}
    num_run = 0
    for snippet in snippets(page):
        where = f"{page}:{snippet.line}"
        if snippet.title is not None:
            (copied / snippet.title).parent.mkdir(parents=True, exist_ok=True)
            (copied / snippet.title).write_text(snippet.text)
        elif snippet.language == "python":
            exec(compile(substituted(snippet.text), where, "exec"), namespace)  # noqa: S102
            num_run += 1
        elif snippet.language == "console":
            for line in commands(snippet):
                num_run += run_command(substituted(line), where)
    assert num_run or any("dvc " in found.text for found in snippets(page))


def run_command(line: str, where: str) -> int:
    """Run a command of disbench in this process; those of DVC are left to the slow test."""
    if not line.startswith("disbench "):
        return 0
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, f"{where}: {line}: {result.output} {result.exception!r}"
    return 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(re.search(r"^dvc ", found.text, flags=re.M) for found in snippets(page))]
)
def test_commands_of_dvc_run_in_the_order_of_the_page(page, tmp_path):
    repository = Repository(tmp_path)
    repository.dvc("repro")
    for snippet in snippets(page):
        for line in commands(snippet) if snippet.language == "console" else []:
            if line.startswith("dvc "):
                command = f"{substituted(line)} > output 2>&1"
                done = subprocess.run(
                    ["bash", "-c", command], cwd=tmp_path, env=repository.environment, timeout=600, check=False
                )
                assert done.returncode == 0, f"{page}: {line}: {(tmp_path / 'output').read_text()}"
                if line.startswith("dvc queue start"):
                    subprocess.run(["dvc", "queue", "logs"], cwd=tmp_path, env=repository.environment, check=False)
                    wait_for_queue(repository)


def wait_for_queue(repository: Repository) -> None:
    import time

    deadline = time.monotonic() + 600
    while "Running" in (status := repository.dvc("queue", "status")) or "Queued" in status:
        assert time.monotonic() < deadline, status
        time.sleep(5)


def test_the_test_would_notice(copied):
    with pytest.raises(AssertionError, match=r"page: disbench no-such-command"):
        run_command("disbench no-such-command", "page")
