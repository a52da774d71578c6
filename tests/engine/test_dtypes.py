from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema, from_arrow_type, to_arrow_schema, to_arrow_type
from volley.engine.dtypes import DataType, as_decimal, common_type
from volley.engine.errors import TypeMismatch
from volley.engine.schema import Field, Schema

INTEGERS = (
    *(dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64),
    *(dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64),
)
FLOATS = (dtypes.float32, dtypes.float64)
OTHERS = (
    dtypes.null,
    dtypes.bool_,
    dtypes.string,
    dtypes.binary,
    dtypes.date,
    dtypes.interval,
    dtypes.decimal(9, 2),
    dtypes.decimal(38, 0),
    dtypes.time("us"),
    dtypes.time("s"),
    dtypes.duration("ns"),
    dtypes.timestamp("ms"),
    dtypes.timestamp("us", "Europe/Paris"),
    dtypes.list_(dtypes.int32),
    dtypes.struct([("a", dtypes.int8), ("b", dtypes.list_(dtypes.string))]),
)
ALL = (*INTEGERS, *FLOATS, *OTHERS)
any_type = st.sampled_from(ALL)


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_to_arrow_and_back(dtype: DataType) -> None:
    assert from_arrow_type(to_arrow_type(dtype)) == dtype
    assert pickle.loads(pickle.dumps(dtype)) == dtype
    assert dtype.byte_width > 0


@pytest.mark.parametrize("left", INTEGERS + FLOATS, ids=str)
@pytest.mark.parametrize("right", INTEGERS + FLOATS, ids=str)
def test_common_number_type_is_numpys_but_for_small_integers_with_float32(left: DataType, right: DataType) -> None:
    expected = np.promote_types(left.kind.value, right.kind.value)
    if "float16" not in str(expected):
        assert common_type(left, right) == from_arrow_type(pa.from_numpy_dtype(expected))


@given(left=any_type, right=any_type)
def test_common_type_does_not_depend_on_the_order(left: DataType, right: DataType) -> None:
    assert common_type(left, right) == common_type(right, left)


@given(left=any_type, right=any_type)
def test_common_type_is_reached_in_one_step(left: DataType, right: DataType) -> None:
    shared = common_type(left, right)
    if shared is not None:
        assert common_type(shared, left) == shared


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (dtypes.decimal(9, 2), dtypes.decimal(5, 4), dtypes.decimal(11, 4)),
        (dtypes.decimal(9, 2), dtypes.int32, dtypes.decimal(12, 2)),
        (dtypes.decimal(9, 2), dtypes.float32, dtypes.float64),
        (dtypes.decimal(38, 0), dtypes.decimal(10, 10), dtypes.decimal(38, 10)),
        (dtypes.date, dtypes.timestamp("us"), dtypes.timestamp("us")),
        (dtypes.timestamp("s"), dtypes.timestamp("ms"), dtypes.timestamp("ms")),
        (dtypes.timestamp("s", "UTC"), dtypes.timestamp("ms"), None),
        (dtypes.null, dtypes.string, dtypes.string),
        (dtypes.list_(dtypes.int8), dtypes.list_(dtypes.int64), dtypes.list_(dtypes.int64)),
        (dtypes.time("s"), dtypes.time("us"), dtypes.time("us")),
        (dtypes.string, dtypes.int64, None),
        (dtypes.bool_, dtypes.int64, None),
    ],
)
def test_common_type(left: DataType, right: DataType, expected: DataType | None) -> None:
    assert common_type(left, right) == expected


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_every_integer_fits_its_decimal(dtype: DataType) -> None:
    greatest = 2 ** (dtype.bits - 1) if dtype.is_signed else 2**dtype.bits - 1
    assert len(str(greatest)) <= as_decimal(dtype).precision


@pytest.mark.parametrize(("precision", "scale"), [(0, 0), (39, 0), (5, 6), (5, -1)])
def test_impossible_decimals(precision: int, scale: int) -> None:
    with pytest.raises(ValueError, match="is not a type"):
        dtypes.decimal(precision, scale)


def test_unknown_unit() -> None:
    with pytest.raises(ValueError, match="one of s, ms, us, ns, not 'm'"):
        dtypes.timestamp("m")


def test_encodings_are_no_types_of_their_own() -> None:
    assert from_arrow_type(pa.dictionary(pa.int32(), pa.large_string())) == dtypes.string
    assert from_arrow_type(pa.map_(pa.string(), pa.int8())) == dtypes.list_(
        dtypes.struct([("key", dtypes.string), ("value", dtypes.int8)])
    )
    assert from_arrow_type(pa.list_(pa.int8(), 3)) == dtypes.list_(dtypes.int8)


def test_a_type_without_counterpart_names_its_column() -> None:
    with pytest.raises(TypeMismatch, match=r"column 'x': Arrow type .* is not supported"):
        from_arrow_schema(pa.schema([("x", pa.dense_union([pa.field("a", pa.int8())]))]))


def test_schema_to_arrow_and_back() -> None:
    schema = Schema(tuple(Field(f"c{i}", dtype, i % 2 == 0) for i, dtype in enumerate(ALL)))
    assert from_arrow_schema(to_arrow_schema(schema)) == schema
