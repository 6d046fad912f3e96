"""Every metric says in its docstring what its scores can be, what their best value means, and where it comes from."""

import inspect
import re

import pytest
from tests import ROOT

from disbench import catalogue

METRICS = catalogue.names("metrics")
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def sections(name: str) -> dict[str, str]:
    """Sections of a docstring in NumPy's style, each on one line; the part before the first is called ''."""
    parts = re.split(r"^(\w+)\n-{3,}\n", inspect.getdoc(catalogue.find("metrics", name)) or "", flags=re.M)
    found = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    return {title: " ".join(text.split()) for title, text in found.items()}


@pytest.mark.parametrize("name", METRICS)
def test_range_and_meaning(name):
    returns = sections(name)["Returns"]
    assert re.search(r"in \[0, 1\]|at least 0|at most 1", returns), "the range"
    assert re.search(r"\b[01] (if|for)\b|\b1 is the largest value\b", returns), "what 1, or 0, means"


@pytest.mark.parametrize("name", METRICS)
def test_source_and_errors(name):
    found = sections(name)
    paper = re.search(r'(et al\.|\w), "', found["Notes"]) and re.search(
        r"(ICLR|ICML|NeurIPS|JMLR) 20\d\d", found["Notes"]
    )
    assert paper or "The reference's `" in found["Notes"]
    assert "Raises" in found
    assert len(found[""]) > 100, "the definition in words"


@pytest.mark.parametrize("name", METRICS)
def test_the_page_explains_the_metric(name):
    assert re.search(rf"^## .*\b{name}\b", PAGE, flags=re.M), "a section"
    assert re.search(rf"^\| \[`{name}`\]", PAGE, flags=re.M), "a row of the table"


def test_every_section_of_the_page_says_when_the_metric_misleads():
    texts = re.split(r"^## ", PAGE, flags=re.M)[1:]
    of_metrics = [text for text in texts if any(re.search(rf"\b{name}\b", text.splitlines()[0]) for name in METRICS)]
    assert len(of_metrics) == len(METRICS) - 1  # the two downstream tasks share one
    for text in of_metrics:
        assert "**Misleads" in text
        assert re.search(r"```python\n.*?\bassert\b.*?```", text, flags=re.S), text.splitlines()[0]
