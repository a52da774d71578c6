"""What a footer says of column chunks, by column: pyarrow makes objects for every look, a plan looks at every chunk."""

from __future__ import annotations

from typing import Any

from .footers import Leaf, chunk_bounds, is_worth_a_dictionary
from .pruning import Bounds


class ChunkFacts:
    """Facts about the column chunks of one file, a list by row group each, gathered when they are first asked for.

    Parameters
    ----------
    footer
        The file's ``FileMetaData``.
    """

    def __init__(self, footer: Any) -> None:
        self._footer = footer
        self._rows: list[int] | None = None
        self._sizes: dict[int, list[int]] = {}
        self._codecs: dict[int, list[str]] = {}
        self._worth: dict[int, list[bool]] = {}
        self._bounds: dict[Leaf, list[Bounds]] = {}
        self._places: dict[int, list[tuple[int, int, int]]] = {}

    def rows(self) -> list[int]:
        """Return the number of rows of each row group."""
        if self._rows is None:
            self._rows = [self._footer.row_group(number).num_rows for number in range(self._footer.num_row_groups)]
        return self._rows

    def sizes(self, index: int) -> list[int]:
        """Return the stored bytes of the chunks at a position."""
        if index not in self._sizes:
            self._sizes[index] = [chunk.total_compressed_size for chunk in self._chunks(index)]
        return self._sizes[index]

    def codecs(self, index: int) -> list[str]:
        """Return Parquet's names of how the chunks at a position are compressed."""
        if index not in self._codecs:
            self._codecs[index] = [chunk.compression for chunk in self._chunks(index)]
        return self._codecs[index]

    def worth_a_dictionary(self, index: int) -> list[bool]:
        """Return whether the chunks of text at a position are worth reading as dictionaries."""
        if index not in self._worth:
            self._worth[index] = [is_worth_a_dictionary(chunk) for chunk in self._chunks(index)]
        return self._worth[index]

    def bounds(self, leaf: Leaf) -> list[Bounds]:
        """Return what the statistics of a column's chunks say; equal ones are one object."""
        if leaf not in self._bounds:
            found = [chunk_bounds(leaf, chunk) for chunk in self._chunks(leaf.index)]
            alike = {each: each for each in reversed(found)}
            self._bounds[leaf] = [alike[each] for each in found]
        return self._bounds[leaf]

    def places(self, index: int) -> list[tuple[int, int, int]]:
        """Return where the chunks at a position begin, their stored bytes, and at most so many of their dictionary's.

        The latter when it is not compressed; 0 without a dictionary.
        """
        if index not in self._places:
            self._places[index] = [_place(chunk) for chunk in self._chunks(index)]
        return self._places[index]

    def _chunks(self, index: int) -> list[Any]:
        return [self._footer.row_group(number).column(index) for number in range(self._footer.num_row_groups)]


def _place(chunk: Any) -> tuple[int, int, int]:
    start, unpacked = chunk.data_page_offset, 0
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        start, unpacked = min(start, chunk.dictionary_page_offset), max(0, chunk.total_uncompressed_size)
    return start, chunk.total_compressed_size, unpacked
