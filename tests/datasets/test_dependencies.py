"""A change of a module that a data set is read by makes its stage run again: DVC is told of each."""

import ast
from pathlib import Path

import pytest
import yaml
from tests import ROOT

from disbench import catalogue

DATASETS = Path("src/disbench/datasets")
CONVERT = yaml.safe_load((ROOT / "data/dvc.yaml").read_text())["stages"]["convert"]
NOT_READ_BY = {DATASETS / "_origin.py"}  # licences and addresses, no pixels


def modules_of(module: Path) -> set[Path]:
    """Modules of data sets that one imports, itself included."""
    found, left = set(), [module]
    while left:
        path = left.pop()
        if path in found or not (ROOT / path).is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("disbench.datasets"):
                package, _, name = (node.module or "").removeprefix("disbench.").partition(".")
                assert package == "datasets"
                left += [DATASETS / f"{part}.py" for part in ([name] if name else [a.name for a in node.names])]
    return found


@pytest.mark.parametrize("name", catalogue.names("datasets"))
def test_every_module_is_a_dependency(name: str) -> None:
    known = CONVERT["foreach"][name]
    deps = [dep.replace("${key}", name) for dep in CONVERT["do"]["deps"]]
    stated = {Path(known[dep[7:-1]] if dep.startswith("${item.") else dep) for dep in deps}
    assert modules_of(DATASETS / f"{name}.py") - NOT_READ_BY <= stated
