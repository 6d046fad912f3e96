"""Shows how far a long loop has come: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(
    total: int | None, description: str, unit: str, *, completed: int = 0, console: Console | None = None
) -> Iterator[Advance]:
    """Yield a function that is told how many more units are done; what is shown goes to standard error.

    Parameters
    ----------
    total
        Number of units in all; None if nobody knows.
    description, unit
        What is done, and to what: "convert toy", "images". Bytes are shown as MB or GB.
    completed
        Units done before, by a run that is resumed; they do not count for the rate.
    console
        Where to write instead of standard error.
    """
    console = console or Console(file=sys.stderr)
    show = _bar if console.is_terminal else _lines
    with show(total, description, unit, completed, console) as advance:
        yield advance


@contextmanager
def _bar(total: int | None, description: str, unit: str, completed: int, console: Console) -> Iterator[Advance]:
    counted = TextColumn("{task.fields[counted]}")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
    meter = _Meter(total, unit, completed)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total, completed=completed, counted="")

        def advance(num: int) -> None:
            meter.add(num)
            bar.update(task, completed=meter.done, counted=f"{meter.counted_text()}, {meter.rate_text()}")

        yield advance


@contextmanager
def _lines(total: int | None, description: str, unit: str, completed: int, console: Console) -> Iterator[Advance]:
    meter = _Meter(total, unit, completed)
    last = time.monotonic()

    def advance(num: int) -> None:
        nonlocal last
        meter.add(num)
        if meter.done != total and time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            _print(console, f"{description}: {meter.text()}{meter.left_text()}")

    yield advance
    _print(console, f"{description}: {meter.text()}, {meter.seconds():,.1f} s")


def bytes_text(num: float) -> str:
    """Return a number of bytes in B, kB, MB or GB, which are powers of 1000."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num >= size:
            return f"{num / size:,.1f} {unit}"
    return f"{num:,.0f} B"


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Meter:
    def __init__(self, total: int | None, unit: str, completed: int) -> None:
        self.done = completed
        self._total, self._unit, self._before = total, unit, completed
        self._start = time.monotonic()

    def add(self, num: int) -> None:
        self.done += num

    def seconds(self) -> float:
        return time.monotonic() - self._start

    def left_text(self) -> str:
        if self._total is None:
            return ""
        rate = self._rate()
        return f", {(self._total - self.done) / rate if rate else float('inf'):,.0f} s left"

    def rate_text(self) -> str:
        if self._unit == "bytes":
            return f"{bytes_text(self._rate())}/s"
        return f"{self._rate():,.{0 if self._rate() >= 10 else 2}f} {self._unit}/s"

    def counted_text(self) -> str:
        if self._unit == "bytes":
            return bytes_text(self.done) + ("" if self._total is None else f" of {bytes_text(self._total)}")
        return f"{self.done:,}" + ("" if self._total is None else f" of {self._total:,}") + f" {self._unit}"

    def text(self) -> str:
        share = f" ({self.done / self._total:.0%})" if self._total else ""
        return f"{self.counted_text()}{share}, {self.rate_text()}"

    def _rate(self) -> float:
        seconds = self.seconds()
        return (self.done - self._before) / seconds if seconds else 0.0
