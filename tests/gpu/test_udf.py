"""Functions of users: of values, which libcudf puts into kernels as PTX, and of groups, which numba launches."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

import volley as vl
from tests.support.group_functions import energy

ROWS = 200_000
_random = np.random.default_rng(3)
DATA = pa.table(
    {
        "x": pa.array(_random.normal(size=ROWS), mask=_random.random(ROWS) < 0.1),
        "y": _random.normal(size=ROWS),
        "i": _random.integers(-1000, 1000, ROWS),
    }
)


@vl.udf
def distance(x, y):
    return math.sqrt(x * x + y * y) if x > 0 else y / 2


@vl.udf(compile=True)
def steps(i):
    total = 0
    for k in range(20):
        total = total + i * k if total < 5000 else total - 3 * i
    return total


def test_values_are_those_of_the_cpu(session: vl.Session) -> None:
    here, there = (
        vl.DataFrame(DATA, session=used).assign(d=lambda f: distance(f.x, f.y), n=lambda f: steps(f.i)).to_arrow()
        for used in (vl.Session(device="cpu"), session)
    )
    assert here["n"].equals(there["n"])
    assert here["d"].is_null().equals(there["d"].is_null())
    found, expected = (np.nan_to_num(table["d"].to_numpy()) for table in (there, here))
    np.testing.assert_allclose(found, expected, rtol=1e-15)  # products and sums may be fused


def test_only_the_columns_cross(session: vl.Session) -> None:
    frame = vl.DataFrame(DATA, session=session)
    moved = session.run(frame.assign(n=steps(frame.i)).groupby("n").agg(rows=("i", "size")).plan).metrics.bus.moved
    assert moved is not None
    assert moved.to_device < DATA["i"].nbytes + 4096
    assert moved.to_host < 4096


@vl.udf(compile=True)
def positives(values):
    found = 0
    for value in values:
        if value > 0:
            found += 1
    return found


def test_groups_are_those_of_the_cpu(session: vl.Session) -> None:
    def asked(own: vl.Session) -> pa.Table:
        return vl.DataFrame(DATA, session=own).groupby("i").agg(e=("x", energy), n=("x", positives)).to_arrow()

    ours, theirs = asked(session), asked(vl.Session(device="cpu"))
    assert ours["i"].equals(theirs["i"])
    assert ours["n"].equals(theirs["n"])
    np.testing.assert_allclose(ours["e"].to_numpy(), theirs["e"].to_numpy(), rtol=1e-12)
