"""The table of differences from the reference names options and tests that exist."""

import re

import pytest
from tests import ROOT

from disbench import catalogue

ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in (ROOT / "docs/metrics-traps.md").read_text().splitlines()
    if line.startswith("| ") and "Tested by" not in line
]


def test_the_table_is_there():
    assert len(ROWS) > 30
    assert {len(row) for row in ROWS} == {4}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_options_and_tests_of_a_row_exist(row):
    _, _, options, tests = row
    for metric, option in re.findall(r"`(\w+)\.(\w+)`", options):
        assert option in catalogue.options(catalogue.find("metrics", metric)).model_fields
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", tests)
    assert named
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text()
