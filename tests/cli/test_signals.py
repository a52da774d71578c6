"""Signals end a command's work, at a moment at which Python can bear it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from volley.cli.signals import how, stopped_by_signals
from volley.engine.errors import Terminated


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    """Send this process a signal, and see to it."""
    os.kill(os.getpid(), number)
    for _ in range(100):
        pass


def wait() -> None:
    time.sleep(60)
    raise AssertionError("no signal came")


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (signal.SIGINT, KeyboardInterrupt, "cancelled"),
        (signal.SIGTERM, Terminated, "stopped by SIGTERM"),
        (signal.SIGHUP, Terminated, "stopped by SIGHUP"),
    ],
)
def test_a_signal_is_raised_and_told(number: int, error: type[BaseException], said: str) -> None:
    before = signal.getsignal(number)
    with pytest.raises(error) as raised, stopped_by_signals() as received:
        send(number)
    assert raised.type is error
    assert how(received) == said
    assert signal.getsignal(number) is before


def an_import(reached: list[str]) -> None:
    """Receive a signal in code that stands for Python's own of imports."""
    text = "def inside(kill, *to):\n    kill(*to)\n    for _ in range(100):\n        pass\n"
    names: dict[str, Callable[..., None]] = {}
    exec(compile(text, "<frozen importlib._bootstrap>", "exec"), names)
    names["inside"](os.kill, os.getpid(), signal.SIGINT)
    reached.append("end")


class Dying:
    def __init__(self, reached: list[str]) -> None:
        self._reached = reached

    def __del__(self) -> None:
        send(signal.SIGINT)
        self._reached.append("end")


def a_finaliser(reached: list[str]) -> None:
    Dying(reached)


@pytest.mark.parametrize("moment", [an_import, a_finaliser])
def test_a_signal_at_a_bad_moment_is_raised_after_it(
    moment: Callable[[list[str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[object] = []
    reached: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)

    def work() -> None:
        moment(reached)
        wait()

    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        work()
    assert reached == ["end"]
    assert not lost


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stopped_by_signals() as received:
        send(signal.SIGHUP)
        send(signal.SIGINT)
    assert received == [signal.SIGINT]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
