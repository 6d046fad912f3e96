"""How far a study has come: a line on the terminal that is renewed, or a line now and then; always in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from disbench.study.execute import Outcome
from disbench.study.runner import Report

_SECONDS_BETWEEN_LINES = 10.0


@dataclass
class Tally:
    """Runs that ended, counted.

    Parameters
    ----------
    total
        Number of runs of the study, or of the part of it that is done.
    before
        Runs that had a result already.
    """

    total: int
    before: int = 0
    num_finished: int = 0
    num_failed: int = 0
    failed: list[Outcome] = field(default_factory=list)
    interrupted: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def num_ended(self) -> int:
        """Runs that have a result."""
        return self.before + self.num_finished + self.num_failed

    def add(self, outcome: Outcome) -> None:
        """Count a run that ended."""
        if outcome.status == "failed":
            self.num_failed += 1
            self.failed.append(outcome)
        else:
            self.num_finished += 1

    def text(self, num_running: int) -> str:
        """Say how many are done, at work, failed, how fast it goes and how long it takes from here."""
        new = self.num_finished + self.num_failed
        per_hour = 3600 * new / max(time.monotonic() - self.began, 1e-9)
        left = f", {_duration(3600 * (self.total - self.num_ended) / per_hour)} left" if new else ""
        return (
            f"{self.before + self.num_finished:,} done, {num_running:,} running, {self.num_failed:,} failed "
            f"of {self.total:,}; {per_hour:,.0f} models an hour{left}"
        )


@contextmanager
def watching(tally: Tally, log: Path, console: Console | None = None) -> Iterator[Report]:
    """Yield what is told of each outcome; it shows on standard error how far the study is, and writes the log."""
    console = console or Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with log.open("a", encoding="utf-8") as file, Progress(*columns, console=console, transient=True) as bar:
        bar.disable = not console.is_terminal
        shown = bar.add_task("", total=tally.total, completed=tally.before)
        next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

        def note(line: str) -> None:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")
            file.flush()

        def report(outcome: Outcome | None, num_running: int) -> None:
            nonlocal next_line
            if outcome is not None:
                tally.add(outcome)
                note(f"run {outcome.number} {outcome.status}, runs/{outcome.fingerprint}")
            text = tally.text(num_running)
            bar.update(shown, completed=tally.num_ended, description=text)
            if time.monotonic() >= next_line:
                next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
                note(text)
                if not console.is_terminal:
                    console.print(text, markup=False, highlight=False, soft_wrap=True)

        note(f"started: {tally.text(0)}")
        try:
            yield report
        finally:
            note(f"ended: {tally.text(0)}")


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"
