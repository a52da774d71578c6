"""Expressions far deeper than Python's stack, and such whose parts are shared so often that trees of them never end."""

from __future__ import annotations

import functools

import pytest

import volley as vl
from volley.engine.errors import PlanError

LEVELS = 1_500


@pytest.fixture
def frame() -> vl.DataFrame:
    return vl.DataFrame({"x": [1.5, None, -2.0]}, session=vl.Session(threads=2))


def test_calls_within_calls(frame: vl.DataFrame) -> None:
    deep = functools.reduce(lambda e, _: (e + frame.x).abs(), range(LEVELS), frame.x)
    assert frame.select(d=deep).d.to_list() == [1.5 * (LEVELS + 1), None, 2.0]


def test_steps_upon_steps(frame: vl.DataFrame) -> None:
    def step(rows: vl.DataFrame, number: int) -> vl.DataFrame:
        return rows.assign(x=(rows.x - number).abs())

    values = [1.5, -2.0]
    for number in range(400):
        frame = step(frame, number)
        values = [abs(value - number) for value in values]
    assert frame.x.to_list() == [values[0], None, values[1]]


def test_parts_that_are_shared_at_every_level(frame: vl.DataFrame) -> None:
    shared = functools.reduce(lambda e, n: e.where(e > n, n), range(60), frame.x)  # 2**60 nodes as a tree
    assert frame.select(s=shared).s.to_list() == [59.0, 59.0, 59.0]
    squared = functools.reduce(lambda e, n: (e * e + n) % 7, range(60), frame.x)
    value = functools.reduce(lambda e, n: (e * e + n) % 7, range(60), 1.5)
    assert frame.select(s=squared).s.to_list()[0] == pytest.approx(value)


def test_what_is_deeper_than_can_be_planned_is_told() -> None:
    frame = vl.DataFrame({"x": [1.5, 2.0]})
    deep = functools.reduce(lambda e, _: (e + frame.x).abs(), range(LEVELS), frame.x)
    with pytest.raises(PlanError, match=r"nested too deeply; compute a part of it first, and cache\(\) that"):
        len(frame[deep > 3])
    kept = frame.assign(deep=deep).cache()
    assert len(kept[kept.deep > 3]) == 2
