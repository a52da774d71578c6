"""Keys of words and texts, each written as one byte string: it is hashed, looked up and compared once.

Texts that have codes are looked up one by one first, each in a table of its own. Where most differ that is a miss of
the cache for every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...dtypes import DataType
from .buffers import bits_of, empty, text_of
from .codes import text_array
from .native import BytesGroups, spans_of
from .native.arrays import Bytes, Longs, Rows, Words, varied
from .native.spelling import (
    WORD,
    add_lengths,
    measure_texts,
    read_texts,
    read_words,
    write_texts,
    write_words,
)

_AT_A_TIME = 1 << 12
"""Rows that are written at once: their bytes stay in the cache until they are looked up."""
_SAMPLE, _LEAST, _PLACES = 2_048, 512, 4
_DIFFERENT = 0.25
"""Texts of which more than this share of a sample differ are worth it; rows that tie often lie beside each other."""


class SpelledKeys:
    """Numbers distinct rows of words and texts in the order they are first seen.

    Parameters
    ----------
    words
        How many words a row has.
    dtypes
        Types of the texts.
    capacity
        Number of distinct rows expected; more are fine.
    """

    def __init__(self, words: int, dtypes: Sequence[DataType], capacity: int) -> None:
        self._width, self._dtypes = words, dtypes
        self._groups = BytesGroups(capacity)

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._groups.nbytes

    def copied(self) -> SpelledKeys:
        """Return another table of the same rows, which others may be added to."""
        return varied(self, _groups=self._groups.copied())

    def numbers(self, words: Sequence[Words], texts: Sequence[pa.Array], *, insert: bool) -> Rows:
        """Return the number of each row; if not ``insert``, -1 for those never inserted."""
        rows = len(texts[0])
        ids: Rows = empty(rows, np.int32)
        number = self._groups.insert if insert else self._groups.find
        for start, stop in spans_of(rows, -(-rows // _AT_A_TIME)):
            spelled = _spelled([word[start:stop] for word in words], [text[start:stop] for text in texts], stop - start)
            number(*spelled, out=ids[start:stop])
        return ids

    def columns(self) -> tuple[list[Words], list[pa.Array]]:
        """Return the words and the texts of the rows, in the order of their numbers."""
        offsets, data = self._groups.keys()
        positions = offsets[:-1].copy()
        words: list[Words] = [empty(len(positions), np.uint64) for _ in range(self._width)]
        for word in words:
            read_words(data, positions, word)
        texts = []
        for dtype in self._dtypes:
            begins, known = np.empty(len(positions) + 1, dtype=np.int64), np.empty(len(positions), dtype=np.uint8)
            measure_texts(data, positions, begins, known)
            own = empty(int(begins[-1]), np.uint8)
            read_texts(data, positions, begins, own)
            bitmap = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
            texts.append(text_array(dtype, begins, own, bitmap))
        return words, texts


def mostly_differ(texts: pa.Array) -> bool:
    """Return whether texts are worth being written out, as some of them tell."""
    rows = len(texts)
    if rows < _LEAST or isinstance(texts, pa.DictionaryArray):
        return False
    count = min(rows, _SAMPLE) // _PLACES
    groups = BytesGroups()
    for place in range(_PLACES):
        some = texts.slice(place * (rows - count) // (_PLACES - 1), count)
        bits, bit_offset = bits_of(some)
        groups.insert(*text_of(some), bits=bits, bit_offset=bit_offset)
    return len(groups) > _DIFFERENT * count * _PLACES


def _spelled(words: Sequence[Words], texts: Sequence[pa.Array], rows: int) -> tuple[Longs, Bytes]:
    """Return offsets and bytes of rows."""
    lengths = np.full(rows, WORD * len(words), dtype=np.int64)
    parts = [(*text_of(text), *bits_of(text)) for text in texts]
    for starts, _, bits, bit_offset in parts:
        add_lengths(starts, bits, bit_offset, lengths)
    offsets = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    positions, out = offsets[:-1].copy(), np.empty(int(offsets[-1]), dtype=np.uint8)
    for word in words:
        write_words(word, positions, out)
    for part in parts:
        write_texts(*part, positions, out)
    return offsets, out
