"""One table of a study: a row for each run, representation and score, every parameter a typed column."""

import json
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disbench.study.results import GROUPS, RunResult, Scalar

KEYS = ("study", "number", "fingerprint")
LABELS = ("representation", "metric", "score")
_ROWS_OF_A_BATCH = 1 << 18

Value = Scalar | list[Scalar]


class _Labels:
    """Names of scores: each combination that a metric returns is written down once, as a run of rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []
        self._found: dict[tuple[str, ...], range] = {}

    def of(self, representation: str, metric: str, scores: Iterable[str]) -> range:
        key = (representation, metric, *scores)
        if key not in self._found:
            start = len(self.rows)
            self.rows += [(representation, metric, score) for score in key[2:]]
            self._found[key] = range(start, len(self.rows))
        return self._found[key]

    def column(self, index: int) -> pa.DictionaryArray:
        return pa.array([row[index] for row in self.rows], pa.string()).dictionary_encode()


class StudyTable(NamedTuple):
    """Runs and their scores, apart: 12,600 runs with 260 scores each are 3.3 million rows only when written out.

    `runs` has a row for each finished run; `labels` one for each name of a score; `run` and `label` (num_rows,) say
    to which of them the rows of `value` belong.
    """

    runs: pa.Table
    labels: pa.Table
    run: NDArray[np.int32]
    label: NDArray[np.int32]
    value: NDArray[np.float64]
    num_failed: int

    @classmethod
    def build(cls, results: Iterable[RunResult]) -> Self:
        """Collect results; those of failed runs are only counted. They are taken one by one, and not kept."""
        records: list[dict[str, Value]] = []
        labels, blocks, owners, values = _Labels(), [], [], array("d")
        num_failed = 0
        for result in results:
            if result.status == "failed":
                num_failed += 1
                continue
            for representation, metrics in result.scores.items():
                for metric, scores in metrics.items():
                    blocks.append(labels.of(representation, metric, scores))
                    owners.append(len(records))
                    values.extend(scores.values())
            records.append(_record(result))
        lengths = [len(block) for block in blocks]
        return cls(
            runs=pa.table(_columns(records)),
            labels=pa.table({name: labels.column(index) for index, name in enumerate(LABELS)}),
            run=np.repeat(np.asarray(owners, np.int32), lengths),
            label=np.concatenate(
                [np.empty(0, np.int32), *(np.arange(b.start, b.stop, dtype=np.int32) for b in blocks)]
            ),
            value=np.frombuffer(values, np.float64),
            num_failed=num_failed,
        )

    @property
    def num_rows(self) -> int:
        """Number of scores of all runs."""
        return len(self.value)

    def batches(self, num_rows: int = _ROWS_OF_A_BATCH) -> Iterator[pa.Table]:
        """Yield the table written out, so many rows at a time; one batch without rows if there are none."""
        for start in range(0, max(self.num_rows, 1), num_rows):
            part = slice(start, start + num_rows)
            runs, labels = self.runs.take(self.run[part]), self.labels.take(self.label[part])
            names = [*KEYS, *LABELS, "value", *(name for name in runs.column_names if name not in KEYS)]
            columns = {name: runs[name] for name in runs.column_names} | {name: labels[name] for name in LABELS}
            columns["value"] = pa.array(self.value[part])
            yield pa.table({name: columns[name] for name in names})


def _record(result: RunResult) -> dict[str, Value]:
    record: dict[str, Value] = {name: getattr(result, name) for name in KEYS} | result.parameters
    for group in GROUPS:
        record |= {f"{group}.{name}": value for name, value in getattr(result, group).items()}
    return record


def _columns(records: list[dict[str, Value]]) -> dict[str, pa.Array]:
    found = dict.fromkeys(name for record in records for name in record)
    parameters = sorted(name for name in found if name not in KEYS and name.split(".")[0] not in GROUPS)
    rest = sorted(name for name in found if name.split(".")[0] in GROUPS)
    return {name: _column([record.get(name) for record in records]) for name in (*KEYS, *parameters, *rest)}


def _column(values: list[Value]) -> pa.Array:
    """Array of the one type that all values have; a mixture, and lists, are written as JSON text."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        return pa.array(values, pa.int64())
    if kinds == {int, float} or kinds == {float}:
        return pa.array(values, pa.float64())
    texts = [value if value is None or kinds == {str} else json.dumps(value) for value in values]
    return pa.array(texts, pa.string()).dictionary_encode()


def whole(table: StudyTable) -> Any:
    """All rows as one Arrow table."""
    return pa.concat_tables(table.batches()).combine_chunks()
