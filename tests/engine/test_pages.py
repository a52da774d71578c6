"""Large pages for Python's objects: which are asked for, and where none are."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

import pytest

from volley.engine import pages
from volley.engine.pages import gather_objects, gather_once

SIZE = 2 << 20


class Library:
    """A C library that takes note of what is asked of the system, and says that every second call failed."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

        def madvise(start: int, size: int, advice: int) -> int:
            self.asked.append((start, size, advice))
            return -(len(self.asked) % 2)

        self.madvise = madvise


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: made)
    return made


def settings(folder: Path, enabled: str = "always [madvise] never", size: str = str(SIZE)) -> Path:
    (folder / "enabled").write_text(enabled + "\n")
    (folder / "hpage_pmd_size").write_text(size + "\n")
    return folder


def test_pages_with_functions_are_asked_for_once_each(tmp_path: Path, library: Library) -> None:
    done = gather_objects(settings(tmp_path))
    starts = [start for start, _, _ in library.asked]
    assert {(size, advice) for _, size, advice in library.asked} == {(SIZE, 25)}
    assert all(start % SIZE == 0 for start in starts)
    assert len(set(starts)) == len(starts)
    assert done == len(starts) // 2
    for function in (gather_objects, settings, Library):
        assert id(function) // SIZE * SIZE in starts


@pytest.mark.parametrize("given", [{"enabled": "always madvise [never]"}, {"size": "many"}])
def test_nothing_is_asked_where_large_pages_are_turned_off_or_unknown(
    tmp_path: Path, library: Library, given: dict[str, str]
) -> None:
    assert gather_objects(settings(tmp_path, **given)) == 0
    assert gather_objects(tmp_path / "absent") == 0
    assert not library.asked


def test_functions_work_as_before_where_they_were_moved() -> None:
    assert gather_objects() >= 0
    assert settings.__name__ == "settings"
    assert Library().madvise(0, 0, 0) == -1


def test_objects_are_gathered_in_the_background_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    on = []
    monkeypatch.setattr(pages, "gather_objects", lambda: on.append(threading.current_thread()))
    gather_once.cache_clear()
    for _ in range(3):
        gather_once()
    for thread in threading.enumerate():
        if thread.name == "pages":
            thread.join()
    assert len(on) == 1
    assert on != [threading.current_thread()]
