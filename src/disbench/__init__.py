"""disbench trains, measures and compares disentangled representations."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from disbench.factors import FactorSpace
from disbench.scoring import evaluate, score
from disbench.slots import reduce_slots
from disbench.table import RepresentationTable

if TYPE_CHECKING:
    from disbench.models import load_decoder, load_encoder
    from disbench.storage import open_dataset, open_table
    from disbench.study.table_files import load_results

__all__ = [
    "FactorSpace",
    "RepresentationTable",
    "evaluate",
    "load_decoder",
    "load_encoder",
    "load_results",
    "open_dataset",
    "open_table",
    "reduce_slots",
    "score",
]

# torch, zarr and pandas take seconds to import; whoever only scores codes does not wait for them
_IMPORTED_WHEN_USED = {
    "load_decoder": "disbench.models",
    "load_encoder": "disbench.models",
    "load_results": "disbench.study.table_files",
    "open_dataset": "disbench.storage",
    "open_table": "disbench.storage",
}


def __getattr__(name: str) -> Any:
    if name not in _IMPORTED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_IMPORTED_WHEN_USED[name]), name)
