"""Division of a frame into training and test rows by a hash of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..engine.arrow import to_arrow_type
from ..engine.errors import ConfigError, TypeMismatch
from ..engine.frame import DataFrame
from .preprocessing.categories import Categories, CodeArray, count_categories
from .rowhash import hash_rows

BIN_BITS = 16
"""Upper bits of the hash that are counted per stratum; a stratum is cut to within its rows / 2**16."""

_MARK = "__volley_in_test"
_Histograms: TypeAlias = dict[object, npt.NDArray[np.int64]]


def train_test_split(
    frame: DataFrame,
    *,
    test_size: float = 0.25,
    stratify: str | None = None,
    key: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[DataFrame, DataFrame]:
    """Divide rows into training and test rows; both are lazy frames.

    A row's side follows from its own values, so it is the same for any number of partitions, threads and machines,
    when the frame is filtered or reordered, and for equal rows, of which none can leak from one side to the other.

    Parameters
    ----------
    frame
        The rows.
    test_size
        Share of test rows, between 0 and 1. Without ``stratify`` each row is drawn for itself, so that the share is
        met as by tossing a coin.
    stratify
        Column of whose every value the share is met, as closely as equal rows allow. Counting the values needs one
        run of the plan, now.
    key
        Columns that decide; by default all (but lists and structs). Name an identifier, such as a person's, to keep
        all its rows on one side, and to read less.
    seed
        Another seed gives another division.

    Returns
    -------
    tuple of DataFrame
        Training rows and test rows, with the frame's columns.

    Raises
    ------
    ConfigError, ColumnNotFound, TypeMismatch
        When an option is out of range, or a column missing or nested.
    """
    if not 0 < test_size < 1:
        raise ConfigError(f"test_size must lie between 0 and 1, not {test_size}")
    if seed < 0:
        raise ConfigError(f"seed must not be negative, not {seed}")
    names = [f.name for f in frame.schema if not f.dtype.is_nested] if key is None else list(key)
    for field in frame.schema.select(names):
        if field.dtype.is_nested:
            raise TypeMismatch(f"key column {field.name!r} is {field.dtype}; name columns of plain values")
    if not names:
        raise ConfigError("key names no column; name at least one")
    strata = None if stratify is None else _strata(frame, stratify, names, test_size, seed)
    side = _Side(key=tuple(names), seed=seed, test_size=test_size, strata=strata)
    reads = list(dict.fromkeys([*names, *([] if stratify is None else [stratify])]))
    marked = frame.map_batches(
        side, {_MARK: "bool"}, reads=reads, keeps=True, label=f"split(test_size={test_size:g}, seed={seed})"
    )
    columns = frame.columns
    return marked[~marked[_MARK]].select(*columns), marked[marked[_MARK]].select(*columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strata:
    """The first bin of training rows per category of a column; the last entry is for values never counted."""

    categories: Categories
    cuts: npt.NDArray[np.int64]

    def cut_of(self, column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        codes = [self.categories.encode(chunk, unknown="ignore") for chunk in column.chunks]
        joined: CodeArray = np.concatenate(codes) if codes else np.empty(0, dtype=np.int32)
        return self.cuts[joined]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Marks the test rows of a batch; small, immutable, pickles."""

    key: tuple[str, ...]
    seed: int
    test_size: float
    strata: _Strata | None

    def __call__(self, table: pa.Table) -> pa.Table:
        hashes = hash_rows(table.select(list(self.key)), seed=self.seed)
        if self.strata is None:
            in_test = hashes < np.uint64(int(self.test_size * 2.0**64))
        else:
            cuts = self.strata.cut_of(table[self.strata.categories.name])
            in_test = (hashes >> np.uint64(64 - BIN_BITS)).astype(np.int64) < cuts
        return pa.table({_MARK: in_test})


def _strata(frame: DataFrame, stratify: str, key: list[str], test_size: float, seed: int) -> _Strata:
    """Count hashes per value of the column in one run, and cut each value's at the share."""
    kind = frame.schema[stratify].dtype
    if kind.is_nested:
        raise TypeMismatch(f"stratify column {stratify!r} is {kind}; name a column of plain values")
    reads = frame.select(*dict.fromkeys([*key, stratify]))

    def update(state: _Histograms, table: pa.Table) -> _Histograms:
        hashes = hash_rows(table.select(key), seed=seed)
        bins = (hashes >> np.uint64(64 - BIN_BITS)).astype(np.int64)
        column = table[stratify].combine_chunks()
        categories = count_categories([column], column.type).categories(stratify)
        codes = categories.encode(column, unknown="error")
        values = [*categories.values.to_pylist(), None]
        for code in range(len(categories)):
            counts = np.bincount(bins[codes == code], minlength=1 << BIN_BITS)
            state[values[code]] = state[values[code]] + counts if values[code] in state else counts
        return state

    def merge(a: _Histograms, b: _Histograms) -> _Histograms:
        return a | {value: a[value] + counts if value in a else counts for value, counts in b.items()}

    found: _Histograms = reads.fold(dict, update, merge)
    usual = round(test_size * (1 << BIN_BITS))
    column = pa.array(list(found), to_arrow_type(kind))
    categories = count_categories([column], column.type).categories(stratify)
    values = [*categories.values.to_pylist(), None][: len(categories)]
    cuts = [_cut(found[value], test_size) for value in values]
    return _Strata(categories=categories, cuts=np.array([*cuts, usual], dtype=np.int64))


def _cut(counts: npt.NDArray[np.int64], share: float) -> int:
    """First bin not taken when bins are taken from below until the share of the rows is met most closely."""
    taken = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
    return int(np.argmin(np.abs(taken - share * int(taken[-1]))))
