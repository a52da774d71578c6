"""The split: the same rows however they are cut, met shares, and options that make no sense."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine.errors import ColumnNotFound, ConfigError, TypeMismatch
from volley.engine.frame import DataFrame, Session, concat
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import Scan
from volley.ml.rowhash import hash_rows
from volley.ml.split import train_test_split

ROWS = 20_000


def _table(rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(0)
    label = rng.choice(["a", "b", "rare"], rows, p=[0.6, 0.395, 0.005])
    return pa.table(
        {
            "id": np.arange(rows),
            "x": rng.normal(size=rows),
            "label": pa.array(label, mask=rng.random(rows) < 0.01),
        }
    )


def _frame(table: pa.Table, partitions: int = 1, threads: int = 1) -> DataFrame:
    return DataFrame.from_plan(Scan(source=MemorySource(table, partitions)), Session(threads=threads))


def _ids(frame: DataFrame) -> list[int]:
    return sorted(frame.to_arrow()["id"].to_pylist())


@pytest.mark.parametrize("stratify", [None, "label"])
def test_every_row_is_on_one_side_the_same_for_any_cut(stratify: str | None) -> None:
    table = _table()
    train, test = train_test_split(_frame(table), stratify=stratify, seed=1)
    expected = _ids(test)
    assert sorted(expected + _ids(train)) == list(range(ROWS))
    assert train.columns == test.columns == table.column_names
    for partitions, threads in [(2, 2), (7, 3)]:
        again = train_test_split(_frame(table, partitions, threads), stratify=stratify, seed=1)
        assert _ids(again[1]) == expected
    shuffled = table.take(np.random.default_rng(5).permutation(ROWS))
    assert _ids(train_test_split(_frame(shuffled), stratify=stratify, seed=1)[1]) == expected
    assert _ids(train_test_split(_frame(table), stratify=stratify, seed=2)[1]) != expected


def test_the_share_is_met_in_every_stratum() -> None:
    table = _table()
    _, test = train_test_split(_frame(table, 3), test_size=0.3, stratify="label")
    for value in ["a", "b", "rare", None]:
        whole = table["label"].to_pylist().count(value)
        drawn = test.to_arrow()["label"].to_pylist().count(value)
        assert abs(drawn - 0.3 * whole) <= 1.0, value


def test_the_share_is_met_roughly_without_strata() -> None:
    _, test = train_test_split(_frame(_table()), test_size=0.3)
    assert len(test) == pytest.approx(0.3 * ROWS, abs=4 * np.sqrt(ROWS * 0.21))


def test_rows_of_one_key_stay_together_and_only_it_is_read() -> None:
    table = _table().append_column("person", pa.array(np.arange(ROWS) // 10))
    train, test = train_test_split(_frame(table), key=["person"])
    people = set(train.to_arrow()["person"].to_pylist())
    assert people.isdisjoint(test.to_arrow()["person"].to_pylist())
    assert "columns=[id, person]" in test.select("id").explain("optimized")


def test_a_filter_above_the_split_moves_below_it() -> None:
    _, test = train_test_split(_frame(_table()), seed=3)
    plan = test[test.x > 2].explain("optimized")
    assert plan.index("split(") < plan.index("x > 2") or "where" in plan
    assert _ids(test[test.x > 2]) == [i for i, x in zip(*_pairs(test), strict=True) if x > 2]


def _pairs(frame: DataFrame) -> tuple[list[int], list[float]]:
    rows = frame.to_arrow().sort_by("id")
    return rows["id"].to_pylist(), rows["x"].to_pylist()


def test_splitting_again_gives_three_parts() -> None:
    frame = _frame(_table())
    rest, test = train_test_split(frame, seed=0)
    train, valid = train_test_split(rest, seed=1)
    assert len(concat([train, valid, test])) == ROWS
    assert len(valid) == pytest.approx(0.25 * len(rest), rel=0.1)


def test_no_rows() -> None:
    train, test = train_test_split(_frame(_table(5).slice(0, 0)), stratify="label")
    assert (len(train), len(test)) == (0, 0)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"test_size": 1.0}, ConfigError, "between 0 and 1"),
        ({"seed": -1}, ConfigError, "seed"),
        ({"key": []}, ConfigError, "key names no column"),
        ({"key": ["idd"]}, ColumnNotFound, "did you mean 'id'"),
        ({"stratify": "lable"}, ColumnNotFound, "did you mean 'label'"),
        ({"key": ["tags"]}, TypeMismatch, "'tags'"),
        ({"stratify": "tags"}, TypeMismatch, "'tags'"),
    ],
)
def test_options_are_checked(options: dict, error: type[Exception], words: str) -> None:
    table = _table(10).append_column("tags", pa.array([["t"]] * 10))
    with pytest.raises(error, match=words):
        train_test_split(_frame(table), **options)


def test_hashes_see_values_and_not_encodings() -> None:
    values = ["x", "", None, "long text", "x"]
    plain = pa.table({"t": pa.array(values)})
    expected = hash_rows(plain, seed=0)
    assert expected[0] == expected[4]
    assert len(set(expected.tolist())) == 4
    for other in [
        pa.array(values, pa.large_string()),
        pa.array(values, pa.string_view()),
        pa.array(values).dictionary_encode(),
        pa.chunked_array([pa.array(values[:2]), pa.array(values[2:])]),
        pa.array(["skipped", *values]).slice(1),
    ]:
        np.testing.assert_array_equal(hash_rows(pa.table({"t": other}), seed=0), expected)
    assert not np.array_equal(hash_rows(plain, seed=1), expected)


def test_hashes_of_numbers() -> None:
    numbers = hash_rows(pa.table({"n": [0.0, -0.0, float("nan"), -float("nan"), None, 1.0]}), seed=0)
    assert numbers[0] == numbers[1]
    assert numbers[2] == numbers[3]
    assert len(set(numbers.tolist())) == 4
    wide, narrow = (hash_rows(pa.table({"n": pa.array([1, None, -5], t)}), seed=0) for t in (pa.int64(), pa.int16()))
    np.testing.assert_array_equal(wide, narrow)


def test_hashes_of_every_plain_type() -> None:
    moment = dt.datetime(2020, 1, 2, 3, tzinfo=dt.UTC)
    columns = {
        "bool": [True, False, None],
        "date": [dt.date(2020, 1, 1), dt.date(2021, 1, 1), None],
        "moment": [moment, moment + dt.timedelta(seconds=1), None],
        "length": [dt.timedelta(1), dt.timedelta(2), None],
        "time": [dt.time(1), dt.time(2), None],
        "decimal": [decimal.Decimal("1.10"), decimal.Decimal("1.20"), None],
        "binary": [b"\x00", b"\x00\x00", None],
        "null": [None, None, None],
        "uint64": pa.array([1, 2**64 - 1, None], pa.uint64()),
    }
    for name, values in columns.items():
        hashes = hash_rows(pa.table({name: values}), seed=0)
        assert len(set(hashes.tolist())) == (1 if name == "null" else 3), name


@given(st.lists(st.binary(max_size=6), max_size=30))
def test_texts_hash_equal_when_equal(values: list[bytes]) -> None:
    hashes = hash_rows(pa.table({"t": pa.array(values, pa.binary())}), seed=0).tolist()
    assert len(set(hashes)) == len(set(values))
    assert len(set(zip(values, hashes, strict=True))) == len(set(values))


def test_hashes_are_spread_evenly() -> None:
    hashes = hash_rows(pa.table({"t": [f"row {i}" for i in range(64_000)]}), seed=0)
    for shift in (0, 30, 58):
        counts = np.bincount(((hashes >> np.uint64(shift)) & np.uint64(63)).astype(int), minlength=64)
        assert ((counts - 1000) ** 2 / 1000).sum() < 120  # chi-squared with 63 degrees of freedom
