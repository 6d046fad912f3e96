"""Write the tables of docs/performance.md from the results of the benchmarks: `python benchmarks/tables.py`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

_TABLE = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.S)


def filled(page: str) -> str:
    """The page with every table between its markers written anew."""
    return _TABLE.sub(lambda match: f"{match[1]}\n{table(match[2])}\n{match[3]}", page)


def named(page: str) -> list[str]:
    """Names of the results that the page shows."""
    return [match[2] for match in _TABLE.finditer(page)]


def table(name: str) -> str:
    """Markdown table of one file of results, a row for each value."""
    rows = _rows(json.loads((RESULTS / f"{name}.json").read_text()))
    return "| measured | value |\n|---|---|\n" + "".join(f"| {key} | {_text(value)} |\n" for key, value in rows)


def _rows(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _rows(value, f"{prefix}{key}: ")
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    """Numbers to three digits, whole ones in full."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
