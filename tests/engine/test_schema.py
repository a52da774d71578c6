from __future__ import annotations

import pickle

import pytest

from volley.engine import dtypes
from volley.engine.errors import ColumnNotFound, PlanError
from volley.engine.schema import Field, Schema

SCHEMA = Schema.of([("carrier", dtypes.string), ("delay", dtypes.float64), ("day", dtypes.int32)])


def test_lookup() -> None:
    assert SCHEMA["delay"] == Field("delay", dtypes.float64)
    assert SCHEMA.position("day") == 2
    assert "day" in SCHEMA
    assert "DAY" not in SCHEMA
    assert len(SCHEMA) == 3
    assert SCHEMA.names == ("carrier", "delay", "day")
    assert str(SCHEMA.select(["day", "carrier"])) == "day: int32, carrier: string"


def test_unknown_column_offers_the_nearest() -> None:
    with pytest.raises(ColumnNotFound, match="unknown column 'dely'; did you mean 'delay'"):
        SCHEMA["dely"]
    with pytest.raises(ColumnNotFound, match="did you mean 'carrier'"):
        SCHEMA.position("Carrier")


def test_names_are_unique() -> None:
    with pytest.raises(PlanError, match="duplicate column name 'day'"):
        SCHEMA.extend([Field("day", dtypes.int8)])


def test_not_null_is_shown_and_kept() -> None:
    schema = Schema((Field("a", dtypes.int8, nullable=False),))
    assert str(schema) == "a: int8 not null"
    assert pickle.loads(pickle.dumps(schema)) == schema
    assert schema != Schema.of([("a", dtypes.int8)])


def test_row_width() -> None:
    assert SCHEMA.row_width == 16 + 8 + 4
    assert Schema(()).row_width == 0
