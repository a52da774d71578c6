"""The door to file formats: the frame room knows that there are sources and sinks, not what they are.

The package's facade says once who opens files; until then reading and writing say that nobody does.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..errors import ConfigError
from ..plan import Sink, Source


class Files(Protocol):
    """Opens sources and sinks by path."""

    def open_source(self, paths: Any, format: str | None = None, **options: Any) -> Source:  # noqa: A002  # as users say
        """Return the source of one or more paths; the format is guessed from the name if not given."""
        ...

    def sink_for(self, path: Any, format: str | None = None, **options: Any) -> Sink:  # noqa: A002  # as users say
        """Return the sink for a path."""
        ...


_opener: list[Files] = []


def use_files(files: Files) -> None:
    """Say who opens files from now on."""
    _opener[:] = [files]


def files() -> Files:
    """Return who opens files."""
    if not _opener:
        raise ConfigError("no file formats are known; import volley rather than its engine alone")
    return _opener[0]
