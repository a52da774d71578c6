"""Text stays dictionary-encoded through the CPU kernels, so that it is compared, hashed and moved as codes."""

from __future__ import annotations

import pyarrow as pa

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, Expr, NamedExpr, SortKey, literal
from volley.engine.expr.build import call, in_list
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.table import CpuTable
from volley.engine.kernels.protocol import GroupSpec, JoinSide, JoinSpec

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
    for texts in (
        [f"ab-{n}" for n in range(3000)],
        ["ab-1", "ab-2"] * 500 + [f"ab-{n}" for n in range(3000)],
        ["ab-1"],
    ):
        made = replaced(texts)
        assert not isinstance(made, pa.DictionaryArray)
        assert made.to_pylist() == ["ab"] * len(texts)
