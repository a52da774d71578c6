"""Text stays dictionary-encoded through the CPU kernels, so that it is compared, hashed and moved as codes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Call, Column, Expr, NamedExpr, SortKey, literal
from volley.engine.expr.build import call, in_list
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.functions.registry import KERNELS, Value
from volley.engine.kernels.cpu.functions.remembered import _spare
from volley.engine.kernels.cpu.table import CpuTable
from volley.engine.kernels.evaluation import forget
from volley.engine.kernels.specs import GroupSpec, JoinSide, JoinSpec

DEVICE = CpuDevice()
DATA = pa.table({"s": pa.array(["a", "b", None, "a"] * 50).dictionary_encode(), "i": pa.array(range(200))})
SCHEMA = from_arrow_schema(DATA.schema)
TABLE = DEVICE.from_arrow(DATA, SCHEMA)
S = Column(name="s", dtype=dtypes.string)
I = Column(name="i", dtype=dtypes.int64)  # noqa: E741 - the column's name


def is_encoded(table: CpuTable, name: str = "s") -> bool:
    return isinstance(table.column(name), pa.DictionaryArray)


def projected(expr: Expr) -> pa.Array:
    return DEVICE.project(TABLE, [NamedExpr(name="x", expr=expr)]).columns[0]


def test_moving_rows_keeps_codes() -> None:
    assert is_encoded(TABLE)
    assert is_encoded(DEVICE.filter(TABLE, call("greater", I, literal(5))))
    assert is_encoded(DEVICE.slice(TABLE, 3, 10))
    assert is_encoded(DEVICE.sort([TABLE], [SortKey(expr=I, descending=True)], SCHEMA))
    assert is_encoded(DEVICE.distinct_first([TABLE], ["i"], SCHEMA))
    assert all(isinstance(part, CpuTable) and is_encoded(part) for part in DEVICE.hash_partition(TABLE, [I], 4))


def test_concatenation_unifies_dictionaries() -> None:
    other = DEVICE.from_arrow(
        pa.table({"s": pa.array(["b", "c"] * 20).dictionary_encode(), "i": pa.array(range(40))}), SCHEMA
    )
    whole = DEVICE.concat([TABLE, other], SCHEMA)
    assert is_encoded(whole)
    assert sorted(whole.column("s").dictionary.to_pylist()) == ["a", "b", "c"]


def test_text_functions_of_one_column_keep_codes() -> None:
    for expr in (call("upper", S), call("substring", S, literal(1), literal(1)), call("concat", S, literal("!"))):
        assert isinstance(projected(expr), pa.DictionaryArray)
    assert projected(call("upper", S)).dictionary.to_pylist() == ["A", "B"]
    for expr in (call("equal", S, literal("a")), in_list(S, ["a"])):
        assert projected(expr).to_pylist() == [True, False, None, True] * 50


def test_groups_and_joins_keep_codes() -> None:
    spec = GroupSpec(keys=(NamedExpr(name="s", expr=S), NamedExpr(name="i", expr=I)), accumulators=())
    groups = DEVICE.group_by(spec)
    groups.update(TABLE)
    partials = groups.partials(2)
    assert all(isinstance(part, CpuTable) and is_encoded(part) for parts in partials for part in parts)
    build = DEVICE.from_arrow(pa.table({"j": pa.array(range(100))}), from_arrow_schema(pa.schema({"j": pa.int64()})))
    join = JoinSpec(
        side=JoinSide.INNER,
        probe_keys=(I,),
        build_keys=(Column(name="j", dtype=dtypes.int64),),
        probe_schema=SCHEMA,
        build_schema=build.schema,
        output=SCHEMA,
    )
    assert is_encoded(DEVICE.build_join([build], join).probe(TABLE))


def test_a_dictionary_larger_than_its_rows_is_left_alone() -> None:
    wide = pa.DictionaryArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array([str(n) for n in range(5000)]))
    data = pa.table({"s": wide})
    table = DEVICE.from_arrow(data, from_arrow_schema(data.schema))
    longer = DEVICE.project(table, [NamedExpr(name="x", expr=call("length", S))])
    assert longer.columns[0].to_pylist() == [1, 1]


REPLACED = {"pattern": "^([a-z]+)-.*$", "replacement": r"\1", "all": False}


def replaced(texts: list[str | None]) -> pa.Array:
    data = pa.table({"s": pa.array(texts, pa.string())})
    table = DEVICE.from_arrow(data, from_arrow_schema(data.schema))
    return DEVICE.project(table, [NamedExpr(name="x", expr=call("regexp_replace", S, **REPLACED))]).columns[0]


def test_costly_functions_of_texts_that_repeat_are_computed_once_for_each_text() -> None:
    made = replaced(["ab-1", "cd-2", None, "-"] * 500)
    assert isinstance(made, pa.DictionaryArray)
    assert len(made.dictionary) == 3
    assert made.to_pylist() == ["ab", "cd", None, "-"] * 500


def test_costly_functions_leave_texts_that_differ_as_they_are() -> None:
    for texts in ([f"ab-{n}" for n in range(3000)], ["ab-1"]):
        made = replaced(texts)
        assert not isinstance(made, pa.DictionaryArray)
        assert made.to_pylist() == ["ab"] * len(texts)


class Counted:
    """Gives the same as a kernel, and counts the values that it was asked for."""

    def __init__(self, name: str) -> None:
        self.known, self.values = KERNELS[name], 0

    def __call__(self, expr: Call, values: list[Value]) -> pa.Array:
        self.values += max(len(value) for value in values if isinstance(value, pa.Array))
        return self.known.run(expr, values)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("regexp_replace", REPLACED, lambda text: text.split("-")[0] or text),
        ("md5", {}, lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()),
        ("regexp_count", {"pattern": "1"}, lambda text: text.count("1")),
    ],
)
def test_texts_of_several_batches_are_computed_once(
    monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any], expected: Callable[[str], Any]
) -> None:
    counted = Counted(name)
    monkeypatch.setitem(KERNELS, name, replace(counted.known, run=counted))
    exprs = [NamedExpr(name="x", expr=call(name, S, **options))]
    texts: list[str | None] = [[None, "", "-"][n % 50] if n % 50 < 3 else f"ab-{n % 1500}" for n in range(6000)]
    for start in (0, 2000, 4000, 0):
        data = pa.table({"s": pa.array(texts[start : start + 2000], pa.string())})
        made = DEVICE.project(DEVICE.from_arrow(data, from_arrow_schema(data.schema)), exprs).columns[0]
        wanted = [None if text is None else expected(text) for text in texts[start : start + 2000]]
        assert made.to_pylist() == wanted
    assert counted.values == len({*texts} - {None})
    forget()  # as the end of a run does
    DEVICE.project(DEVICE.from_arrow(data, from_arrow_schema(data.schema)), exprs)
    assert counted.values > len({*texts} - {None})


def test_of_nulls_alone_costly_functions_make_nulls() -> None:
    assert replaced([None] * 2000).to_pylist() == [None] * 2000


def test_a_run_forgets_the_texts_that_it_has_met() -> None:
    frame = vl.from_arrow(pa.table({"s": ["ab-1", "cd-2"] * 4000}))
    vl.sql("select regexp_replace(s, '-.*', '') as x, count(*) as n from t group by 1", t=frame).to_arrow()
    assert not _spare


@pytest.mark.parametrize("texts", [["a", "bcd", None, ""], ["aä", "€", None, "😀😀", "x"], [None], []])
def test_lengths_are_of_code_points(texts: list[str | None]) -> None:
    data = pa.table({"s": pa.array(["é", *texts, "long"], pa.string()).slice(1, len(texts))})
    table = DEVICE.from_arrow(data, from_arrow_schema(data.schema))
    made = DEVICE.project(table, [NamedExpr(name="x", expr=call("length", S))]).columns[0]
    assert made.to_pylist() == [None if text is None else len(text) for text in texts]


@pytest.mark.parametrize("texts", [["13-702", "", None, "a", "31"], ["é-702", "x", None, "ab€d"], [None, None], []])
@pytest.mark.parametrize(("start", "count"), [(1, 2), (2, 3), (3, None), (1, 0), (9, 9), (2**40, 2**40), (1, None)])
def test_parts_of_texts_are_counted_in_code_points(texts: list[str | None], start: int, count: int | None) -> None:
    data = pa.table({"s": pa.array(["other", *texts, "long"], pa.string()).slice(1, len(texts))})
    table = DEVICE.from_arrow(data, from_arrow_schema(data.schema))
    options = [literal(start)] if count is None else [literal(start), literal(count)]
    made = DEVICE.project(table, [NamedExpr(name="x", expr=call("substring", S, *options))]).columns[0]
    stop = None if count is None else start - 1 + count
    made.validate(full=True)
    assert made.to_pylist() == [None if text is None else text[start - 1 : stop] for text in texts]
