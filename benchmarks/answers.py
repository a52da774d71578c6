"""Answers of engines as Arrow tables of few types, and whether two of them say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .case import Case

RELATIVE = 1e-9
"""Largest relative difference of floats: what the order of a sum may change, and no more."""
NEAR_ZERO = 1e-12


def as_table(answer: Any) -> pa.Table:
    """Return an engine's answer with lower-case names, int64, float64, large_string and date32 only.

    Decimals without digits after the point are integers: DuckDB's sums of integers come as such.

    Parameters
    ----------
    answer
        A ``pyarrow.Table``, a list of its batches, a pandas frame, a mapping of columns, or anything else that exports
        an Arrow stream.
    """
    if isinstance(answer, list):
        table = pa.Table.from_batches(answer)
    elif isinstance(answer, dict):
        table = pa.table(answer)
    elif isinstance(answer, pa.Table):
        table = answer
    elif hasattr(answer, "__arrow_c_stream__") and not hasattr(answer, "iloc"):
        table = pa.table(answer)
    else:
        table = pa.Table.from_pandas(answer, preserve_index=False)
    columns = {name.lower(): _plain(table[name]) for name in table.column_names}
    return pa.table(columns)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_temporal(kind):
        return column.cast(pa.date32())
    return column.cast(pa.large_string())


def difference(expected: pa.Table, answer: pa.Table, case: Case) -> str | None:
    """Return in words how an answer differs from the expected one, or None if it does not.

    Both come from `as_table`. Rows are compared in order where the case names no keys, else in the order of the keys.
    """
    if expected.column_names != answer.column_names:
        return f"columns {', '.join(answer.column_names)} instead of {', '.join(expected.column_names)}"
    if expected.num_rows != answer.num_rows:
        return f"{answer.num_rows:,} rows instead of {expected.num_rows:,}"
    if case.keys:
        order = [(key, "ascending") for key in case.keys]
        expected, answer = expected.sort_by(order), answer.sort_by(order)
    for name in expected.column_names:
        tolerance = case.tolerances.get(name, RELATIVE)
        wrong = _unequal(expected[name].combine_chunks(), answer[name].combine_chunks(), tolerance)
        if wrong.size:
            row = int(wrong[0])
            values = f"{answer[name][row].as_py()!r} instead of {expected[name][row].as_py()!r}"
            return f"{name} differs in {wrong.size:,} of {answer.num_rows:,} rows, first in row {row}: {values}"
    return None


def _unequal(expected: pa.Array, answer: pa.Array, tolerance: float) -> np.ndarray:
    """Return the rows in which two columns differ."""
    if expected.type != answer.type:
        return np.arange(len(expected))
    if pa.types.is_floating(expected.type):
        nulls = np.asarray(expected.is_null()) != np.asarray(answer.is_null())
        ours, theirs = (np.asarray(column.fill_null(0.0)) for column in (answer, expected))
        same = np.isclose(ours, theirs, rtol=tolerance, atol=NEAR_ZERO, equal_nan=True)
        return np.flatnonzero(nulls | ~same)
    same = pc.fill_null(pc.equal(expected, answer), fill_value=False)
    both_null = pc.and_(expected.is_null(), answer.is_null())
    return np.flatnonzero(~np.asarray(pc.or_(same, both_null)))
