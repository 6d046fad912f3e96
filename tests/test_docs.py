"""What the README says exists."""

import re
import shlex

import yaml

from disbench import catalogue
from disbench.cli import app
from tests import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands}
COMMANDS |= {str(group.name) for group in app.registered_groups}


def test_every_command_that_the_readme_types_exists():
    names = set(re.findall(r"`disbench ([a-z-]+)", README))
    assert names
    assert names <= COMMANDS
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_every_path_of_the_tree_exists():
    tree = README.split("```text\ndvc.yaml")[1].split("```")[0]
    for name in re.findall(r"^    (\w+(?:\.py|/))", tree, flags=re.M):
        assert (ROOT / "src/disbench" / name).exists(), name


def test_every_parameter_that_the_readme_sets_exists():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings = [
        word
        for line in README.splitlines()
        if "exp run" in line
        for word in shlex.split(line.replace("`", " "), comments=True)
    ]
    changed = [word.split("=")[0] for word in settings if re.match(r"[a-z_]+\.[a-z_.]+=", word)]
    assert changed
    for path in changed:
        value = params
        for part in path.split("."):
            assert part in value, path
            value = value[part]


def test_the_pipeline_evaluates_metrics_that_exist():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    evaluated = pipeline["vars"][0]["scored"]["metric"]
    assert set(evaluated) <= set(catalogue.names("metrics"))
    assert set(evaluated) <= set(yaml.safe_load((ROOT / "params.yaml").read_text())["metrics"])
    stages = yaml.safe_load((ROOT / "data/dvc.yaml").read_text())["stages"]
    assert set(stages["convert"]["foreach"]) == set(catalogue.names("datasets"))


def test_dependencies_of_stages_exist():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    made = {out for stage in stages for out in stage.get("outs", [])}
    for path in {path for stage in stages for path in stage["deps"]} - made:
        assert path.startswith(("data/", "reports/")) or (ROOT / path).exists(), path
