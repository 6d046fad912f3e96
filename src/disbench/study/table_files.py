"""The table of a study as a file, and back as a DataFrame."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from disbench import files
from disbench.study import results
from disbench.study.table import KEYS, LABELS, StudyTable, whole

if TYPE_CHECKING:
    import pandas as pd

_TEXT = pa.dictionary(pa.int32(), pa.string())


def require_suffix(path: Path) -> None:
    """Raise ValueError unless a table can be written to a file of this name, so that it is known before it is made."""
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"expected a file called .parquet or .csv; got {str(path)!r}")


def write_table(table: StudyTable, path: Path) -> None:
    """Write a table as .parquet or .csv, whole or not at all; ValueError for another suffix."""
    require_suffix(path)
    batches = table.batches()
    with files.replacing(path) as temporary:
        first = next(batches)
        with _writer(path, temporary, first) as write:
            write(first)
            for batch in batches:
                write(batch)


@contextmanager
def _writer(path: Path, temporary: Path, first: pa.Table) -> Iterator[Any]:
    if path.suffix == ".parquet":
        with pyarrow.parquet.ParquetWriter(temporary, first.schema, compression="zstd") as parquet:
            yield parquet.write_table
    else:
        with pyarrow.csv.CSVWriter(temporary, _decoded(first).schema) as text:
            yield lambda batch: text.write_table(_decoded(batch))


def _decoded(table: pa.Table) -> pa.Table:
    plain = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.itercolumns()
    ]
    return pa.table(plain, names=table.column_names)


def load_results(path: Path | str, columns: list[str] | None = None) -> "pd.DataFrame":
    """Scores of all finished runs of a study, one row for each run, representation and score.

    Parameters
    ----------
    path
        Folder of a study, or the .parquet or .csv file that `disbench study table` made of it.
    columns
        Only these columns. With all of them a study of 12,600 runs takes 0.8 GB, and 2.2 GB while it is read.

    Returns
    -------
    pandas.DataFrame
        `study`, `number`, `fingerprint`: the run. `representation` (`mean`, `sampled`), `metric`, `score`, `value`:
        what it scored. Then every parameter by its name in params.yaml (`train.objective`), missing where a run has
        none of that name, `training.*` and `seconds.*`, which are the same in all rows of a run, and `versions.*`.
        Texts are categories, integers and truth values have pandas' types that know missing values. A CSV file does not
        say which columns are floating-point: one with whole numbers only comes back as integers.

    Raises
    ------
    ValueError
        If it is neither, or if a result file is damaged or another's; the message names the file.
    """
    import pandas as pd

    table = _read(Path(path), columns)
    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return table.to_pandas(types_mapper=types.get)


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    if path.is_dir():
        table = whole(StudyTable.build(results.read_all(path)))
        return table.select(_checked(path, table.column_names, columns))
    if not path.is_file():
        raise ValueError(f"{path}: no such folder or file")
    try:
        if path.suffix == ".parquet":
            names = pyarrow.parquet.read_schema(path).names
            return pyarrow.parquet.read_table(path, columns=_checked(path, names, columns))
        if path.suffix == ".csv":
            return _read_csv(path, _checked(path, pyarrow.csv.open_csv(path).schema.names, columns))
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path}: not readable as {path.suffix.removeprefix('.')}: {error}") from None
    raise ValueError(f"{path}: expected the folder of a study, or a file called .parquet or .csv")


def _checked(path: Path, names: list[str], columns: list[str] | None) -> list[str]:
    """Names of the columns to read; ValueError if it is no table of a study, or has no such column."""
    if missing := {*KEYS, *LABELS, "value"} - set(names):
        raise ValueError(f"{path}: not the table of a study: expected the columns {sorted(missing)}, among others")
    if unknown := [name for name in columns or () if name not in names]:
        raise ValueError(f"{path}: no column {unknown[0]!r}; it has {', '.join(names)}")
    return columns or names


def _read_csv(path: Path, names: list[str]) -> pa.Table:
    """Types are found again by looking at the values, but for columns whose texts may look like numbers."""
    texts = {name: _TEXT for name in names if name in {"study", "fingerprint", *LABELS} or name.startswith("versions.")}
    numbers = {name: pa.float64() for name in names if name == "value" or name.startswith(("training.", "seconds."))}
    options = pyarrow.csv.ConvertOptions(
        include_columns=names, column_types=texts | numbers, auto_dict_encode=True, auto_dict_max_cardinality=1 << 20,
        strings_can_be_null=True,
    )  # fmt: skip
    return pyarrow.csv.read_csv(path, convert_options=options).unify_dictionaries()
