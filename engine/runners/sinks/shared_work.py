"""Work that a sink leaves to whichever thread has time for it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence

from ...exchange import MemoryAccount, Stopped
from ...plan import Piece

_TURN = 0.1
"""Seconds of one wait."""


class SharedWork:
    """Pieces of work in the order in which they came, each done by one of the threads of a stage.

    A thread that has brought some does what there is before it brings more. So there are never more in hand than
    threads, and what one of these has brought at once.

    Parameters
    ----------
    memory
        The account that is charged with what pieces hold, as far as it allows.
    stopped
        Says whether the run was cancelled; asked before every piece.
    """

    def __init__(self, memory: MemoryAccount, stopped: Callable[[], bool]) -> None:
        self._memory, self._stopped = memory, stopped
        self._waiting: deque[tuple[int, Piece, bool]] = deque()
        self._undone: Counter[int] = Counter()
        self._failed = False
        self._changed = threading.Condition()

    def put(self, owner: int, pieces: Sequence[Piece]) -> None:
        """Leave pieces to be done, which belong to some owner."""
        for piece in pieces:
            charged = self._memory.try_reserve(piece.nbytes)
            with self._changed:
                self._waiting.append((owner, piece, charged))
                self._undone[owner] += 1
                self._changed.notify_all()

    def do_one(self) -> bool:
        """Do the first piece that waits; return whether there was any."""
        if self._failed or self._stopped():
            raise Stopped
        with self._changed:
            if not self._waiting:
                return False
            owner, piece, charged = self._waiting.popleft()
        try:
            piece.run()
        except BaseException:
            self._failed = True
            raise
        finally:
            if charged:
                self._memory.release(piece.nbytes)
            with self._changed:
                self._undone[owner] -= 1
                self._changed.notify_all()
        return True

    def do_all(self) -> None:
        """Do what waits, if other threads do not."""
        while self.do_one():
            pass

    def do_all_of(self, owner: int) -> None:
        """Return when all pieces of an owner have been done, be it by other threads."""
        while self._undone[owner] > 0:
            if not self.do_one():
                self._wait(lambda: self._undone[owner] > 0)

    def help(self, ended: Callable[[], bool]) -> None:
        """Do what comes until no more will."""
        try:
            while self.do_one() or not ended():
                self._wait(lambda: not ended())
        except Stopped:
            return

    def _wait(self, worthwhile: Callable[[], bool]) -> None:
        with self._changed:
            if not self._waiting and worthwhile():
                self._changed.wait(_TURN)

    def wake(self) -> None:
        """Have those that wait look again."""
        with self._changed:
            self._changed.notify_all()

    def drop(self) -> None:
        """Forget what waits: nobody wants it any more."""
        with self._changed:
            held = sum(piece.nbytes for _, piece, charged in self._waiting if charged)
            self._waiting.clear()
        self._memory.release(held)
