"""Window nodes through optimiser, lowering and runner, against DuckDB, whatever the number of threads and splits."""

from __future__ import annotations

import pyarrow as pa
import pytest

import volley as vl
from tests.support.duckdb_oracle import Oracle
from tests.support.plans import TableSource, col, filter_, scan, window
from tests.support.simulated_gpu import GPU, SESSIONS
from volley.engine.errors import MemoryLimitExceeded
from volley.engine.expr import call, literal
from volley.engine.plan import (
    CURRENT_ROW,
    Exclusion,
    Frame,
    FrameUnit,
    Plan,
    Scan,
    Union,
    following,
    preceding,
    window_call,
)

T = scan("t", rows=120, a="int64", s="string", f="double", p="bool", m="decimal(9,2)")
PARTS = Union(inputs=tuple(Scan(source=TableSource(f"t{n}", T.source.table.slice(n * 30, 30))) for n in range(4)))  # type: ignore[attr-defined]  # a TableSource
NEAR = Frame(unit=FrameUnit.GROUPS, start=preceding(1), end=following(1))
TIED = Frame(unit=FrameUnit.RANGE, start=preceding(2), end=CURRENT_ROW, exclusion=Exclusion.TIES)


def every_aggregate(plan: Plan, partition: str, frame: Frame) -> Plan:
    a, f, p, m = (col(plan, name) for name in "afpm")
    few = call("less", a, literal(3))
    return window(
        plan,
        partition,
        "a",
        size=window_call("size", frame=frame),
        count=window_call("count", f, frame=frame),
        total=window_call("sum", a, frame=frame),
        exact=window_call("sum", m, frame=frame, where=few),
        mean=window_call("mean", a, frame=frame),
        mean_m=window_call("mean", m, frame=frame),
        least=window_call("min", f, frame=frame),
        greatest=window_call("max", m, frame=frame),
        var=window_call("var", a, frame=frame),
        std=window_call("std", a, frame=frame, where=few),
        any=window_call("any", p, frame=frame),
        all=window_call("all", p, frame=frame),
        rank=window_call("dense_rank"),
    )


@pytest.mark.parametrize(
    ("partition", "device", "threads"),
    [
        *((partition, "cpu", threads) for partition in ("", "s", "s p") for threads in (1, 3)),
        ("s p", GPU, 3),
    ],
)
@pytest.mark.parametrize("frame", [Frame(), NEAR, TIED], ids=str)
def test_every_aggregate_matches_duckdb(partition: str, frame: Frame, device: str, threads: int) -> None:
    plan = filter_(every_aggregate(PARTS, partition, frame), "less", "rank", 6)
    oracle = Oracle()
    made = vl.DataFrame.from_plan(plan, SESSIONS[device](threads=threads)).to_arrow()
    assert rounded(made) == rounded(oracle.run(plan))


def rounded(table: pa.Table) -> list[str]:
    """Return the rows as a bag, floats to ten digits."""
    columns = [
        [f"{v:.10g}" if isinstance(v, float) and v else str(v or 0) for v in c.to_pylist()] for c in table.columns
    ]
    return sorted(map(str, zip(*columns, strict=True)))


def test_answers_do_not_depend_on_threads() -> None:
    plan = every_aggregate(PARTS, "s", NEAR)
    one, four = (vl.DataFrame.from_plan(plan, vl.Session(threads=n)).to_arrow() for n in (1, 4))
    assert repr(one.to_pylist()) == repr(four.to_pylist())  # NaN is not equal to itself


def test_a_window_within_the_memory_limit_or_not_at_all() -> None:
    numbers = vl.DataFrame({"x": list(range(50_000))}, session=vl.Session(memory_limit=100_000))
    with pytest.raises(MemoryLimitExceeded, match="memory"):
        numbers.assign(y=numbers.x.cumsum()).to_arrow()
