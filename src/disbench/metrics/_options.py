"""Types of the options that several metrics share."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt


@dataclass(frozen=True)
class DrawnPoints:
    """Mark of an option that counts points drawn from a table.

    A user's own points are all used, whatever the number; so where points are given, such an option has no effect and
    is refused.
    """


NumPoints = Annotated[PositiveInt, DrawnPoints()]
"""Number of points drawn from a table."""

NumBins = Annotated[PositiveInt, Field(le=4096)]
"""Number of bins of a value; counts of pairs of them are held in memory."""

TreeSeed = NonNegativeInt
"""Seed that decides between equal splits of boosted trees, as NumPy's global seed does for scikit-learn's."""

Compat = Literal["disbench", "reference"]
"""Whose behaviour: ours, or that of disentanglement_lib where the two differ."""
