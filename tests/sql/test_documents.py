# ruff: noqa: E501  # one case is one line
"""JSON in SQL: mistakes, what is a text here, and parts of documents; other answers are in ``tests/slt/cases/documents.test``."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same
from volley.engine.errors import CastError, SqlError, UnsupportedOperation
from volley.sql import sql


def test_documents_and_uuids_are_texts() -> None:
    made = sql("select '[1]'::json as j, '00000000-0000-0000-0000-00000000000a'::uuid as u")
    assert {str(f.dtype) for f in made.schema} == {"string"}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("select '{'::json", CastError, "'{' is not JSON"),
        ("select json_keys('nope')", CastError, "'nope' is not JSON"),
        ("select '12'::uuid", CastError, "'12' is not a UUID"),
        ("select json_extract(s, s) from t", UnsupportedOperation, "a path into JSON that is not a constant text"),
        ("select s -> '$..a' from t", UnsupportedOperation, "in a path into JSON"),
        (
            "select json_keys(s, '$.*') from t",
            UnsupportedOperation,
            r"\.\* in this path into JSON.*json_extract takes it",
        ),
        ("select json_value(s, '$.a[*]') from t", UnsupportedOperation, r"\[\*\] in this path into JSON"),
        ("select json_value(s, '$[') from t", SqlError, "is not a path"),
        ("select struct_update(1, a := 2)", SqlError, "struct_update takes a struct, not int64"),
        ("from json_each('[1', '$.a')", CastError, r"'\[1' is not JSON"),
        ("from json_each('[1]', s)", SqlError, "unknown column 's'"),
        ("from json_tree('[1]', '$.a', 3)", SqlError, "json_tree takes 1 or 2 arguments"),
        ("select [1, 2][1:2:0]", SqlError, "the step of a slice"),
    ],
)
def test_mistakes(text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        sql(text, t=pa.table({"s": ["{}"]})).to_arrow()


PARTS = """
select json_extract(j, '$.l[*]') as a, j -> '$.*' as b, json_extract(j, '$.l[*].x') as c, json_extract(j, '$.l[*].*') as d from docs
select json_extract_string(j, '$.l[*]') as a, j ->> '$.*' as b, j ->> '$[*]' as c from docs
select json_extract(j, ['$.l', 'a', '/l/0', '$.z']) as a, json_extract_string(j, ['$.l[0].x', 'a']) as b from docs
select unnest(json_extract(j, '$.l[*]')) as a from docs
select json_structure(j) as s from docs
select json_structure('[1,2.5,null]') as a, json_structure('[{"a":1},{"a":"x"}]') as b, json_structure('[1,-1]') as c, json_structure('[[1],[2.5]]') as d
select json_structure('18446744073709551616') as a, json_structure('-9223372036854775809') as b, json_structure('{}') as c, json_structure('[{},{"a":1}]') as d
select json_structure('[1,[2]]') as a, json_structure('[{"a":1},[2]]') as b, json_structure('[null,{"a":1}]') as c, json_structure('[{},1]') as d
"""


@pytest.mark.parametrize("query", PARTS.strip().splitlines())
def test_parts_and_structure(query: str) -> None:
    texts = ['{"a":1,"l":[{"x":1},{"x":"é"},null,2]}', '{"l":{"x":[1.5]}}', "[1,true]", '"s"', None, '{"l":[]}']
    assert_same(query, {"docs": pa.table({"j": texts})})


APART = """
select * from json_each('{"a":1,"b":[1,2]}')
select key, value, j.type, atom, id, parent, fullkey, path from json_tree('{"a b":1,"b":[1,{"c":null,"é":-1.5}]}', '$.b') j
select d.j, e.key, e.value, e.fullkey from docs d, json_each(d.j) e
select d.j, e.key, e.atom from docs d, lateral json_each(d.j, '$.l') as e where e.type <> 'NULL'
select d.j, e.k, e.v from docs d left join json_each(d.j, '$.l') e(k, v) on true
select type, count(*) as n, count(parent) as m from docs, json_tree(j) group by type
select (select max(e.value) from json_each(d.j, '$.l') e) as m from docs d
select json_extract(e.value, '$.x') as x from docs, json_each(j, '$.l') e
"""


@pytest.mark.parametrize("query", APART.strip().splitlines())
def test_documents_are_taken_apart_in_from(query: str) -> None:
    texts = ['{"a":1,"l":[{"x":1},{"x":"é"},null,2]}', '{"l":{"x":[1.5]}}', "[1,true]", '"s"', None, '{"l":[]}']
    assert_same(query, {"docs": pa.table({"j": texts})})
