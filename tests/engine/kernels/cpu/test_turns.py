"""The interpreter's lock is asked for sooner, unless somebody has chosen when."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from volley.engine.kernels.cpu.turns import shorten_turns


@pytest.fixture(autouse=True)
def _interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_turns_are_shortened_once() -> None:
    sys.setswitchinterval(0.005)
    assert shorten_turns()
    assert sys.getswitchinterval() < 0.001
    assert not shorten_turns()


def test_what_somebody_chose_stands() -> None:
    sys.setswitchinterval(0.02)
    assert not shorten_turns()
    assert sys.getswitchinterval() == pytest.approx(0.02)
