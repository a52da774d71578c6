"""Users' functions in plans on the GPU: the same values as on the CPU, and nothing of them crosses the bus."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import volley as vl
from tests.support.group_functions import energy
from tests.support.simulated_gpu import simulated_device, simulated_session
from volley.engine.errors import UnsupportedOperation, UserFunctionError

simulated_device()  # before the kernels are imported, or they would look for a real GPU

from volley.engine.kernels import simulator  # noqa: E402
from volley.engine.kernels.gpu import memory  # noqa: E402

TRANSFORM = "pylibcudf.transform.transform"
SMALL = st.none() | st.integers(-9, 9)
FLOATS = st.none() | st.sampled_from([math.nan, -0.0, 0.5, -2.25, math.inf, 1e300])


@vl.udf
def distance(x, y):
    return math.sqrt(x * x + y * y) if x > 0 else y / 2


@vl.udf(compile=True)
def scaled(i, j):
    return i * 3 - j


@vl.udf
def both(a, b):
    return a and not b


@vl.udf
def halvings(x):
    """Never ends for 0.0, which may stand under a null."""
    steps = 0.0
    while x != 1.0 and x == x:
        x = x / 2
        steps += 1.0
    return steps


@vl.udf(dtype="float64")
def ratio(x, y):
    return x / y


@vl.udf(dtype="string")
def shout(x):
    return f"{x}!"


def sessions() -> list[vl.Session]:
    return [simulated_session(threads=1), vl.Session(threads=1)]


def column(frame: vl.DataFrame, function: Any, *names: str) -> list[Any]:
    return list(frame.select(r=function(*(frame[name] for name in names))).to_dict()["r"])


@pytest.mark.parametrize(
    ("function", "cells"),
    [(distance, FLOATS), (scaled, SMALL), (both, st.none() | st.booleans())],
    ids=["distance", "scaled", "both"],
)
@given(data=st.data())
def test_values_are_those_of_the_cpu(function: Any, cells: Any, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(cells, cells), max_size=9))
    dtype = {"distance": "float64", "scaled": "int64", "both": "bool"}[function.label]
    given_ = {name: [row[place] for row in rows] for place, name in enumerate("xy")}
    ours, theirs = (
        column(vl.DataFrame(given_, session=session).astype({"x": dtype, "y": dtype}), function, "x", "y")
        for session in sessions()
    )
    assert repr(ours) == repr(theirs)


def test_they_run_in_one_call_and_nothing_crosses_the_bus() -> None:
    session = simulated_session(threads=1)
    frame = vl.DataFrame({"x": [1.0, None, -3.0] * 500, "y": [2.0, 1.0, 5.0] * 500}, session=session)
    made = frame.assign(d=distance(frame.x, frame.y)).groupby("x").agg(n=("d", "sum"))
    assert "on the cpu" not in made.explain("physical")
    before = simulator.calls[TRANSFORM]
    with memory.counted() as ledger:
        made.to_arrow()
    assert simulator.calls[TRANSFORM] == before + 1
    assert ledger.to_host < 200  # the result
    assert not ledger.fallbacks


def test_they_are_not_called_for_what_stands_under_a_null() -> None:
    frame = vl.DataFrame({"x": [8.0, None, 1.0, None, 0.25 * 2**40]}, session=simulated_session(threads=1))
    assert column(frame, halvings, "x") == [3.0, None, 0.0, None, 38.0]
    nothing = frame[frame.x > 1e300]
    assert column(nothing, halvings, "x") == []
    assert (
        column(vl.DataFrame({"x": [None, None]}, session=frame.session).astype("float64"), halvings, "x") == [None] * 2
    )


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (ratio, "ratio: it divides by what may be zero"),
        (shout, "shout: it runs in Python, on Arrow data"),
        (vl.udf(lambda x, y: x + y, dtype="float32"), "<lambda>: it gives float64, which becomes float32 on the host"),
    ],
    ids=["division", "text", "another type"],
)
def test_what_a_kernel_cannot_do_is_called_on_the_host_and_told(function: Any, reason: str) -> None:
    ours, theirs = (vl.DataFrame({"x": [1.0, None, 3.5], "y": [2.0, 1.0, 0.5]}, session=one) for one in sessions())
    names = ("x",) if function is shout else ("x", "y")
    made = ours.select(r=function(*(ours[name] for name in names)))
    [line] = [line for line in made.explain("physical").splitlines() if "on the cpu" in line]
    assert line.lstrip().startswith("MapBatchesExec")
    assert reason in line
    assert column(ours, function, *names) == column(theirs, function, *names)
    with simulated_session(cpu_fallback=False) as session:
        alone = made.with_plan(made.plan) if made.session is session else vl.DataFrame.from_plan(made.plan, session)
        with pytest.raises(UnsupportedOperation, match=reason.partition(":")[0]):
            alone.to_arrow()


def test_what_python_raises_is_raised() -> None:
    frame = vl.DataFrame({"x": [1.0, 3.5], "y": [2.0, 0.0]}, session=simulated_session(threads=1))
    with pytest.raises(UserFunctionError, match=r"ZeroDivisionError.*y = 0\.0"):
        column(frame, ratio, "x", "y")


def test_while_allocations_fail() -> None:
    frame = vl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [0.0] * 4}, session=simulated_session(threads=1))
    made = frame.select(r=distance(frame.x, frame.y))
    plan = simulator.FaultPlan(rate=0.3, seed=5)
    with memory.counted() as ledger, simulator.machine().failing(plan):
        assert made.to_dict()["r"] == [1.0, 2.0, 3.0, 4.0]
    assert ledger.retries == plan.failures > 0


@vl.udf(compile=True)
def largest_step(values):
    best = -1.0
    for place in range(1, len(values)):
        best = max(best, abs(float(values[place] - values[place - 1])))
    return best


@vl.udf(compile=True)
def trues(values):
    found = 0
    for value in values:
        if value:
            found += 1
    return found


@vl.udf(compile=True)
def inverse(values):
    return 1 / values[0]


GROUPS = {
    "k": [n % 7 for n in range(200)],
    "x": [None if n % 5 == 0 else n / 3 for n in range(200)],
    "i": [n * 31 % 97 for n in range(200)],
    "b": [n % 3 == 0 if n % 11 else None for n in range(200)],
    "nothing": [None] * 200,
}


def test_functions_of_groups_run_where_the_groups_are() -> None:
    session = simulated_session(threads=1, cpu_fallback=False)
    ours, theirs = (
        vl.DataFrame(GROUPS, session=own)
        .astype({"nothing": "float64"})
        .groupby("k")
        .agg(e=("x", energy), n=("nothing", energy), s=("i", largest_step), t=("b", trues), m=("x", "mean"))
        for own in (session, vl.Session(threads=1))
    )
    assert "on the cpu" not in ours.explain("physical")
    with memory.counted() as ledger:
        found = ours.to_dict()
    assert ledger.to_host < 7 * 8 * 8  # the result
    expected = theirs.to_dict()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values), name
    none = vl.DataFrame(GROUPS, session=session)
    assert none[none.k > 9].groupby("k").agg(e=("x", energy)).to_dict() == {"k": [], "e": []}


def test_functions_of_groups_that_kernels_cannot_take() -> None:
    session = simulated_session(threads=1)
    frame = vl.DataFrame(GROUPS, session=session)
    mixed = frame.groupby("k").agg(e=("x", energy), r=("x", inverse))
    assert "inverse: it divides by what may be zero" in mixed.explain("physical")
    assert mixed[mixed.k == 1].to_dict()["r"] == pytest.approx([3.0])
    strict = vl.DataFrame(GROUPS, session=simulated_session(cpu_fallback=False))
    with pytest.raises(UnsupportedOperation, match="inverse: it divides by what may be zero"):
        strict.groupby("k").agg(r=("x", inverse)).to_dict()


def test_functions_of_groups_while_allocations_fail() -> None:
    session = simulated_session(threads=1)
    frame = vl.DataFrame(GROUPS, session=session).groupby("k").agg(e=("x", energy), t=("b", trues))
    expected = frame.to_dict()
    with simulator.machine().failing(simulator.FaultPlan(rate=0.2, seed=3)) as plan:
        assert frame.to_dict() == expected
    assert plan.failures
