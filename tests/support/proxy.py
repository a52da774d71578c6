"""A TCP proxy that cuts connections, for tests of networks that do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes bytes on to a port of this machine.

    Attributes
    ----------
    port
        Where it listens.
    cuts
        For each of the next connections that carry so much, after how many bytes it is cut, in order.
    done
        How many were cut.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.cuts: list[int] = []
        self.done = 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if self._cuts_at(passed):
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _cuts_at(self, passed: int) -> bool:
        with self._lock:
            if not self.cuts or passed < self.cuts[0]:
                return False
            del self.cuts[0]
            self.done += 1
            return True


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """Yield a proxy to a port."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
