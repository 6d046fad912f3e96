"""The notebook runs from its first cell to its last."""

import json

from tests import ROOT

NOTEBOOK = ROOT / "docs/notebooks/first-steps.ipynb"


def test_every_cell_of_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    notebook = json.loads(NOTEBOOK.read_text())
    assert notebook["nbformat"] == 4
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    namespace: dict[str, object] = {}
    for number, cell in enumerate(cells):
        exec(compile(cell, f"cell {number}", "exec"), namespace)  # noqa: S102
    assert set(namespace["scores"]) == {"perfect", "rotated", "noise"}
    assert list(tmp_path.rglob("toy.zarr"))


def test_the_notebook_is_stored_without_outputs():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
