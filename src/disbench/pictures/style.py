"""How figures look, and how they become files."""

import io
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.figure import Figure

from disbench.files import write_bytes

# Okabe and Ito's, which readers with any kind of colour vision tell apart; yellow, too light for lines, comes last.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
COLOR_MAP = "viridis"  # of even steps of lightness, also in grey print

_STYLE: Mapping[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
_DOTS_PER_INCH = 120

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in the style of the package, whatever a user's own settings of matplotlib are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(dict(_STYLE))
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches; what is put into it is laid out without overlaps."""
    return Figure(figsize=(width, height), layout="constrained")


def write_figure(path: Path, figure: Figure) -> Path:
    """Write a PNG whose bytes depend on the picture only."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    write_bytes(path, content.getvalue())
    return path
