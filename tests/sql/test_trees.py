from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from tests.support.tpc import texts
from volley.sql.trees import holds, parts_of


@pytest.mark.parametrize("text", [path.read_text() for path in texts("tpch")])
def test_parts_come_as_sqlglot_walks(text: str) -> None:
    tree = sqlglot.parse_one(text, dialect="duckdb")
    assert list(map(id, parts_of(tree))) == list(map(id, tree.walk()))
    pruned = tree.walk(prune=lambda node: isinstance(node, exp.Subquery))
    assert list(map(id, parts_of(tree, within=exp.Subquery))) == list(map(id, pruned))


def test_a_tree_holds_what_stands_anywhere_in_it() -> None:
    tree = sqlglot.parse_one("select 1 + sum(a) from t where b in (select c from u)", dialect="duckdb")
    assert holds(tree, exp.Sum, exp.Window)
    assert holds(tree.args["where"], exp.Query)
    assert not holds(tree, exp.Window)
