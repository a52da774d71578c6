"""Tables that a state is given at once: the same answers as one by one, whatever comes up on the way."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ArithmeticOverflow
from volley.engine.expr import Column, NamedExpr, SortKey
from volley.engine.kernels.cpu import judging
from volley.engine.kernels.cpu.aggregate import CpuGroupBy
from volley.engine.kernels.cpu.chunked import ChunkedTable
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.partials import RowStates
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec
from volley.engine.plan import HeldRows

DEVICE = CpuDevice()
ROWS, TABLES = 30_000, 9
WORDS, TWICE = pa.array(["a", "b", "", "long text", "z"]), pa.array(["a", "b", "a", "new", "b"])


def made(kind: str, rng: np.random.Generator, table: int) -> pa.Array:
    """Keys of a table; the last ones bring keys, or nulls, that those before have not."""
    late = table >= TABLES - 2
    groups = rng.integers(0, 700 + 300 * late, ROWS)
    match kind:
        case "one":
            return pa.array(groups * 0 + (table == TABLES - 1))
        case "dense":
            return pa.array(groups)
        case "unique":
            return pa.array(np.arange(ROWS) * 3 + table * ROWS)
        case "growing":
            return pa.array(rng.integers(0, 40 * 5**table, ROWS))
        case "wide":
            return pa.array(groups * 100_003 - 10**7)
        case "small":
            return pa.array(groups.astype(np.int32), mask=groups % 11 == 0)
        case "spread":
            return pa.array(groups * 0x2545F4914F6CDD1D)
        case "nulls":
            return pa.array(groups, mask=(groups % 7 == 0) & (table > 5))
        case "floats":
            return pa.array(np.where(groups % 5 == 0, np.nan, groups / 3))
        case "texts":
            return pa.array([None if late and group % 9 == 0 else f"text {group}" for group in groups.tolist()])
        case "shared":
            codes = pa.array((groups % 5).astype(np.int32), mask=(groups % 9 == 0) if late else None)
            return pa.DictionaryArray.from_arrays(codes, WORDS[::-1] if table == 6 else TWICE if table == 7 else WORDS)
    return pa.array([f"text {group}" for group in groups.tolist()]).dictionary_encode()


def spec(schema: pa.Schema, keys: Sequence[str]) -> GroupSpec:
    known = from_arrow_schema(schema)
    columns = {name: Column(name=name, dtype=known[name].dtype) for name in known.names}
    wanted = [
        (Accumulator.COUNT_ROWS, dtypes.int64, None),
        (Accumulator.SUM, dtypes.float64, "value"),
        (Accumulator.COUNT, dtypes.int64, "number"),
        (Accumulator.SUM, dtypes.int64, "number"),
        (Accumulator.MIN, dtypes.int64, "number"),
        (Accumulator.MAX, dtypes.float64, "value"),
    ]
    specs = [
        AccumulatorSpec(name=f"a{i}", kind=kind, dtype=dtype, argument=None if name is None else columns[name])
        for i, (kind, dtype, name) in enumerate(wanted)
    ]
    return GroupSpec(keys=tuple(NamedExpr(name=key, expr=columns[key]) for key in keys), accumulators=tuple(specs))


def grouped(
    tables: Sequence[pa.Table], keys: Sequence[str], together: int, threads: int = 1, *, chunked: bool = False
) -> pd.DataFrame:
    """Group tables, so many together; ``chunked``: as rows that are held, cut anywhere."""
    schema = from_arrow_schema(tables[0].schema)
    states = [DEVICE.group_by(spec(tables[0].schema, keys))]
    states += [states[0].beside() for _ in range(threads - 1)] if chunked else []
    states += [DEVICE.group_by(spec(tables[0].schema, keys)) for _ in range(threads - len(states))]
    if chunked:
        held = HeldRows(pa.concat_tables(tables))
        cuts = [*range(0, held.table.num_rows, together * ROWS - 7), held.table.num_rows]
        for number, (start, stop) in enumerate(pairwise(cuts)):
            part = DEVICE.chunked(held, start, stop - start, schema, stop - start)
            assert part is not None
            states[number % threads].update(part)
    else:
        own = [DEVICE.from_arrow(table, schema) for table in tables]
        for number, start in enumerate(range(0, len(own), together)):
            states[number % threads].update(*own[start : start + together])
    first, *others = states
    kept = [first, *(other for other in others if not first.absorb(other, few=True))]
    partials = [table for state in kept for table in state.partials(1)[0]]
    merged = DEVICE.merge_groups(partials, spec(tables[0].schema, keys))
    return DEVICE.to_arrow(merged).to_pandas()


@pytest.mark.parametrize("holes", [False, True], ids=["full", "holes"])
@pytest.mark.parametrize(
    "kind",
    ["one", "dense", "unique", "growing", "wide", "small", "spread", "nulls", "floats", "texts", "codes", "shared"],
)
@pytest.mark.parametrize("keys", [("key",), ("key", "part")], ids=["one", "two"])
def test_groups_of_tables_given_together(
    monkeypatch: pytest.MonkeyPatch, kind: str, keys: tuple[str, ...], holes: bool
) -> None:
    monkeypatch.setattr(judging, "_JUDGED_ROWS", ROWS)  # so that each thread passes rows on whose keys are unique
    rng = np.random.default_rng(3)
    tables = []
    for table in range(TABLES):
        number = pa.array(rng.integers(-9, 9, ROWS), mask=(rng.random(ROWS) < 0.1) if holes and table > 4 else None)
        columns = {"key": made(kind, rng, table), "part": rng.integers(0, 3, ROWS), "value": rng.random(ROWS)}
        rest = ROWS - 5 - 9 * (table == 3)  # most are alike, and begin at the same place as the one before or do not
        tables.append(pa.table({**columns, "number": number}).slice(table % 5 // 2, rest))
    rows = pa.concat_tables([table.set_column(0, "key", table["key"].cast(made_type(kind))) for table in tables])
    frame = rows.to_pandas().groupby(list(keys), dropna=False, sort=False)
    expected = frame.agg(
        a0=("value", "size"), a1=("value", "sum"), a2=("number", "count"), a3=("number", "sum"),
        a4=("number", "min"), a5=("value", "max"),
    ).reset_index()  # fmt: skip
    expected["a3"] = expected["a3"].where(expected["a2"] > 0)
    for together in (4, 1):
        found = grouped(tables, keys, together)
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)
    order = expected.sort_values(list(keys)).reset_index(drop=True)
    for threads in (2, 5):
        found = grouped(tables, keys, 2, threads).sort_values(list(keys)).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, order, check_dtype=False, rtol=1e-12)
    for together, threads in ((TABLES, 1), (4, 2)) if kind not in ("codes", "shared") else ():  # which come in tables
        found = grouped(tables, keys, together, threads, chunked=True).sort_values(list(keys)).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, order, check_dtype=False, rtol=1e-12)


def made_type(kind: str) -> pa.DataType:
    return pa.string() if kind in ("texts", "codes", "shared") else pa.float64() if kind == "floats" else pa.int64()


@pytest.mark.parametrize("kind", ["int64", "uint64", "timestamp[us]", "double", "string"])
def test_null_keys_are_those_of_each_of_the_tables_given_together(kind: str) -> None:
    """Tables are alike but for which keys are null, so calls written down for one are made again for the others."""
    rng = np.random.default_rng(6)
    tables = []
    for _ in range(TABLES):
        key = pa.array(rng.integers(0, 300, ROWS), mask=rng.random(ROWS) < 0.05)
        cast = key.cast(pa.int64()).cast(pa.type_for_alias(kind) if "[" not in kind else pa.timestamp("us"))
        tables.append(pa.table({"key": cast, "value": rng.random(ROWS), "number": rng.integers(0, 9, ROWS)}))
    frame = pa.concat_tables(tables).to_pandas().groupby("key", dropna=False, sort=False)
    expected = frame.agg(a0=("value", "size"), a1=("value", "sum"), a3=("number", "sum")).reset_index()
    found = grouped(tables, ["key"], TABLES)[["key", "a0", "a1", "a3"]]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("holes", [0, 3, 40], ids=["full", "some", "holes"])
@pytest.mark.parametrize("texts", [False, True], ids=["number", "text"])
def test_chunks_that_are_alike_are_added_without_making_tables_of_them(
    monkeypatch: pytest.MonkeyPatch, holes: int, texts: bool
) -> None:
    """Chunks are cut to the same length here, but for the last; of some of them a key is null."""
    rng = np.random.default_rng(5)
    monkeypatch.setattr(judging, "_JUDGED_ROWS", ROWS)
    tables = []
    for number in range(40):
        key = rng.integers(0, 300, ROWS + 9)
        mask = rng.random(len(key)) < 0.05 * (number < holes)
        held = pa.array([f"text {each}" for each in key.tolist()] if texts else key, mask=mask)
        columns = {"key": held, "part": key % 7, "value": rng.random(len(key)), "number": key % 11}
        tables.append(pa.table(columns).slice(8 * (number % 2), ROWS - 5 * (number == 20)))
    made: list[int] = []
    table = ChunkedTable.table
    monkeypatch.setattr(ChunkedTable, "table", lambda rows, start, stop: made.append(start) or table(rows, start, stop))
    rows = pa.concat_tables(tables)
    for keys in (["key"], ["key", "part"]):
        made.clear()
        found = grouped(tables, keys, len(tables) + 1, chunked=True)
        assert len(set(made)) <= 8
        frame = rows.to_pandas().groupby(keys, dropna=False, sort=False)
        expected = frame.agg(a0=("value", "size"), a1=("value", "sum"), a3=("number", "sum")).reset_index()
        pd.testing.assert_frame_equal(found[[*keys, "a0", "a1", "a3"]], expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("kind", ["dense", "growing", "wide", "small", "nulls", "texts"])
@pytest.mark.parametrize("keys", [("key",), ("key", "part")], ids=["one", "two"])
def test_calls_for_rows_that_came_before_are_made_again_for_later_ones(
    monkeypatch: pytest.MonkeyPatch, kind: str, keys: tuple[str, ...]
) -> None:
    """Unless keys and states have moved to other memory since, or the rows lie differently."""
    rng = np.random.default_rng(7)
    monkeypatch.setattr(judging, "_JUDGED_ROWS", ROWS)
    tables = []
    for number in range(4 * TABLES):
        key = made(kind, rng, number // 4)
        columns = {"key": key, "part": rng.integers(0, 7, ROWS), "value": rng.random(ROWS), "number": np.arange(ROWS)}
        tables.append(pa.table(columns))
    written: list[int] = []
    write = CpuGroupBy._call_later
    monkeypatch.setattr(CpuGroupBy, "_call_later", lambda *given: written.append(1) or write(*given))
    held, schema = HeldRows(pa.concat_tables(tables)), from_arrow_schema(tables[0].schema)
    state = DEVICE.group_by(spec(tables[0].schema, keys))
    for start in range(0, held.table.num_rows, 2 * ROWS):
        part = DEVICE.chunked(held, start, 2 * ROWS, schema, 2 * ROWS)
        assert part is not None
        state.update(part)
    found = DEVICE.to_arrow(state.partials(1)[0][0]).to_pandas()
    frame = held.table.to_pandas().groupby([*keys], dropna=False, sort=False)
    expected = frame.agg(a0=("value", "size"), a1=("value", "sum"), a3=("number", "sum")).reset_index()
    pd.testing.assert_frame_equal(found[[*keys, "a0", "a1", "a3"]], expected, check_dtype=False, rtol=1e-12)
    if kind in {"dense", "wide"}:
        assert len(written) <= 3  # one for the first rows, and those after the keys that come late


def test_threads_begin_one_after_the_other_and_none_waits_for_one_that_failed() -> None:
    values = {"key": [0, 1] * ROWS, "value": [1.0, 2.0] * ROWS, "number": [2**47, 1] * ROWS}
    rows = pa.concat_tables([pa.table(values)] * 8)
    schema, state = from_arrow_schema(rows.schema), DEVICE.group_by(spec(rows.schema, ["key", "number"]))
    assert isinstance(state, CpuGroupBy)
    turn = state._judge_of_all.turn
    with turn:
        beside = state.beside()
        waiting = threading.Thread(target=beside.update, args=[DEVICE.chunked(HeldRows(rows), 0, 9, schema, 9)])
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join()
    assert len(beside.partials(1)[0]) == 1
    part = DEVICE.chunked(HeldRows(rows), 0, rows.num_rows, schema, rows.nbytes)
    assert part is not None
    with pytest.raises(ArithmeticOverflow):
        state.update(part)
    assert not turn.locked()


def test_what_rows_tell_of_their_groups_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not which groups there are: other rows have other ones."""
    asked: list[int] = []
    found = judging._found
    monkeypatch.setattr(judging, "_found", lambda *given: asked.append(1) or found(*given))
    chunk = pa.table({"key": np.arange(1 << 17) % 5_000, "part": np.zeros(1 << 17, np.int64)})
    chunk = chunk.append_column("value", pa.array(np.ones(1 << 17))).append_column("number", chunk["part"])
    rows = pa.concat_tables([chunk, chunk.set_column(0, "key", pa.array(np.full(1 << 17, 9_000)))] * 2)
    held, schema = HeldRows(rows), from_arrow_schema(rows.schema)

    def groups(keys: Sequence[str], start: int, count: int) -> int:
        state, part = DEVICE.group_by(spec(rows.schema, keys)), DEVICE.chunked(held, start, count, schema, count)
        assert part is not None
        state.update(part)
        (made,) = state.partials(1)[0]
        return made.num_rows

    for _ in range(3):
        assert groups(["key"], 0, rows.num_rows) == 5_001
    assert len(asked) == 1
    assert groups(["key"], 1 << 17, 1 << 17) == 1
    assert groups(["key", "part"], 0, 1 << 17) == 5_000
    assert groups(["part"], 0, rows.num_rows) == 1
    assert len(asked) == 4


def test_groups_that_met_only_nulls_at_first_have_values_later() -> None:
    """Group 1 has a value in the tables given together only, group 2 never."""
    keys = [0, 1, 2] * (ROWS // 3)
    empty = pa.array([1, None, None] * (ROWS // 3), pa.int64())
    full = pa.array([1, 1] * (ROWS // 3), pa.int64())
    some = {"value": pa.array(np.ones(ROWS)), "number": empty, "key": keys}
    rest = {"value": pa.array(np.ones(len(full))), "number": full, "key": [0, 1] * (ROWS // 3)}
    found = grouped([pa.table(some)] * 5 + [pa.table(rest)] * 4, ["key"], 4)
    sums = [1.0 * (5 * ROWS // 3 + 4 * ROWS // 3), 4.0 * (ROWS // 3)]
    assert found["a3"].tolist()[:2] == sums
    assert pd.isna(found["a3"][2])


def test_a_sum_that_overflows_is_an_error_among_tables_given_together() -> None:
    tables = [pa.table({"key": [0, 1] * ROWS, "value": [1.0, 2.0] * ROWS, "number": [2**47, 1] * ROWS})] * 8
    with pytest.raises(ArithmeticOverflow, match=r"sum\(number\) does not fit int64"):
        grouped(tables, ["key"], 4)


@pytest.mark.parametrize("chunked", [False, True], ids=["tables", "chunks"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("key", ["number", "value", "text", "holed"])
def test_first_rows_of_tables_given_together(key: str, down: bool, threads: int, chunked: bool) -> None:
    rng = np.random.default_rng(4)
    count = 40_000
    value = np.where(rng.random(count) < 0.001, np.nan, rng.standard_normal(count))
    rows = pa.table(
        {
            "number": rng.integers(0, 300, count),
            "value": value,
            "text": pa.array([f"{number:05d} text" for number in rng.integers(0, 3000, count).tolist()]),
            "holed": pa.array(rng.integers(0, 10**6, count), mask=rng.random(count) < 0.5),
            "row": np.arange(count),
        }
    )
    schema = from_arrow_schema(rows.schema)
    keys = [
        SortKey(expr=Column(name=key, dtype=schema[key].dtype), descending=down, nulls_first=False),
        SortKey(expr=Column(name="row", dtype=dtypes.int64)),
    ]
    first = DEVICE.top_k(keys, 50, schema)
    states = [first, *(first.beside() for _ in range(threads - 1))]
    pieces = [rows.slice(start, 20_000 - start // 3) for start in range(0, count, 20_000)] + [rows.slice(33_334)]
    for state, start in zip(states * 3, range(0, len(pieces), 2), strict=False):
        given = pieces[start : start + 2]
        if chunked:
            held = HeldRows(pa.concat_tables(given))
            parts = [DEVICE.chunked(held, 0, 9, schema, 1), DEVICE.chunked(held, 9, held.table.num_rows - 9, schema, 1)]
            state.update(*(part for part in parts if part is not None))
        else:
            state.update(*(DEVICE.from_arrow(piece, schema) for piece in given))
    best, *others = states
    for other in others:
        best.absorb(other)
    order = [(key, "descending" if down else "ascending"), ("row", "ascending")]
    whole = rows if key != "value" else rows.set_column(1, "value", pa.array(np.nan_to_num(value, nan=np.inf)))
    expected = whole.sort_by(order).slice(0, 50)
    assert DEVICE.to_arrow(best.result())["row"].to_pylist() == expected["row"].to_pylist()


def test_rows_that_are_held_are_found_by_their_addresses_whatever_their_chunks() -> None:
    number = pa.chunked_array([[1, 2], pa.array([], pa.int64()), [3, 4, 5], [6]])
    value = pa.chunked_array([pa.array([0.0, 1.5, 2.5]).slice(1), [3.5, 4.5], [5.5, 6.5]])
    rows = pa.table({"number": number, "text": pa.chunked_array([list("ab"), list("cdef")]), "value": value})
    schema = from_arrow_schema(rows.schema)
    held = HeldRows(rows)
    whole, part = DEVICE.chunked(held, 0, 6, schema, 60), DEVICE.chunked(held, 1, 4, schema, 40)
    assert whole is not None
    assert part is not None
    assert [table.num_rows for table in whole.tables()] == [2, 2, 1, 1]
    assert (part.num_rows, part.starts().tolist()) == (4, [1, 2, 4, 5])
    taken = whole.chunks.take(schema, np.array([3, 0, 5, 4, 1]))
    assert [column.to_pylist() for column in taken.columns] == [
        [4, 1, 6, 5, 2],
        ["d", "a", "f", "e", "b"],
        [4.5, 1.5, 6.5, 5.5, 2.5],
    ]
    assert not whole.chunks.take(schema, np.zeros(0, np.int64)).num_rows
    columns = [Column(name=name, dtype=schema[name].dtype) for name in schema.names]
    words = part.words(columns[2])
    assert words is not None
    assert words[1].tolist() == [1, 2, 4, 5]
    assert part.words(columns[1]) is None


def test_what_is_known_of_rows_is_not_pickled_with_them() -> None:
    rows = pa.table({"number": pa.chunked_array([[1, 2], [3]])})
    held = HeldRows(rows)
    whole = DEVICE.chunked(held, 0, 3, from_arrow_schema(rows.schema), 24)
    assert whole is not None
    assert held.known
    again = pickle.loads(pickle.dumps(held))
    assert again.table.equals(rows)
    assert not again.known


def test_rows_are_not_held_in_chunks_where_columns_are_not_held_as_they_are() -> None:
    rows = pa.table({"number": [1, 2, 3]})
    schema = from_arrow_schema(rows.schema)
    assert DEVICE.chunked(HeldRows(rows), 0, 0, schema, 0) is None
    assert DEVICE.chunked(HeldRows(rows.cast(pa.schema([("number", pa.int32())]))), 0, 3, schema, 1) is None


@pytest.mark.parametrize(("kind", "passed_on"), [("all differ", True), ("in turn", False), ("few", False)])
def test_rows_that_all_differ_are_passed_on_before_any_is_grouped(kind: str, passed_on: bool) -> None:
    """Keys that come in turn all differ within each sample; that samples are alike shows that they do not."""
    numbers = np.arange(1 << 17)
    keys = {"all differ": numbers * 7, "in turn": numbers % 30_000, "few": numbers % 50}[kind]
    rows = pa.table({"key": keys, "value": numbers / 3, "number": numbers})
    known = from_arrow_schema(rows.schema)
    state = CpuGroupBy(spec(rows.schema, ["key"]))
    state.update(DEVICE.from_arrow(rows, known))
    assert state._gave_up is passed_on
    (partial,) = state.partials(1)[0]
    assert isinstance(partial.columns, RowStates) is passed_on
    found = DEVICE.to_arrow(DEVICE.merge_groups([partial], spec(rows.schema, ["key"]))).to_pandas()
    expected = rows.to_pandas().groupby("key", sort=False)["number"].sum()
    assert dict(zip(found["key"], found["a3"], strict=True)) == expected.to_dict()


def test_chunks_that_are_passed_on_are_kept_without_making_tables_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are cut differently, and what is given begins and ends within chunks."""
    monkeypatch.setattr(judging, "_JUDGED_ROWS", ROWS)
    rng = np.random.default_rng(8)
    total = 8 * ROWS
    keys, numbers = rng.permutation(total) * 3, np.arange(total)
    cuts = {"key": [0, ROWS, 4 * ROWS, total], "number": [0, 2 * ROWS + 5, 7 * ROWS, total], "value": [0, total]}
    values = {"key": keys, "number": numbers, "value": numbers / 8}
    rows = pa.table({name: pa.chunked_array([values[name][a:b] for a, b in pairwise(cuts[name])]) for name in cuts})
    made: list[int] = []
    table = ChunkedTable.table
    monkeypatch.setattr(ChunkedTable, "table", lambda rows, start, stop: made.append(start) or table(rows, start, stop))
    held, wanted = HeldRows(rows), spec(rows.schema, ["key"])
    state = CpuGroupBy(wanted)
    given = [0, 3 * ROWS + 7, 3 * ROWS + 9, 5 * ROWS, total - 11]
    for start, stop in pairwise(given):
        part = DEVICE.chunked(held, start, stop - start, from_arrow_schema(rows.schema), stop - start)
        assert part is not None
        state.update(part)
    assert state._gave_up
    assert set(made) == {0}
    assert state.nbytes == 6 * 8 * given[-1]  # the key, and what each of five states reads
    partials = state.partials(1)[0]
    found = DEVICE.to_arrow(DEVICE.merge_groups(partials, wanted)).to_pandas()
    assert dict(zip(found["key"], found["a3"], strict=True)) == dict(
        zip(keys[: given[-1]].tolist(), range(given[-1]), strict=True)
    )
