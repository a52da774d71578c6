"""Two checkouts take turns at a case; here both are this one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import data, turns
from benchmarks.cases import CASES

LINE = r"group-dense +; 1 thread: [\d.]+/[\d.]+ against [\d.]+/[\d.]+ ms, [\d.]+\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLLEY_BENCH_DATA", str(tmp_path))
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    return tmp_path


def test_a_line_has_the_times_of_both(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = str(turns.HERE)
    arguments = [root, "group-dense", "--seconds", "0", "--scale", "0.001", "--threads", "1"]
    assert turns.main(arguments) == 0
    assert re.fullmatch(LINE, capfd.readouterr().out)
    assert (folder / "memory-0.001").is_dir()


def test_at_least_three_turns_are_taken_in_alternating_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    took = []

    class Fake:
        def __init__(self, root: Path, case: object, scale: float, threads: int) -> None:
            self.root, self.threads, self.seconds = root, threads, list[float]()

        def turn(self) -> None:
            took.append(self.root.name)
            self.seconds.append(0.001)

        def stop(self) -> None: ...

    monkeypatch.setattr(turns, "started", Fake)
    line = turns.compare(CASES["group-dense"], [Path("new"), Path("old")], 0.001, [1], 0)
    assert took == ["new", "old", "old", "new", "new", "old", "old", "new"]
    assert "1.0/1.0 against 1.0/1.0 ms, 1.000" in line


def test_what_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        turns.main([str(tmp_path), "group-dense"])
    assert "is no checkout of Volley" in capsys.readouterr().err


def test_an_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        turns.main([str(turns.HERE), "no-such-case"])
    assert "no case is called 'no-such-case'" in capsys.readouterr().err
