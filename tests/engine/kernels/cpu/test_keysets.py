"""Sets of join keys: never without a key, and exact where they can be."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.kernels.devices import key_set

EXTREMES = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2**62, 2**63 - 1])
INTEGERS = st.lists(st.one_of(st.none(), EXTREMES, st.integers(-50, 50), st.integers(-(2**63), 2**63 - 1)), max_size=40)


def chunked(*columns):
    return [pa.chunked_array([column]) for column in columns]


@given(keys=INTEGERS, values=INTEGERS, cut=st.integers(0, 40))
def test_integers_among_the_keys_are_selected(keys, values, cut):
    made = key_set(dtypes.int64, chunked(pa.array(keys[:cut], pa.int64()), pa.array(keys[cut:], pa.int64())))
    wanted = [i for i, value in enumerate(values) if value is not None and value in keys]
    padded = pa.array([7, *values], pa.int64()).slice(1)
    found = made.select(padded).tolist()
    assert set(wanted) <= set(found)
    present = [key for key in keys if key is not None]
    if present and max(present) - min(present) < 1 << 16:
        assert found == wanted
    assert all(values[i] is not None for i in found)


@given(keys=INTEGERS, low=EXTREMES | st.none(), high=EXTREMES | st.none())
def test_bounds_that_hold_a_key_are_known_to(keys, low, high):
    made = key_set(dtypes.int64, chunked(pa.array(keys, pa.int64())))
    held = any(k is not None and (low is None or low <= k) and (high is None or k <= high) for k in keys)
    assert made.may_hold(low, high) or not held


def test_bounds_between_two_keys_hold_none():
    made = key_set(dtypes.int64, chunked(pa.array([10, 500])))
    assert made.may_hold(10, 10)
    assert made.may_hold(None, 10)
    assert not made.may_hold(11, 499)
    assert not made.may_hold(501, None)
    assert not key_set(dtypes.int64, []).may_hold(None, None)


def test_bounds_of_moments_are_nanoseconds():
    moments = pa.array([1_000, 9_000], pa.timestamp("us"))
    made = key_set(dtypes.timestamp("us"), chunked(moments))
    assert made.may_hold(999_999, 1_000_000)
    assert not made.may_hold(1_000_001, 8_999_999)


@given(
    keys=st.lists(st.none() | st.text(max_size=3), max_size=20),
    values=st.lists(st.none() | st.text(max_size=3), max_size=20),
    coded=st.booleans(),
)
def test_texts_are_selected_exactly(keys, values, coded):
    column, tested = pa.array(keys, pa.string()), pa.array(values, pa.string())
    if coded:
        column, tested = column.dictionary_encode(), tested.dictionary_encode()
    made = key_set(dtypes.string, chunked(column))
    assert made.select(tested).tolist() == [i for i, v in enumerate(values) if v is not None and v in keys]
    for low, high in ((None, "b"), ("a", "c"), ("c", None)):
        held = any(k is not None and (low is None or low <= k) and (high is None or k <= high) for k in keys)
        assert made.may_hold(low, high) == held


@pytest.mark.parametrize(
    ("dtype", "column"),
    [
        (dtypes.float64, pa.array([1.0])),
        (dtypes.uint64, pa.array([1], pa.uint64())),
        (dtypes.string, pa.array([str(i) for i in range(5000)])),
        (dtypes.bool_, pa.array([True])),
    ],
)
def test_there_is_no_set_of_some(dtype, column):
    assert key_set(dtype, chunked(column)) is None


def test_a_set_that_leaves_little_out_is_given_up():
    made = key_set(dtypes.int64, chunked(pa.array(np.arange(1000))))
    assert made.is_useful
    made.select(pa.array(np.zeros(1 << 18, dtype=np.int64)))
    assert not made.is_useful
    selective = key_set(dtypes.int64, chunked(pa.array([5])))
    selective.select(pa.array(np.zeros(1 << 18, dtype=np.int64)))
    assert selective.is_useful


def test_keys_that_lie_apart_are_exact_in_little_memory():
    keys = np.arange(50_000, dtype=np.int64) * 60 - 1_000_003
    made = key_set(dtypes.int64, chunked(pa.array(keys)))
    values = np.arange(keys[0] - 100, keys[-1] + 100)
    assert values[made.select(pa.array(values))].tolist() == keys.tolist()
    assert made.nbytes <= 8 * len(keys)
    assert not made.may_hold(int(keys[7]) + 1, int(keys[8]) - 1)
    assert made.may_hold(int(keys[7]) + 1, int(keys[8]))


def test_few_strangers_pass_where_keys_lie_too_far_apart():
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**50, 100_000)
    made = key_set(dtypes.int64, chunked(pa.array(keys)))
    strangers = rng.integers(0, 2**50, 100_000)
    assert len(made.select(pa.array(strangers))) < 0.05 * len(strangers)
    assert len(made.select(pa.array(keys))) == len(keys)
