import json
import re
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import disbench
from disbench.cli import app
from tests import ROOT

COMMANDS = ["check", "fetch", "convert", "train", "postprocess", "evaluate", "score", "metrics", "objectives"]
COMMANDS += ["encode", "export", "visualize", "import-pretrained", "report", "reproduce", "verify", "clean"]
GROUPS = {
    "datasets": ["show", "preview", "verify"],
    "study": ["list", "plan", "run", "show", "table", "analyse", "draw"],
}
runner = CliRunner()


def disbench_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "disbench", *arguments], capture_output=True, text=True, cwd=ROOT / "src"
    )


def plain(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", "", text).split())


def test_help_lists_every_command():
    listed = runner.invoke(app, ["--help"])
    assert listed.exit_code == 0
    assert [name for name in COMMANDS if name not in listed.output] == []
    assert sorted(command.name or command.callback.__name__ for command in app.registered_commands) == sorted(COMMANDS)
    assert [group.name for group in app.registered_groups] == list(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_lists_its_commands(group):
    listed = runner.invoke(app, [group, "--help"])
    assert listed.exit_code == 0
    assert [name for name in GROUPS[group] if name not in listed.output] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name):
    result = runner.invoke(app, [name, "--help"])
    assert result.exit_code == 0
    command = next(c for c in app.registered_commands if (c.name or c.callback.__name__) == name)
    assert command.callback.__doc__ in plain(result.output)
    assert [
        line for line in result.output.splitlines() if re.search(r"--\w+\s+(TEXT|PATH|INTEGER|FLOAT)\s*│$", line)
    ] == []


@pytest.mark.parametrize(
    ("name", "rows"),
    [("datasets", ["dsprites_full", "toy"]), ("metrics", ["mig", "num_bins"]), ("objectives", ["beta_vae", "beta"])],
)
def test_lists_tell_what_there_is(name, rows):
    result = runner.invoke(app, [name])
    assert result.exit_code == 0
    assert [row for row in rows if row not in result.output] == []


def test_scoring_files_prints_what_the_function_returns(tmp_path):
    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(300, 2))
    codes = np.concatenate([factors + 0.1 * rng.normal(size=(300, 2)), rng.normal(size=(300, 2))], axis=1)
    np.save(tmp_path / "codes.npy", codes)
    np.savetxt(tmp_path / "factors.csv", factors, delimiter=",")
    arguments = [
        "score",
        str(tmp_path / "codes.npy"),
        "--factors",
        str(tmp_path / "factors.csv"),
        "--metrics",
        "mig,sap",
    ]
    result = runner.invoke(app, [*arguments, "--json"])
    assert json.loads(result.output) == {name: disbench.score(name, codes, factors) for name in ("mig", "sap")}
    table = runner.invoke(app, arguments)
    assert "discrete_mig" in table.output
    assert "SAP_score" in table.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "none.npy", "--factors", "none.npy"], "disbench: none.npy: no such file"),
        (["convert", "dsprite_full", "--out", "x.zarr"], "Did you mean 'dsprites_full'?"),
        (["evaluate", "mig", "--params", "p.yaml", "--table", "t.zarr", "--scores", "s.json"], "p.yaml"),
    ],
)
def test_a_mistake_is_one_message_without_traceback(arguments, message):
    result = disbench_command(*arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_unknown_command_is_refused():
    result = disbench_command("evalute")
    assert result.returncode == 2
    assert "Did you mean 'evaluate'?" in plain(result.stderr)
