"""The files of a workspace as a whole: are they intact, and what did killed processes leave."""

from disbench.workspace.leftovers import Leftover, find_leftovers, remove
from disbench.workspace.verify import Finding, verify

__all__ = ["Finding", "Leftover", "find_leftovers", "remove", "verify"]
