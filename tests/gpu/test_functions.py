"""Functions of users as kernels of numba and of libcudf, beside the same on the CPU."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

import volley as vl

ROWS = 20_000
_random = np.random.default_rng(2)
DATA = pa.table(
    {
        "k": _random.integers(0, 500, ROWS),
        "x": pa.array(_random.normal(size=ROWS), mask=_random.random(ROWS) < 0.1),
        "b": pa.array(_random.random(ROWS) < 0.5, mask=_random.random(ROWS) < 0.1),
    }
)


@vl.udf
def distance(x, y):
    return math.sqrt(x * x + y * y) if x > 0 else y / 2


@vl.udf(compile=True)
def energy(values):
    total = 0.0
    for value in values:
        total += value * value
    return total


@vl.udf(compile=True)
def trues(values):
    found = 0
    for value in values:
        if value:
            found += 1
    return found


def test_they_run_on_the_device(session: vl.Session) -> None:
    def asked(own: vl.Session) -> pa.Table:
        rows = vl.DataFrame(DATA, session=own)
        rows = rows.assign(d=distance(rows.x, rows.x))
        return rows.groupby("k").agg(e=("x", energy), t=("b", trues), d=("d", "sum")).to_arrow()

    ours, theirs = asked(session), asked(vl.Session(device="cpu"))
    assert ours["k"].equals(theirs["k"])
    assert ours["t"].equals(theirs["t"])
    for name in ("e", "d"):
        np.testing.assert_allclose(ours[name].to_numpy(), theirs[name].to_numpy(), rtol=1e-12)
