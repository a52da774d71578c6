from __future__ import annotations

import itertools

import pytest

from volley.engine import dtypes
from volley.engine.dtypes import DataType
from volley.engine.expr.catalogue import AGGREGATES, FUNCTIONS, SQL_AGGREGATES, SQL_FUNCTIONS, Aggregate, Function

TYPES: tuple[DataType, ...] = (
    *(dtypes.int8, dtypes.int64, dtypes.uint32, dtypes.float32, dtypes.float64, dtypes.decimal(9, 2), dtypes.bool_),
    *(dtypes.string, dtypes.date, dtypes.timestamp("us"), dtypes.null),
    *(dtypes.list_(dtypes.string), dtypes.list_(dtypes.int64), dtypes.struct([("x", dtypes.int64)])),
    dtypes.list_(dtypes.uint32),
    *(dtypes.list_(dtypes.list_(dtypes.int64)), dtypes.list_(dtypes.struct([("x", dtypes.int64)]))),
)


def accepted(entry: Function | Aggregate) -> list[tuple[DataType, ...]]:
    up_to_three = (itertools.product(TYPES, repeat=n) for n in range(4))
    combinations = itertools.chain.from_iterable(up_to_three)
    combinations = itertools.chain(combinations, ((dtype,) * 6 for dtype in TYPES))
    combinations = itertools.chain(combinations, ((dtype, *(dtypes.int64,) * 3) for dtype in TYPES))
    return [types for types in combinations if entry.rule(types) is not None]


@pytest.mark.parametrize("entry", [*FUNCTIONS.values(), *AGGREGATES.values()], ids=lambda e: e.name)
def test_rules_give_one_type_per_argument_and_settle_at_once(entry: Function | Aggregate) -> None:
    choices = accepted(entry)
    assert choices, "no argument types are accepted"
    for types in choices:
        resolved = entry.rule(types)
        assert resolved is not None
        parameters, _ = resolved
        assert len(parameters) == len(types)
        again = entry.rule(parameters)
        assert again is not None, (types, parameters)
        if not any(p.is_decimal for p in parameters):  # rounding makes room for one more digit each time
            assert again == resolved


def test_spellings_lead_to_entries() -> None:
    assert SQL_FUNCTIONS["substr"] == "substring"
    assert SQL_FUNCTIONS["ceiling"] == "ceil"
    assert SQL_AGGREGATES["avg"] == "mean"
    assert set(SQL_FUNCTIONS.values()) <= FUNCTIONS.keys()
    assert set(SQL_AGGREGATES.values()) <= AGGREGATES.keys()


@pytest.mark.parametrize("entry", [*FUNCTIONS.values(), *AGGREGATES.values()], ids=lambda e: e.name)
def test_entries_are_documented(entry: Function | Aggregate) -> None:
    assert entry.summary
    unspelled = (
        "is_not_distinct",
        "add_interval",
        "difference",
        "remainder",
        "pair",
        "json_extract_all",
        "json_each",
        "single",
        "list_ordered",
        "sketch_count",
        "later_by",
        "interval_part",
        "interval_scaled",
        "time_value",
        "time_ticks",
        "to_uuid",
    )
    assert entry.sql or entry.frame or entry.name in unspelled
    assert all(spelling == spelling.lower() for spelling in entry.sql)


@pytest.mark.parametrize(
    ("left", "right", "product", "total"),
    [
        ((15, 2), (15, 2), (18, 4), (16, 2)),
        ((4, 2), (3, 1), (7, 3), (5, 2)),
        ((20, 2), (15, 2), (35, 4), (21, 2)),
        ((38, 2), (38, 2), (38, 4), (38, 2)),
        ((17, 15), (12, 10), (29, 25), (18, 15)),
    ],
)
def test_decimal_results_follow_duckdb(
    left: tuple[int, int], right: tuple[int, int], product: tuple[int, int], total: tuple[int, int]
) -> None:
    import duckdb

    def ours(function: str) -> tuple[int, int]:
        resolved = FUNCTIONS[function].rule((dtypes.decimal(*left), dtypes.decimal(*right)))
        assert resolved is not None
        return resolved[1].precision, resolved[1].scale

    def theirs(operator: str) -> str:
        query = f"select typeof(0::decimal{left} {operator} 0::decimal{right})"
        return duckdb.sql(query.replace(" ,", ",")).fetchall()[0][0]

    assert ours("multiply") == product
    assert ours("add") == total
    assert theirs("*") == f"DECIMAL({product[0]},{product[1]})"
    assert theirs("+") == f"DECIMAL({total[0]},{total[1]})"
