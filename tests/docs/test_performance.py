"""The page on performance says what the benchmarks measured."""

import importlib.util

from tests import ROOT

spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)
PAGE = tables.PAGE.read_text(encoding="utf-8")


def test_the_page_equals_the_results():
    assert tables.named(PAGE)
    assert tables.filled(PAGE) == PAGE, "run `python benchmarks/tables.py`"


def test_numbers_are_rounded_and_words_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    (tmp_path / "some.json").write_text('{"a": {"x": 0.012345, "y": 12345.6}, "b": 7, "c": false, "d": "two cores"}')
    expected = "| a: x | 0.0123 |\n| a: y | 12,346 |\n| b | 7 |\n| c | no |\n| d | two cores |\n"
    assert tables.table("some").endswith(expected)
    page = "before\n<!-- results: some -->\nold\n<!-- end -->\nafter\n"
    assert tables.filled(page) == f"before\n<!-- results: some -->\n\n{tables.table('some')}\n<!-- end -->\nafter\n"
