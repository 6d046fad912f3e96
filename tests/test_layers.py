"""Imports point down; heavy packages are loaded only by what needs them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "disbench"

# What each layer may import of the package; `annotations` under TYPE_CHECKING count too.
ALLOWED = {
    "factors": set(),
    "seeds": set(),
    "files": set(),
    "arrays": set(),
    "progress": set(),
    "download": {"transfer"},
    "transfer": {"files", "progress"},
    "slots": set(),
    "table": {"factors"},
    "metrics": {"factors", "table"},
    "catalogue": set(),
    "params": {"catalogue", "files"},
    "scoring": {"catalogue", "factors", "metrics", "seeds", "table"},
    "storage": {"factors", "table"},
    "datasets": {"factors"},
    "observations": {"catalogue", "storage"},
    "models": {"files", "seeds"},
    "objectives": {"models"},
    "training": {"factors", "files", "models", "objectives", "observations", "progress", "seeds", "storage"},
    "stages": {
        "catalogue", "datasets", "download", "files", "models", "objectives", "observations", "params", "progress",
        "pictures", "report", "scoring", "seeds", "storage", "table", "training", "transfer",
    },
    "report": {
        "catalogue", "factors", "metrics", "models", "observations", "params", "progress", "seeds", "storage", "table",
        "training",
    },
    "cli_report": {"stages", "study"},
    "pictures": {
        "catalogue", "factors", "files", "metrics", "models", "observations", "seeds", "storage", "study", "table",
    },
    "cli_pictures": {"pictures", "study"},
    "inventory": {"catalogue", "datasets", "factors", "progress", "storage"},
    "cli_datasets": {"catalogue", "datasets", "inventory", "pictures", "stages", "storage"},
    "workspace": {"models", "params", "storage", "training"},
    "cli_workspace": {"progress", "workspace"},
    "encoding": {"models", "seeds", "storage", "training"},
    "study": {
        "catalogue", "files", "models", "objectives", "params", "progress", "scoring", "seeds", "stages",
        "storage", "table", "training",
    },
    "cli_runs": {"pictures", "progress", "study"},
    "cli_study": {"cli_pictures", "study"},
    "pretrained": {"files", "models"},
    "cli_models": {"encoding", "models", "pretrained"},
    "cli_scores": {"arrays", "catalogue", "scoring", "slots"},
    "cli": {
        "cli_datasets", "cli_models", "cli_pictures", "cli_report", "cli_runs", "cli_scores", "cli_study",
        "cli_workspace", "catalogue", "files", "params", "stages",
    },
    "__main__": {"cli"},
    "__init__": {"factors", "models", "scoring", "slots", "storage", "study", "table"},
}  # fmt: skip
# Of YAML, `params` reads what users write, `datasets` the list of sources that is part of the package.
CLI = {"cli", "cli_datasets", "cli_models", "cli_pictures", "cli_report", "cli_runs", "cli_scores", "cli_study"}
CLI |= {"cli_workspace"}
ONLY_IN = {"zarr": {"storage"}, "yaml": {"params", "datasets"}, "typer": CLI, "dvclive": {"stages"}}
ONLY_IN |= {"fsspec": {"storage"}, "distributed": {"study"}, "dask_jobqueue": {"study"}}
ONLY_IN |= {"matplotlib": {"pictures"}}
WITHOUT_TORCH = {
    "factors",
    "table",
    "metrics",
    "scoring",
    "catalogue",
    "params",
    "storage",
    "datasets",
    "download",
    "transfer",
}
NEVER_IN = {"torch": WITHOUT_TORCH | CLI}


def layer_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "disbench":
            found |= {f"disbench.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def violations(path: Path, imported: set[str]) -> list[str]:
    layer = layer_of(path)
    wrong = []
    for name in imported:
        top, *inner = name.split(".")
        if top == "disbench" and inner and inner[0] != layer and inner[0] not in ALLOWED[layer]:
            wrong.append(f"{layer} imports {inner[0]}")
        if layer not in ONLY_IN.get(top, {layer}) or layer in NEVER_IN.get(top, set()):
            wrong.append(f"{layer} imports {top}")
    return wrong


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path):
    assert violations(path, imports_of(path)) == []


@pytest.mark.parametrize("imported", ["torch", "zarr", "yaml", "disbench.storage", "disbench.cli"])
def test_the_rule_would_notice(imported):
    assert violations(SOURCE / "metrics" / "mig.py", {imported})


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(name for name in sys.modules if '.' not in name))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SOURCE.parent)
    return set(result.stdout.split())


SCORE = "import disbench; disbench.score('mig', [[0., 1.], [1., 0.], [1., 2.]], [[0], [1], [1]])"


@pytest.mark.parametrize("statement", ["import disbench", SCORE, "import disbench.cli"])
def test_scoring_codes_loads_neither_torch_nor_zarr(statement):
    assert not {"torch", "zarr", "dvc", "pandas"} & loaded_by(statement)


def test_the_fresh_interpreter_would_notice():
    assert "zarr" in loaded_by("import disbench; disbench.open_table")


def test_only_the_lines_of_a_log_are_dated_by_a_clock_that_can_jump():
    clock = re.compile(r"\btime\.(time|time_ns|localtime|gmtime|ctime|strftime)\(|\bdatetime\b|from time import")
    assert [path.name for path in SOURCE.rglob("*.py") if clock.search(path.read_text())] == ["watch.py"]
