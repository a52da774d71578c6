from __future__ import annotations

from typing import Any

import pytest

import volley as vl
from tests.sql.shell.screens import Remembered
from volley.sql.shell import Shell


@pytest.fixture
def screen() -> Remembered:
    return Remembered()


@pytest.fixture
def shell(screen: Remembered) -> Shell:
    session = vl.Session(device="cpu", threads=1)
    session.register("flights", vl.DataFrame({"dest": ["SFO", "LAX"], "delay": [10, 20]}, session=session))

    def reopen(**where: Any) -> vl.Session:
        return vl.Session(threads=1, **{"device": "cpu", **where})

    return Shell(session, screen, timer=False, reopen=reopen)
