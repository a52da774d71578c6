# ruff: noqa: E501  # one case is one line
"""Lists, structs, maps and lambdas, compared with DuckDB."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import ExecutionError, PlanError
from volley.sql import sql

LISTS = pa.table(
    {
        "i": [1, 2, 3, 4],
        "l": pa.array([[3, 1, 3], [], None, [4, None]], pa.list_(pa.int64())),
        "f": pa.array([[1.5, float("nan")], [-0.0, 0.0], None, [None]], pa.list_(pa.float64())),
        "w": pa.array([["b", "a"], ["b"], [None], None], pa.list_(pa.string())),
        "d": pa.array(
            [[Decimal("1.10")], [], None, [Decimal("2.25"), Decimal("-1.00")]], pa.list_(pa.decimal128(10, 2))
        ),
        "st": pa.array([{"a": 1, "b": "x"}, {"a": None, "b": "y"}, None, {"a": 3, "b": "z"}]),
        "deep": pa.array([{"in": {"x": [1, 2]}}, {"in": None}, None, {"in": {"x": None}}]),
    }
)

EXPRESSIONS = """
[1, 2, 3], array[1, 2], list_value(1, 2), [i, i + 1], [null, i], [i, 2.5], [[i], [1, 2]], []
{'a': 1, 'b': 'x'}, {'a': i, 'b': l}, struct_pack(a := i, b := 'x'), {'a': {'b': i}}.a.b, row(i, 'x'), {'a': i}['a']
st.a, st.b, lst.st.a, st['b'], st.A, deep.in.x, lst.deep.in.x[1], struct_extract(st, 'a'), struct_insert(st, c := i * 2)
l[1], l[2], l[-1], l[0], l[9], l[i], l[2:], l[:2], l[2:3], l[-2:], l[:-1], l[3:2], list_slice(l, 1, 2), list_extract(l, 1)
'abcde'[2], 'abcde'[2:3], 'abcde'[-2:], 'abcde'[:2], 'déjà'[2:]
list_sort(l), list_sort(l, 'desc'), list_sort(l, 'asc', 'nulls first'), list_reverse_sort(l), list_sort(w), list_sort(d)
list_reverse(l), list_reverse(w), list_sort(list_distinct(l)), list_sort(list_distinct(w)), list_unique(l), len(l), array_length(l)
list_concat(l, [9]), list_concat(l, l), l || [7], [7] || l, list_append(l, 7), list_prepend(0, l), array_append(l, 7), list_concat(null::bigint[], l)
list_contains(l, 3), list_position(l, 3), list_position(l, 9), list_indexof(w, 'a'), list_has_any(l, [1, 9]), list_has_all(l, [1, 3]), l && [4], l @> [3], [3] <@ l
list_sort(list_intersect(l, [3, 4])), flatten([l, [1]]), flatten([[1], [2, 3]]), flatten([null, l])
list_sum(l), list_avg(l), list_min(l), list_max(l), list_count(l), list_product(l), list_first(l), list_last(l), list_any_value(l), list_median(l)
list_aggregate(l, 'sum'), list_aggr(f, 'max'), list_min(f), list_sum(d), list_max(d), list_min(w), list_aggregate(w, 'string_agg')
list_bool_and([i > 1, i < 9]), list_bool_or([i > 3, null]), list_sum([i::tinyint, 100::tinyint]), list_avg(d)
list_transform(l, lambda x: x + 1), list_transform(l, lambda x: x + i), list_transform(l, lambda x, p: x * 10 + p), list_transform(w, lambda s: upper(s))
list_filter(l, lambda x: x > 1), list_filter(l, lambda x: x is null), list_filter(w, lambda s: s <> 'b'), list_filter(l, lambda x, p: p = 1)
list_transform(list_filter(l, lambda x: x > 2), lambda x: {'v': x}), list_transform(l, lambda x: [x, i]), list_transform([st], lambda s: s.a)
list_transform([1, 2], lambda x: list_sum(list_transform([10, 20], lambda y: x * y + i))), list_apply(l, lambda x: x), array_transform(l, lambda x: -x)
list_reduce([1, 2, 3], lambda a, b: a + b), list_reduce([i, 2, 3], lambda a, b, p: a + b * p), list_reduce([1, 2], lambda a, b: a * b + i), list_reduce(l, lambda a, b: a + b, 100::bigint)
list_reduce(['a', 'b'], lambda a, b: a || b), list_reduce([1, 2, 3], lambda a, b: a || b, 'x'), list_transform(d, lambda x: x + 1)
[x + 1 for x in l], [x + 1 for x in l if x > 1], [x || '!' for x in w]
i = any([1, 2]), i = any(l), 3 = any(l), 5 = any(l), null = any(l), i = any([]), 1 = any(null::bigint[])
i > any(l), i <> any(l), i >= any([1, 2]), i < any([]), i <> any([1, null]), i = some([1, 2]), null < any(l), 'b' < any(w), i < any(f), 2.5 > any(l)
i = all(l), i <= all(l), i <> all(l), i <> all([1, 9]), i = all([]), i > all([0, null]), i <= all(null::bigint[]), 'b' >= all(w), '2' <= all(l), null = all(l), (i > all([1])) and i < any([4])
list_zip(l, w), list_zip(l, l, d), list_zip(l), list_zip([1, 2], ['a']), list_zip(l, [i], true), list_zip([1, 2], [i], false), list_zip(l, null::int[])
map {'a': i, 'b': 2}['a'], map {'a': 1}['z'], map([1, 2], ['x', 'y'])[2], map_keys(map {'a': i}), map_values(map {'a': i, 'b': 5}), cardinality(map {'a': 1})
map_extract(map {'a': 1}, 'a'), element_at(map {'k': i}, 'k'), map_contains(map {'a': 1}, 'a'), map_contains(map {'a': 1}, 'b')
range(3), range(1, 4), generate_series(1, i), list_sum(range(i)), [1, 2]::varchar[], null::int[], l::double[]
"""


def _split(line: str) -> list[str]:
    """Split at commas outside brackets and texts."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, sign in enumerate(line):
        quoted = quoted != (sign == "'")
        depth += 0 if quoted else (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth and not quoted:
            parts.append(line[start:position].strip())
            start = position + 1
    return [*parts, line[start:].strip()]


@pytest.mark.parametrize("line", EXPRESSIONS.strip().splitlines())
def test_expressions(line: str) -> None:
    items = ", ".join(f"{part} as c{number}" for number, part in enumerate(_split(line)))
    assert_same(f"select i as row, {items} from lst", {"lst": LISTS})


QUERIES = """
select i from lst where list_contains(l, 3)
select i from lst where len(list_filter(l, lambda x: x > i)) > 0
select st.b, count(*) as n from lst group by st.b
select i, unnest(list_transform(l, lambda x: x * 2)) as x from lst
select list_sort(list_transform(list(id), lambda x: x * 10)) as l from t
select k, list_sort(list(id)) as ids, list_sum(list(id)) as total from t group by k
select q.s.a from (select {'a': id, 'b': k} as s from t) q where q.s.b = 1
select (select list_max(lst.l)) as m from lst
select max(st.a) over () as m from lst
select i from lst order by list_sum(l), i
select u from u
select q, q.v + 1 as n from u as q where q is not null
select (q).name as name, struct_extract(q, 'v') as v from (select name, v from u) q
select k, count(distinct u) as n from u group by k
select list_sort(list(e.v)) as l, count(e) as n from e
select t.id, u from t join u on t.k = u.k
select u, count(*) as n from u group by u
select v as u from u order by u
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_queries(query: str) -> None:
    assert_same(query, {**small_tables(), "lst": LISTS})


def test_a_map_is_a_list_of_keys_and_values() -> None:
    made = sql("select map {'a': 1, 'b': 2} as m").to_dict()
    assert made == {"m": [[{"key": "a", "value": 1}, {"key": "b", "value": 2}]]}


def test_arrows_make_lambdas_too() -> None:
    made = sql("select list_transform([1, 2], x -> x + 1) as a, list_reduce([1, 2], (a, b) -> a - b) as b").to_dict()
    assert made == {"a": [[2, 3]], "b": [-1]}


def test_parameters_hide_columns_inside_their_lambda_only() -> None:
    made = sql("select list_transform([1, 2], lambda i: i * 2) as a, i from lst where i = 3", lst=LISTS).to_dict()
    assert made == {"a": [[2, 4]], "i": [3]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select list_transform([1], lambda x: y) ", "unknown column 'y'"),
        ("select list_transform(1, lambda x: x)", "applied to the values of a list, not to int64"),
        ("select list_transform([1], 2)", "takes a list and a lambda, as in lambda x : x"),
        ("select list_filter([1], lambda x: x + 1)", "must be boolean"),
        ("select list_transform([1], lambda a, b, c: 1)", "takes 1 or 2 parameters; 3 are given"),
        ("select list_reduce([1, 2], lambda a, b: a / b)", "makes float64 of int64; cast"),
        ("select {'a': 1, 'A': 2}", "two fields 'a'"),
        ("select {}", "a struct needs at least one field"),
        ("select row()", "a struct needs at least one field"),
        ("select {'a': 1}.b", "the struct has no field 'b'"),
        ("select (1).b", "syntax error|which is no struct"),
        ("select map_keys([1])", "takes a map, not list"),
        ("select list_aggregate([1], 'nix')", "the aggregate nix of a list"),
        ("select list_zip([1], 2)", "list_zip takes lists"),
        ("select list_zip([x], x) from (select true as x) q", "list_zip takes lists"),
        ("select 1 > any(2)", "ANY takes a list or a query in parentheses, not int64"),
        ("select 1 = all(2)", "ALL takes a list or a query in parentheses, not int64"),
        ("select [1] = ['a']", "equal does not accept"),
        ("select [1, 'x', date '2020-01-01']", "list_value does not accept"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        sql(text)


def test_an_empty_list_cannot_be_reduced_to_nothing() -> None:
    with pytest.raises(ExecutionError, match="list_reduce of an empty list needs a value to begin with"):
        sql("select list_reduce(l, lambda a, b: a + b) from lst", lst=LISTS).to_arrow()
