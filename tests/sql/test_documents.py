"""JSON in SQL: mistakes, and what is a text here; answers are compared in ``tests/slt/cases/documents.test``."""

from __future__ import annotations

import pyarrow as pa
import pytest

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
        ("select s -> '$.*' from t", UnsupportedOperation, "in a path into JSON"),
        ("select json_value(s, '$[') from t", SqlError, "is not a path"),
        ("select struct_update(1, a := 2)", SqlError, "struct_update takes a struct, not int64"),
        ("select [1, 2][1:2:0]", SqlError, "the step of a slice"),
    ],
)
def test_mistakes(text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        sql(text, t=pa.table({"s": ["{}"]})).to_arrow()
