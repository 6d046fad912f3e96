"""Snippets of a page of documentation, in order, and a workspace in which they run.

A block tagged `python` or `console` is run by the tests; with a title it is a file that is written instead. A block
tagged `text` is not run: what needs a download, minutes, or a cluster.
"""

import re
import shutil
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from benchmarks.study_table import simulate
from tests import ROOT

from disbench.stages.convert import convert
from disbench.stages.evaluate import evaluate
from disbench.stages.postprocess import postprocess
from disbench.stages.train import train

TAGS = {"python", "console", "yaml", "text", "bash", "json", "toml", "svg", "mermaid"}
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))]

_BLOCK = re.compile(r'^( *)```(\w+)(?: title="([^"]+)")?[^\n]*\n(.*?)^\1```$', re.M | re.S)


@dataclass(frozen=True)
class Snippet:
    language: str
    title: str | None
    text: str
    line: int


def snippets(page: str) -> list[Snippet]:
    content = (ROOT / page).read_text()
    found = []
    for match in _BLOCK.finditer(content):
        indent, language, title, text = match.groups()
        dedented = re.sub(f"^{indent}", "", text, flags=re.M)
        found.append(Snippet(language, title, dedented, content[: match.start()].count("\n") + 1))
    return found


def commands(snippet: Snippet) -> list[str]:
    """Lines of a console block without comments; a backslash joins a line with the next."""
    joined = snippet.text.replace("\\\n", " ")
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()) if line]


def small_params() -> dict[str, Any]:
    """The committed params.yaml, but for the toy data set and a few steps."""
    params: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["dataset"]["name"] = "toy"
    params["train"] |= {"num_steps": 20, "log_every": 10, "batch_size": 16, "precision": "float32"}
    params["metrics"] = {"mig": {"num_train": 200}, "dci": {"num_train": 200, "num_test": 100}}
    return params


def make_workspace(folder: Path) -> None:
    """What `dvc repro` leaves, made by the stages themselves, and the results of a study, which are simulated."""
    params = folder / "params.yaml"
    params.write_text(yaml.safe_dump(small_params(), sort_keys=False))
    store, model, table = folder / "data/zarr/toy.zarr", folder / "data/run/model", folder / "data/run/table.zarr"
    metrics = folder / "reports/metrics"
    shutil.copy(ROOT / "tests/golden/pretrained/0.zip", folder)
    simulate(folder / "data/mine", {"dsprites_full": 5, "cars3d": 3}, num_seeds=2, num_settings=12)
    convert("toy", store)
    with chdir(folder):  # DVCLive looks for a repository around the current folder
        train(
            params_path=params, store_path=store, checkpoints=folder / "data/checkpoints", model=model,
            log=folder / "reports/train", scores_path=metrics / "train.json",
        )  # fmt: skip
    postprocess(params_path=params, store_path=store, model=model, table_path=table)
    for metric in ("mig", "dci"):
        evaluate(metric, params_path=params, table_path=table, scores_path=metrics / f"{metric}.json")
