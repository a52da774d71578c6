"""Statements nested deeper than the interpreter's stack holds are read once more on a thread with a larger one."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from .parse import TooDeep

T = TypeVar("T")

_STACK_BYTES = 512 << 20  # address space, of which only what is used becomes memory
_FRAMES = 50_000
_one_at_a_time = threading.Lock()  # the limit and the size are the whole process's


def with_enough_stack(run: Callable[[], T]) -> T:
    """Return what a function returns, which is called again with room for some thousand levels where it needs it.

    Raises
    ------
    TooDeep
        If that is not enough either, or the system gives no such thread.
    """
    try:
        return run()
    except TooDeep:
        if threading.current_thread().name == __name__:
            raise
        return _deeply(run)


def _deeply(run: Callable[[], T]) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(run())
        except BaseException as error:  # noqa: BLE001  # the caller's thread raises it
            errors.append(error)

    with _one_at_a_time:
        limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK_BYTES)
        sys.setrecursionlimit(max(limit, _FRAMES))
        try:
            thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name=__name__, daemon=True)
            thread.start()
        except RuntimeError as error:  # no such thread can be had
            raise TooDeep from error
        else:
            thread.join()
        finally:
            threading.stack_size(size)
            sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
