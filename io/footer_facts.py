"""What was computed of Parquet footers, kept for the next query over the same files as long as they are as they were.

At scale factor 10 of TPC-H the footer of the largest table took 15 ms to read and the statistics of its 524 row groups
60 ms to gather, for each query anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from typing import Any

from ..engine.arrow import from_arrow_schema
from ..engine.errors import PlanError, TypeMismatch
from ..engine.plan import ColumnStatistics, Statistics
from ..engine.schema import Schema
from .chunk_facts import ChunkFacts
from .filesystem import FileSet
from .footers import Layout, read_footers, table_statistics
from .tables import FileTable

_MOST_BYTES = 64 << 20
"""Stored bytes of footers that are kept; parsed they take some times as many."""


class FooterFacts:
    """Footers of the files of a table, and what is made of them when it is first asked for."""

    def __init__(self, files: FileSet) -> None:
        self.footers: tuple[Any, ...] = read_footers(files)
        urls = [files.url(f) for f in files.files]
        self.table = FileTable.of(files, [_file_schema(*pair) for pair in zip(urls, self.footers, strict=True)])

    @property
    def nbytes(self) -> int:
        """Stored bytes of the footers."""
        return sum(footer.serialized_size for footer in self.footers)

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """Where the columns of each file lie."""
        return tuple(Layout.of(footer) for footer in self.footers)

    @cached_property
    def chunks(self) -> tuple[ChunkFacts, ...]:
        """What is known of the column chunks of each file."""
        return tuple(ChunkFacts(footer) for footer in self.footers)

    @cached_property
    def statistics(self) -> Statistics:
        """Rows, stored bytes, bounds and nulls."""
        fixed: dict[str, ColumnStatistics] = {}
        for name in self.table.keys[0]:
            values = [keys[name] for keys in self.table.keys if keys[name] is not None]
            known = len(values) == len(self.table.keys)
            fixed[name] = ColumnStatistics(
                minimum=min(values) if known else None,
                maximum=max(values) if known else None,
                nulls=0 if known else None,
                distinct=len(set(values)),
            )
        return table_statistics(self.footers, self.layouts, self.table.schema, self.table.stored, fixed)


_kept: OrderedDict[tuple[Any, ...], FooterFacts] = OrderedDict()
_lock = threading.Lock()


def facts_of(files: FileSet) -> FooterFacts:
    """Return what the footers of files say, read anew where a file was replaced or cannot tell whether it was.

    Raises
    ------
    ReadError
        If a file is empty, cut short or no Parquet file.
    TypeMismatch
        If no type holds a column's values of two files.
    """
    key = tuple((files.url(file), file) for file in files.files)
    with _lock:
        known = _kept.get(key)
        if known is not None:
            _kept.move_to_end(key)
            return known
    made = FooterFacts(files)
    if all(file.version for file in files.files) and made.nbytes <= _MOST_BYTES // 4:
        with _lock:
            _kept[key] = made
            while sum(facts.nbytes for facts in _kept.values()) > _MOST_BYTES:
                _kept.popitem(last=False)
    return made


def _file_schema(url: str, footer: Any) -> Schema:
    try:
        return from_arrow_schema(footer.schema.to_arrow_schema())
    except (TypeMismatch, PlanError) as error:
        raise type(error)(f"{url!r}: {error}") from error
