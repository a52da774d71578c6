"""Every kind of join under random conditions, against DuckDB's filter over all pairs, which are laid down beforehand.

DuckDB's own semi and anti joins by inequalities are no oracle: it loses rows, or gives texts that never were there.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import volley as vl

SIGNS = ("<", "<=", ">", ">=", "<>", "=")
ATOMS = (
    "li {} ri",
    "lj {} rj",
    "lf {} rf",
    "ls {} rs",
    "lb = rb",
    "abs(li - ri) <= {n}",
    "li - rj {} {n}",
    "lj between ri - 2 and ri + 2",
    "li {} {n}",
    "ri {} {n}",
    "ls is not distinct from rs",
    "lf - rf {} 0.5",
    "abs(lf - rf) < 2",
    "coalesce(lj, 0) {} coalesce(rj, 1)",
    "li is not distinct from ri",
)
KINDS = ("join", "left join", "right join", "full join", "semi join", "anti join")


def table(random: Random, rows: int, side: str) -> pa.Table:
    def some(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array([None if random.random() < 0.12 else random.choice(values) for _ in range(rows)], kind)

    columns = {
        "i": some([*range(-6, 7)], pa.int64()),
        "j": some([*range(-4, 10)], pa.int32()),
        "f": some([math.nan, 0.0, -0.0, 1.5, -2.5, math.inf, -math.inf, 3.0], pa.float64()),
        "s": some(["", "a", "ab", "b", "ba"], pa.string()),
        "b": some([True, False], pa.bool_()),
        "n": pa.array(range(rows)),
    }
    return pa.table({side + name: column for name, column in columns.items()})


def condition(random: Random, depth: int = 0) -> str:
    kind = random.random()
    if depth < 2 and kind < 0.18:
        return f"({condition(random, depth + 1)} or {condition(random, depth + 1)})"
    if depth < 2 and kind < 0.24:
        return f"not ({condition(random, depth + 1)})"
    return random.choice(ATOMS).format(random.choice(SIGNS), n=random.randint(-3, 4))


def expected(kind: str, pairs: list[tuple[int, int]], lefts: int, rights: int) -> list[tuple[int | None, ...]]:
    """Return the numbers of the rows that a join of some pairs gives."""
    met, found = {one for one, _ in pairs}, {other for _, other in pairs}
    if kind in ("semi join", "anti join"):
        return [(n,) for n in range(lefts) if (n in met) is (kind == "semi join")]
    rows: list[tuple[int | None, ...]] = [*pairs]
    if kind in ("left join", "full join"):
        rows += [(n, None) for n in range(lefts) if n not in met]
    if kind in ("right join", "full join"):
        rows += [(None, n) for n in range(rights) if n not in found]
    return rows


@pytest.mark.parametrize("seed", range(60))
def test_joins_give_the_rows_of_the_pairs_that_meet_the_condition(seed: int) -> None:
    random = Random(seed)
    left, right = (table(random, random.choice([0, 3, 40, 110]), side) for side in "lr")
    text = " and ".join(condition(random) for _ in range(random.randint(1, 4)))
    connection = duckdb.connect(config={"threads": 1})
    for name, rows in (("l", left), ("r", right)):
        connection.register(name, rows)
    connection.execute("create table pairs as select * from l cross join r")
    pairs = connection.execute(f"select ln, rn from pairs where {text}").fetchall()
    for kind in KINDS:
        names = ("ln",) if kind in ("semi join", "anti join") else ("ln", "rn")
        found = vl.sql(f"select {', '.join(names)} from l {kind} r on {text}", l=left, r=right).to_arrow()
        rows = zip(*(found[name].to_pylist() for name in names), strict=True)
        wanted = expected(kind, pairs, left.num_rows, right.num_rows)
        assert sorted(rows, key=repr) == sorted(wanted, key=repr), f"{kind} on {text}"
