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
    total: int, description: str, unit: str, *, completed: int = 0, console: Console | None = None
) -> Iterator[Advance]:
    """Yield a function that is told how many more units are done; what is shown goes to standard error.

    Parameters
    ----------
    total
        Number of units in all.
    description, unit
        What is done, and to what: "convert toy", "images".
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
def _bar(total: int, description: str, unit: str, completed: int, console: Console) -> Iterator[Advance]:
    counted = TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.fields[unit]}, {task.fields[rate]}")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
    meter = _Meter(total, unit, completed)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total, completed=completed, unit=unit, rate="")

        def advance(num: int) -> None:
            meter.add(num)
            bar.update(task, completed=meter.done, rate=meter.rate_text())

        yield advance


@contextmanager
def _lines(total: int, description: str, unit: str, completed: int, console: Console) -> Iterator[Advance]:
    meter = _Meter(total, unit, completed)
    last = time.monotonic()

    def advance(num: int) -> None:
        nonlocal last
        meter.add(num)
        if meter.done < total and time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            _print(console, f"{description}: {meter.text()}, {meter.seconds_left():,.0f} s left")

    yield advance
    _print(console, f"{description}: {meter.text()}, {meter.seconds():,.1f} s")


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Meter:
    def __init__(self, total: int, unit: str, completed: int) -> None:
        self.done = completed
        self._total, self._unit, self._before = total, unit, completed
        self._start = time.monotonic()

    def add(self, num: int) -> None:
        self.done += num

    def seconds(self) -> float:
        return time.monotonic() - self._start

    def seconds_left(self) -> float:
        rate = self._rate()
        return (self._total - self.done) / rate if rate else float("inf")

    def rate_text(self) -> str:
        return f"{self._rate():,.{0 if self._rate() >= 10 else 2}f} {self._unit}/s"

    def text(self) -> str:
        share = self.done / self._total if self._total else 1.0
        return f"{self.done:,} of {self._total:,} {self._unit} ({share:.0%}), {self.rate_text()}"

    def _rate(self) -> float:
        seconds = self.seconds()
        return (self.done - self._before) / seconds if seconds else 0.0
