"""What a task reads, in which order, and what its rows are called in errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from volley.engine.errors import ReadError
from volley.engine.physical.scan_keys import TopKey
from volley.engine.plan import KeyFilter
from volley.engine.runners.pipeline import named_rows, promising_first, rows_of


@dataclass(frozen=True)
class Bounded:
    """A split that knows the bounds of its rows."""

    label: str
    low: int | None
    high: int | None
    rows: int | None = 10
    bytes: int | None = 80

    def read(self) -> Iterator[pa.RecordBatch]:
        return iter(())

    def narrowed(self, filters: Sequence[KeyFilter]) -> Bounded:
        return self

    def bounds(self, column: str) -> tuple[Any, Any]:
        return self.low, self.high


SPLITS = [Bounded("a", 5, 9), Bounded("b", 1, 30), Bounded("c", 3, 40)]


@pytest.mark.parametrize(("descending", "order"), [(False, "bca"), (True, "cba")])
def test_splits_whose_bound_is_the_best_are_read_first(descending: bool, order: str) -> None:
    top = TopKey("x", 3, descending)
    assert "".join(split.label for split in promising_first(SPLITS, top)) == order


def test_splits_keep_their_order_where_a_bound_is_not_known_or_nothing_is_ordered() -> None:
    unknown = [*SPLITS, Bounded("d", None, None)]
    assert list(promising_first(unknown, TopKey("x", 3, descending=False))) == unknown
    assert list(promising_first(SPLITS, None)) == SPLITS


@dataclass(frozen=True)
class Placed(Bounded):
    """A split that knows where its rows stand in a file."""

    readable: bool = True

    def origin(self) -> tuple[str, int] | None:
        if not self.readable:
            raise ReadError("'f.parquet' is gone")
        return "f.parquet", 100


def test_rows_are_called_by_their_numbers_in_the_file_where_these_are_known() -> None:
    assert rows_of(Placed("p", 0, 1), [], 5, 1) == "row 105 of f.parquet"
    assert rows_of(Placed("p", 0, 1), [], 5, 3) == "rows 105 to 107 of f.parquet"
    assert rows_of(Bounded("p", 0, 1), [], 1_500, 2) == "rows 1,500 to 1,501 of p"
    assert rows_of(Placed("p", 0, 1, readable=False), [], 5, 1) == "p"
    assert named_rows("f.parquet", 7, 0) == "f.parquet"
