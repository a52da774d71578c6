"""The same drawn rows as a frame of Volley and as one of pandas, and their cells in a form to compare.

pandas holds Arrow types, so that nulls, integers and dates stay what they are.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from pandas.api import types as kinds

import volley as vl
from tests.engine.kernels.conformance.cases import ENCODINGS

ARROW = {
    "i": pa.int64(),
    "j": pa.int32(),
    "f": pa.float64(),
    "h": pa.float64(),
    "s": pa.string(),
    "r": pa.string(),
    "b": pa.bool_(),
    "t": pa.timestamp("us"),
    "d": pa.date32(),
    "c": pa.decimal128(9, 2),
}
_START = dt.datetime.fromisoformat("2023-12-28")
_CELLS: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-4, 4) | st.integers(-(10**6), 10**6),
    "j": st.integers(0, 3),
    "f": st.integers(-20, 20).map(lambda n: n / 4) | st.just(-0.0),
    "h": st.sampled_from([0.5, 2.0, -1.25]),
    "s": st.sampled_from(["", "a", "b", "ab", "Ab", "ba", "naïve", "x y"]),
    "r": st.sampled_from(["x", "y", "z"]),
    "b": st.booleans(),
    "t": st.integers(0, 400_000).map(lambda n: _START + dt.timedelta(seconds=7 * n)),
    "d": st.integers(0, 60).map(lambda n: _START.date() + dt.timedelta(days=n)),
    "c": st.integers(-500, 500).map(lambda n: Decimal(n) / 100),
}


@dataclass(frozen=True)
class Pair:
    """The same rows here and in pandas, the steps that led to them, and whether their order is promised."""

    ours: vl.DataFrame
    theirs: pd.DataFrame
    steps: tuple[str, ...] = ()
    ordered: bool = True

    def then(self, what: str, step: Callable[[Any], Any], *, ordered: bool | None = None) -> Pair:
        """Return what one function makes of both frames."""
        return self.by(what, step, step, ordered=ordered)

    def by(
        self, what: str, ours: Callable[[Any], Any], theirs: Callable[[Any], Any], *, ordered: bool | None = None
    ) -> Pair:
        """Return what a function makes of our frame, and another of theirs."""
        made = _with_one_zero(theirs(self.theirs))
        keeps = self.ordered if ordered is None else ordered
        return replace(self, ours=ours(self.ours), theirs=made, steps=(*self.steps, what), ordered=keeps)


def in_pandas(table: pa.Table) -> pd.DataFrame:
    return _with_one_zero(table.to_pandas(types_mapper=pd.ArrowDtype).reset_index(drop=True))


def _with_one_zero(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with 0.0 for -0.0, which pandas takes for another value in Arrow's columns, but not in its own."""
    floats = [name for name in frame.columns if frame[name].dtype == pd.ArrowDtype(pa.float64())]
    return frame.assign(**{name: frame[name] + 0.0 for name in floats})


@st.composite
def pairs(draw: st.DrawFn, *, most_rows: int = 25, nan: bool = False) -> Pair:
    """Draw a table of some columns, with nulls and perhaps NaN, in some encoding, cut into batches."""
    names = draw(st.lists(st.sampled_from(list(ARROW)), min_size=2, max_size=6, unique=True))
    rows = draw(st.integers(0, most_rows))
    columns = {}
    for name in names:
        cells = _CELLS[name]
        if nan and ARROW[name] == pa.float64():
            cells |= st.just(math.nan)
        share = draw(st.sampled_from([0, 1, 3]))
        cell = st.one_of(*[cells] * 3, *[st.none()] * share) if share < 3 else st.none() | cells
        columns[name] = pa.array(draw(st.lists(cell, min_size=rows, max_size=rows)), ARROW[name])
    table = draw(st.sampled_from(ENCODINGS))(pa.table(columns))
    plain = pa.table({name: pa.array(table[name].to_pylist(), ARROW[name]) for name in names})
    return Pair(_cut(draw, table), in_pandas(plain))


def _cut(draw: st.DrawFn, table: pa.Table) -> vl.DataFrame:
    """Return the rows as one frame, or as several one after the other."""
    if table.num_rows < 2 or draw(st.booleans()):
        return vl.from_arrow(table)
    at = draw(st.integers(0, table.num_rows))
    return vl.concat([vl.from_arrow(table.slice(0, at)), vl.from_arrow(table.slice(at))])


# ------------------------------------------------------------------------------------------ comparison
def cells_of(table: pa.Table, *, nan: Any = None) -> list[tuple[Any, ...]]:
    """Return the rows of a table in a form to compare; ``nan`` stands for NaN."""
    return list(zip(*([_cell(v, nan) for v in column.to_pylist()] for column in table.columns), strict=True))


def cells_in_pandas(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    columns = []
    for name in frame.columns:
        values = frame[name]
        if isinstance(values.dtype, pd.ArrowDtype):
            listed = pa.array(values.array).to_pylist()
        else:
            listed = [None if kinds.is_scalar(v) and pd.isna(v) else v for v in values.tolist()]
        columns.append([_cell(value) for value in listed])
    return list(zip(*columns, strict=True))


def _cell(value: Any, nan: Any = None) -> Any:
    if isinstance(value, float):
        return nan if math.isnan(value) else float(f"{value:.9g}") + 0.0
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        return float(value)
    return value
