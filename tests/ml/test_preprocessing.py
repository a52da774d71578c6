"""Scalers, imputers and encoders against scikit-learn."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from volley.engine.errors import TypeMismatch
from volley.ml.errors import UnseenCategory
from volley.ml.preprocessing.categories import Categories, count_categories, write_one_hot, write_ordinal
from volley.ml.preprocessing.impute import count_values, merge_values, order_statistics
from volley.ml.preprocessing.moments import column_moments, merge_columns
from volley.ml.preprocessing.scale import min_max_scaling, standard_scaling


def _with_holes(rows: int = 20_000) -> np.ndarray:
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.normal(size=(rows, 4)) * [1, 10, 1e-3, 1e4] + [0, 5, 1, 1e6])
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_scalers_equal_scikit_learn(dtype: type) -> None:
    X = _with_holes().astype(dtype)
    moments = reduce(merge_columns, map(column_moments, np.array_split(X, 7)))
    for scaling, theirs in [
        (standard_scaling(moments), StandardScaler()),
        (min_max_scaling(moments), MinMaxScaler()),
    ]:
        ours = X.copy()
        scaling.apply(ours)
        np.testing.assert_allclose(ours, theirs.fit_transform(X), rtol=1e-4, atol=2e-4 if dtype == np.float32 else 1e-9)


def test_a_constant_or_empty_column_is_not_divided_by_zero() -> None:
    X = np.array([[0.1, np.nan], [0.1, np.nan], [0.1, np.nan]])
    moments = column_moments(X)
    for scaling in (standard_scaling(moments), min_max_scaling(moments)):
        assert scaling.scale.tolist() == [1.0, 1.0]
        ours = X.copy()
        scaling.apply(ours)
        np.testing.assert_allclose(ours[:, 0], 0.0, atol=1e-15)


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(-1e6, 1e6)),
    st.integers(1, 5),
)
def test_moments_do_not_depend_on_the_cut(X: np.ndarray, parts: int) -> None:
    cut = reduce(merge_columns, map(column_moments, np.array_split(X, parts)))
    np.testing.assert_allclose(cut.mean, X.mean(axis=0), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(cut.variance, X.var(axis=0), rtol=1e-6, atol=1e-3)
    assert cut.low.tolist() == X.min(axis=0).tolist()
    assert cut.high.tolist() == X.max(axis=0).tolist()


@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_nan=True)), st.integers(1, 4))
def test_order_statistics_do_not_depend_on_the_cut(values: np.ndarray, parts: int) -> None:
    present = np.sort(values[~np.isnan(values)])
    cut = [np.sort(part) for part in np.array_split(present, parts)]

    def count_up_to(bounds: np.ndarray) -> np.ndarray:
        return np.array([sum(np.searchsorted(part, bound, side="right") for part in cut) for bound in bounds])

    found = order_statistics(count_up_to, np.arange(len(present)))
    assert found.tolist() == present.tolist()


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([1.0, 2.0, -3.0, np.nan])))
def test_counts_of_values_do_not_depend_on_the_cut(values: np.ndarray) -> None:
    whole, cut = count_values(values), reduce(merge_values, map(count_values, np.array_split(values, 3)))
    assert (cut.values.tolist(), cut.counts.tolist()) == (whole.values.tolist(), whole.counts.tolist())


def _table(column: pa.Array, name: str = "c") -> Categories:
    return count_categories([column], column.type).categories(name)


def test_one_hot_equals_scikit_learn() -> None:
    column = pa.array(["b", "a", "c", "a"])
    table = _table(column)
    later = pa.array(["c", "zebra", "a"])
    target = np.empty((3, len(table)), order="F")
    write_one_hot(table.encode(later, unknown="ignore"), target)
    theirs = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    theirs.fit(np.array(column.to_pylist(), dtype=object)[:, None])
    np.testing.assert_array_equal(target, theirs.transform(np.array(later.to_pylist(), dtype=object)[:, None]))


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a", None, "a"],
        [3, 1, None, 1],
        [2.5, float("nan"), None, -1.0],
        [True, False, None, True],
    ],
)
def test_sorted_codes_and_null_last(values: list[object]) -> None:
    column = pa.array(values)
    table = _table(column)
    assert table.has_null
    assert table.labels[-1] == "null"
    plain = table.values.to_pylist()
    assert plain == sorted(plain)
    codes = table.encode(column, unknown="error")
    for value, code in zip(values, codes, strict=True):
        missing = value is None or value != value
        assert code == (len(plain) if missing else plain.index(value))


def test_null_is_unknown_where_there_was_none() -> None:
    table = _table(pa.array([1, 2]))
    codes = table.encode(pa.array([2, None, 9]), unknown="ignore")
    assert codes.tolist() == [1, -1, -1]
    target = np.empty(3)
    write_ordinal(codes, target)
    np.testing.assert_array_equal(target, [1.0, np.nan, np.nan])
    with pytest.raises(UnseenCategory, match=r"'c' holds None.*ignore"):
        table.encode(pa.array([2, None]), unknown="error")


def test_dictionaries_that_differ_from_chunk_to_chunk() -> None:
    chunks = [
        pa.array(["x", "y", None]).dictionary_encode(),
        pa.array(["z", "x", "x"]).dictionary_encode(),
        pa.array(["y", "w"]).dictionary_encode().slice(1),
    ]
    counts = count_categories(chunks, chunks[0].type)
    assert counts.values.to_pylist() == ["w", "x", "y", "z"]
    assert counts.counts.tolist() == [1, 3, 1, 1]
    assert counts.nulls == 1
    assert counts.most_frequent is not None
    assert counts.most_frequent.as_py() == "x"
    table = counts.categories("c")
    assert [table.encode(chunk, unknown="error").tolist() for chunk in chunks] == [[1, 2, 4], [3, 1, 1], [0]]
    assert table.encode(pa.array(["q", "w"]).dictionary_encode(), unknown="ignore").tolist() == [-1, 0]


def test_number_types_may_differ_but_not_kinds() -> None:
    table = _table(pa.array([1, 2], pa.int8()))
    assert table.encode(pa.array([2, 257], pa.int64()), unknown="ignore").tolist() == [1, -1]
    assert table.encode(pa.array([1.0, 1.5, float("nan")]), unknown="ignore").tolist() == [0, -1, -1]
    with pytest.raises(TypeMismatch, match="is string but was int8"):
        table.encode(pa.array(["1"]), unknown="ignore")


def test_unseen_category_names_value_and_column() -> None:
    with pytest.raises(UnseenCategory, match="column 'carrier' holds 'ZZ'"):
        _table(pa.array(["AA"]), "carrier").encode(pa.array(["AA", "ZZ"]), unknown="error")


def test_no_rows_and_only_nulls() -> None:
    assert len(_table(pa.array([], pa.string()))) == 0
    only = count_categories([pa.nulls(3, pa.string())], pa.string())
    assert only.most_frequent is None
    assert only.categories("c").encode(pa.array([None, "a"]), unknown="ignore").tolist() == [0, -1]
