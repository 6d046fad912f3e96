import io

import pytest
from rich.console import Console

from disbench import progress as module
from disbench.progress import progress


def test_without_a_terminal_lines_come_at_intervals_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0}
    monkeypatch.setattr(module.time, "monotonic", lambda: clock["now"])
    out = io.StringIO()
    with progress(2000, "train toy", "steps", completed=1000, console=Console(file=out, width=40)) as advance:
        for seconds, num in ((4, 200), (12, 400), (20, 400)):
            clock["now"] = float(seconds)
            advance(num)
    assert out.getvalue().splitlines() == [
        "train toy: 1,600 of 2,000 steps (80%), 50 steps/s, 8 s left",
        "train toy: 2,000 of 2,000 steps (100%), 50 steps/s, 20.0 s",
    ]


def test_on_a_terminal_there_is_a_bar_with_the_rate() -> None:
    out = io.StringIO()
    with progress(300, "convert toy", "images", console=Console(file=out, force_terminal=True, width=120)) as advance:
        advance(300)
    assert "300 of 300 images" in out.getvalue()
    assert "images/s" in out.getvalue()


def test_a_loop_that_fails_claims_no_end() -> None:
    out = io.StringIO()
    with pytest.raises(ZeroDivisionError), progress(2, "train", "steps", console=Console(file=out)) as advance:
        advance(1 // 0)
    assert out.getvalue() == ""
