"""The hand-off: what is written, which bytes are shared, and what the ledger says about both."""

from __future__ import annotations

import decimal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb

from volley.engine.errors import TypeMismatch
from volley.ml.handoff import FeatureMatrix, Ledger


def _address(array: pa.Array) -> int:
    return int(array.buffers()[1].address) + array.offset * array.type.bit_width // 8


def test_write_casts_fills_nulls_and_counts() -> None:
    matrix = FeatureMatrix.allocate(4, ["a", "b", "c", "d"], "float32")
    matrix.write(0, 0, pa.array([1.5, 2.5], pa.float32()))
    matrix.write(2, 0, pa.array([3.5, 4.5], pa.float32()))
    matrix.write(0, 1, pa.chunked_array([[1, 2], [3, None]], pa.int64()))
    matrix.write(0, 2, pa.array([True, False, None, True]))
    matrix.write(0, 3, np.arange(4))
    expected = [[1.5, 1, 1, 0], [2.5, 2, 0, 1], [3.5, 3, np.nan, 2], [4.5, np.nan, 1, 3]]
    np.testing.assert_array_equal(matrix.numpy(), np.array(expected, dtype=np.float32))
    # column b came in two chunks, of which only the second has a null
    assert matrix.ledger.copied == {"gather": 16, "cast": 8 + 16, "null fill": 8 + 16}
    assert matrix.ledger.as_dict()["copied_total"] == 64
    assert matrix.ledger.shared == 64


def test_slices_and_decimals() -> None:
    matrix = FeatureMatrix.allocate(2, ["a", "b"], "float64")
    matrix.write(0, 0, pa.array([9, 1, None, 9]).slice(1, 2))
    matrix.write(0, 1, pa.array([decimal.Decimal("1.25"), None]))
    np.testing.assert_array_equal(matrix.numpy(), [[1, 1.25], [np.nan, np.nan]])


@pytest.mark.parametrize("bad", [pa.array(["x", "y"]), pa.array(["x", "y"]).dictionary_encode()])
def test_text_is_refused_by_name(bad: pa.Array) -> None:
    matrix = FeatureMatrix.allocate(2, ["dest"], "float64")
    with pytest.raises(TypeMismatch, match=r"'dest'.*categorical"):
        matrix.write(0, 0, bad)


def test_numpy_arrow_and_back_are_the_same_bytes() -> None:
    matrix = FeatureMatrix.allocate(100, ["a", "b", "c"], "float32")
    for j in range(3):
        matrix.write(0, j, pa.array(np.arange(100) + 1000 * j, pa.float32()))
    array = matrix.numpy()
    assert array.flags.f_contiguous
    table = matrix.to_arrow()
    for j, name in enumerate(table.column_names):
        assert _address(table[name].chunk(0)) == array[:, j].ctypes.data
    back = FeatureMatrix.adopt([column.chunk(0) for column in table.columns], table.column_names)
    assert back is not None
    assert back.numpy().ctypes.data == array.ctypes.data
    assert np.shares_memory(back.numpy(), array)
    assert back.ledger.copied_bytes == 0
    part = table.slice(10, 50)
    view = FeatureMatrix.adopt([column.chunk(0) for column in part.columns], part.column_names)
    assert view is not None
    np.testing.assert_array_equal(view.numpy(), array[10:60])
    assert np.shares_memory(view.numpy(), array)


def test_one_float_column_is_always_shared() -> None:
    column = pa.array([1.0, 2.0, 3.0], pa.float64())
    matrix = FeatureMatrix.adopt([column], ["x"])
    assert matrix is not None
    assert matrix.numpy().ctypes.data == _address(column)


@pytest.mark.parametrize(
    "columns",
    [
        [],
        [pa.array([1.0, None])],
        [pa.array([1, 2])],
        [pa.array([1.0, 2.0]), pa.array([1.0, 2.0], pa.float32())],
        [pa.array([1.0, 2.0]), pa.array([3.0, 4.0]), pa.array([3.0, 4.0])],
    ],
)
def test_adopt_declines_what_it_cannot_view(columns: list[pa.Array]) -> None:
    assert FeatureMatrix.adopt(columns, [str(i) for i in range(len(columns))]) is None


def test_the_array_outlives_its_arrow_columns_and_the_other_way_round() -> None:
    matrix = FeatureMatrix.allocate(1000, ["a"], "float64")
    matrix.write(0, 0, np.arange(1000.0))
    table = matrix.to_arrow()
    del matrix
    assert table["a"].to_pylist() == list(range(1000))


def test_xgboost_reads_the_matrix_with_missing_values() -> None:
    matrix = FeatureMatrix.allocate(6, ["a", "b"], "float32")
    matrix.write(0, 0, pa.array([1.0, 2.0, None, 4.0, 5.0, 6.0]))
    matrix.write(0, 1, pa.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], pa.float32()))
    data = xgb.QuantileDMatrix(matrix.numpy(), label=np.array([0, 0, 0, 1, 1, 1]))
    assert (data.num_row(), data.num_col(), data.num_nonmissing()) == (6, 2, 11)


def test_ledger_counts_from_many_threads() -> None:
    ledger = Ledger()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ledger.add_copied("cast", 1), range(2000)))
    assert ledger.copied_bytes == 2000
