"""Representation tables on disk: the posterior of every state of a grid."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from disbench.storage._arrays import (
    StoreError,
    create_array,
    open_store,
    require_shape,
    write_attributes,
    write_factors,
)
from disbench.storage._replace import replacing
from disbench.storage._schema import TableAttributes, space_from_json
from disbench.table import RepresentationTable

_FORMAT = "disbench table"
_REMEDY = "make it again with `dvc repro postprocess`"
_CHUNK, _SHARD = 16384, 262144


def write_table(path: Path | str, table: RepresentationTable, attributes: Mapping[str, Any]) -> None:
    """Write a table; it appears at `path` whole or not at all, and replaces one that is there.

    Parameters
    ----------
    path
        Folder of the store.
    table
        With float32 values; `log_variance` may be None.
    attributes
        Where it comes from, such as the checksum of the encoder; JSON values. The same table and attributes give
        the same bytes.
    """
    arrays = {"mean": table.mean, "log_variance": table.log_variance}
    for name, values in arrays.items():
        if values is not None and values.dtype != np.float32:
            raise ValueError(f"expected float32 values of {name}; got {values.dtype}; convert them first")
    with replacing(Path(path)) as folder:
        group = zarr.create_group(folder)
        for name, values in arrays.items():
            if values is not None:
                array = create_array(
                    group,
                    name,
                    values.shape,
                    values.dtype,
                    chunk=_CHUNK,
                    shard=_SHARD,
                    dimensions=("row", "latent"),
                )
                array.update_attributes({"coordinates": "factors"})
                array[:] = values
        write_factors(group, table.space)
        own = {
            "format": _FORMAT,
            "kind": table.kind,
            "num_latents": table.num_latents,
        }
        write_attributes(group, folder, own, table.space, attributes)


def open_table(path: Path | str) -> RepresentationTable:
    """Read a table into memory; `read_attributes` gives where it comes from.

    Raises
    ------
    StoreError
        The table is missing, unfinished, of another format or damaged.
    """
    path = Path(path)
    attributes, readers = open_store(path, _FORMAT, TableAttributes, lambda known: _REMEDY)
    space = space_from_json(attributes)
    if "mean" not in readers:
        raise StoreError(f"{path}: expected an array called 'mean'; got {sorted(readers)!r}; {_REMEDY}")
    arrays = {}
    for name in sorted({"mean", "log_variance"} & readers.keys()):
        require_shape(readers[name], (space.num_states, attributes["num_latents"]), "float32")
        arrays[name] = readers[name].read(0, space.num_states)
    return RepresentationTable(space, arrays["mean"], arrays.get("log_variance"), attributes["kind"])
