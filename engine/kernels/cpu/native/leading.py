"""The rows whose first key is least, or greatest, among values that lie in any number of arrays.

Values are compared as the words that ``ordering`` makes of them, but only those of blocks in which one comes before the
limit as it is: most blocks have none, and to find that out takes no longer than memory does. What comes before it is
noted; when much is, the k-th of it is the new limit (`selecting`), and the rest is forgotten.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Bits, Doubles, Longs, Number, Rows, Words
from .compile import device, instruction, kernel
from .selecting import word_at

array_at, load_word, lowest_bit = instruction("array_at"), instruction("load_word"), instruction("lowest_bit")
load_byte, load_row, load_unaligned = instruction("load_byte"), instruction("load_row"), instruction("load_unaligned")
not_below_among_64, within_among_64 = instruction("not_below_among_64"), instruction("within_among_64")

_BLOCK = 64
_ALL_INT = 0xFFFFFFFFFFFFFFFF
_SIGN, _ALL = np.uint64(1 << 63), np.uint64(_ALL_INT)
_NAN, _INFINITE = np.uint64(0xFFFFFFFFFFFFFFFE), np.uint64(0xFFF0000000000000)
_MAGNITUDE, _NO_NUMBER = np.uint64(0x7FFFFFFFFFFFFFFF), np.uint64(0x7FF0000000000000)
_LAST_PLACE = np.iinfo(np.int64).max
_MUCH_ROOM = 4
_ENOUGH_ROWS, _LEAST_ROOM, _TIED_ROOM = 1 << 10, 1 << 11, 1 << 16
# What the state of a search holds: how many rows are noted, at how many the limit is found anew, the piece and the row
# there to go on with, whether of rows that tie with the limit the first ones do, and the place of the last of those.
_COUNT, _ENOUGH, _PIECE, _ROW, _DECIDES, _LAST = range(6)
# What is known of a second key: whether its values are floats, what turns its words, and the words of the first and the
# second key of a row that no row behind it is wanted with.
_FLOATS, _FLIP, _FIRST, _SECOND = range(4)
_NO_PIECES = np.empty(0, np.uint64)


@device
def order_word(word: Number, floats: Number, flip: Number) -> Number:
    """Return the word of a value's bits, as `order_integers` and `order_floats` do."""
    if not floats:
        return (word ^ _SIGN) ^ flip
    if word & _MAGNITUDE > _NO_NUMBER:
        return _NAN ^ flip
    if word & _MAGNITUDE == np.uint64(0):
        return _SIGN ^ flip
    return (word ^ (_ALL if word >= _SIGN else _SIGN)) ^ flip


@device
def set_limit(word: Number, floats: Number, flip: Number, limit: Words) -> Number:
    """Write the bits of a value that those within a word are within; return 1 if these are greater ones, -1 if none is.

    Values beyond may be within it as well: the words tell.
    """
    greatest = np.int64(flip != np.uint64(0))
    if not floats:
        limit[0] = (word ^ flip) ^ _SIGN
        return greatest
    plain = word ^ flip
    if (greatest and word == np.uint64(0)) or (not greatest and plain < ~_INFINITE):
        return np.int64(-1)
    if plain >= _NAN and not greatest:  # even NaN is within it
        limit[0] = _NO_NUMBER | _SIGN
        return np.int64(1)
    plain = max(min(plain, _INFINITE), ~_INFINITE)
    limit[0] = plain ^ _SIGN if plain >= _SIGN else ~plain
    return greatest


@device
def among_block(values: Doubles | Longs, start: Number, limit: Number, greatest: Number) -> Number:
    """Return which values of a block are within a limit, a bit for each."""
    return not_below_among_64(values, start, limit) if greatest else within_among_64(values, start, limit)


@device
def cut(state: Longs, bound: Words, words: Words, places: Longs, room: Words, counts: Longs, k: Number) -> None:
    """Find the limit anew, and forget what is beyond it; of rows that tie with it so many stay if places tell."""
    count = state[_COUNT]
    if count < k:
        state[_ENOUGH] = min(2 * state[_ENOUGH], np.int64(len(words)))
        return
    word, ties = bound[0], np.int64(k)
    for i in range(count):
        ties -= np.int64(words[i] < word)
    if ties <= 0:  # else the limit stays, which nothing noted is beyond
        word, ties = word_at(words, 0, count, k - 1, room, counts), np.int64(k)
        for i in range(count):
            ties -= np.int64(words[i] < word)
    kept, last = np.int64(0), np.int64(-1)
    for i in range(count):
        if words[i] > word:
            continue
        if words[i] == word:
            if state[_DECIDES] and ties <= 0:
                continue
            ties -= 1
            last = max(last, places[i])
        words[kept], places[kept] = words[i], places[i]
        kept += 1
    bound[0] = word
    state[_COUNT] = kept
    state[_LAST] = last if state[_DECIDES] else _LAST_PLACE
    state[_ENOUGH] = min(max(2 * kept, np.int64(_ENOUGH_ROWS)), np.int64(len(words)))


_GIVEN = (
    "const u64[], const i64[], {}[], i64, u64, i64, i64[], u64[], u64[], u64[], i64[], u64[], i64[], "
    "const u64[], const u64[], {}[]"
)


@device
def limits_of_two(tied: Words, floats: Number, flip: Number, before: Words, within: Words) -> tuple[Number, Number]:
    """Write what comes before the first of two words and what is within the second; return what `set_limit` does."""
    first = np.int64(-1)
    if tied[_FIRST] != np.uint64(0):
        first = set_limit(tied[_FIRST] - np.uint64(1), floats, flip, before)
    return first, set_limit(tied[_SECOND], tied[_FLOATS], tied[_FLIP], within)


@device
def is_behind(word: Number, begin: Number, i: Number, tied: Words) -> Number:
    """Return whether a row's first word ties, and the second comes behind."""
    return word == tied[_FIRST] and order_word(load_word(begin, i), tied[_FLOATS], tied[_FLIP]) > tied[_SECOND]


@device
def among_two(
    values: Doubles | Longs,
    others: Doubles | Longs,
    start: Number,
    found: Number,
    before: Doubles | Longs,
    within: Doubles | Longs,
    signs: tuple[Number, Number],
) -> Number:
    """Return which of those found in a block come before the last one by the first key, or may do so by the second."""
    told = np.uint64(0)
    if signs[1] >= 0:
        told = among_block(others, start, within[0], signs[1])
    if found & ~told and signs[0] >= 0:
        told |= among_block(values, start, before[1], signs[0])
    return found & told


def _find_leading(
    begins: Words,
    starts: Longs,
    limits: Doubles | Longs,
    floats: int,
    flip: int,
    k: int,
    state: Longs,
    bound: Words,
    shared: Words,
    words: Words,
    places: Longs,
    room: Words,
    counts: Longs,
    seconds: Words,
    tied: Words,
    within: Doubles | Longs,
) -> bool:
    """Note rows of pieces from where the state says on; return whether there is no room for more before their end.

    Where the second key's pieces are given, rows that a pair of words puts behind it are left out.
    """
    limit_bits = limits.view(np.uint64)
    tells = len(seconds) > 0
    signs = limits_of_two(tied, floats, flip, limit_bits[1:], within.view(np.uint64))
    for piece in range(state[_PIECE], len(begins)):
        first, length = starts[piece], starts[piece + 1] - starts[piece]
        values = array_at(begins[piece], length, limits)
        others = array_at(seconds[piece] if tells else begins[piece], length, within)
        start, state[_ROW] = state[_ROW], 0
        known, greatest = False, np.int64(0)
        while start < length:
            if not known:
                word = bound[0]
                if shared[0] < word:
                    word = shared[0]
                elif first > state[_LAST]:
                    if word == np.uint64(0):
                        break
                    word -= np.uint64(1)
                greatest = set_limit(word, floats, flip, limit_bits)
                if greatest < 0:
                    break
                known = True
            found = _ALL
            if start + _BLOCK <= length:
                found = among_block(values, start, limits[0], greatest)
                if tells and found:
                    found = among_two(values, others, start, found, limits, within, signs)
                if not found:
                    start += _BLOCK
                    continue
            else:
                found >>= np.uint64(start + _BLOCK - length)
            count = state[_COUNT]
            while found:
                i = start + np.int64(lowest_bit(found))
                found &= found - np.uint64(1)
                word = order_word(load_word(begins[piece], i), floats, flip)
                words[count], places[count] = word, first + i
                wanted = word <= shared[0] and (word < bound[0] or (word == bound[0] and first + i < state[_LAST]))
                count += wanted and not (tells and is_behind(word, seconds[piece], i, tied))
            state[_COUNT] = count
            start += _BLOCK
            if count + _BLOCK > state[_ENOUGH]:
                cut(state, bound, words, places, room, counts, k)
                shared[0] = min(shared[0], bound[0])
                known = False
                if 2 * state[_COUNT] > len(words) + k:
                    state[_PIECE], state[_ROW] = piece, start
                    return True
    state[_PIECE] = 0
    return False


_find_leading = kernel(
    *(f"bool({_GIVEN.format(first, second)})" for second in ("i64", "f64") for first in ("f64", "i64"))
)(_find_leading)


@device
def piece_of(place: Number, starts: Longs, piece: Number) -> Number:
    """Return the piece that a place is in, given one that is near."""
    while place >= starts[piece + 1]:
        piece += 1
    while place < starts[piece]:
        piece -= 1
    return piece


@device
def beyond(begin: Number, length: Number, text: Bits) -> Number:
    """Return a number above 0 if the text at an address is greater than another one, below if it is less, else 0."""
    shared = min(length, len(text))
    k = np.int64(0)
    while k + 8 <= shared and load_word(begin + np.uint64(k), 0) == load_unaligned(text, k):
        k += 8
    while k < shared:
        own = load_byte(begin, k)
        if own != text[k]:
            return np.int64(1) if own > text[k] else np.int64(-1)
        k += 1
    return length - np.int64(len(text))


@kernel("i64(const u64[], const u64[], const i64[], i64, u64, const u8[], i64, u64[], i64[])")
def _within_text(
    offsets: Words,
    data: Words,
    starts: Longs,
    sign: int,
    first: int,
    text: Bits,
    count: int,
    words: Words,
    places: Longs,
) -> int:
    """Keep the rows noted that a word and a text do not put behind; return how many these are.

    The second key is a text, whose pieces are at addresses, and of which ``sign`` times the order is wanted.
    """
    kept, piece = 0, 0
    for i in range(count):
        within = words[i] < first
        if words[i] == first:
            piece = piece_of(places[i], starts, piece)
            row = places[i] - starts[piece]
            start = np.int64(load_row(offsets[piece], row))
            length = np.int64(load_row(offsets[piece], row + 1)) - start
            within = sign * beyond(data[piece] + np.uint64(start), length, text) <= 0
        if within:
            words[kept], places[kept] = words[i], places[i]
            kept += 1
    return kept


class LeadingRows:
    """The rows whose first key comes before all others', of those looked at so far.

    Parameters
    ----------
    k
        How many are wanted.
    dtype
        What the values are: 64-bit integers or floats, of which NaN is the greatest.
    descending
        Whether the greatest come first.
    decides
        Whether the key alone decides: of rows that tie with the last one wanted those that were looked at first are it.
        Else all are noted.
    shared
        The least word that so many rows of any thread are known to be within; an array of one.
    """

    def __init__(self, k: int, dtype: np.dtype[Any], shared: Words, *, descending: bool, decides: bool) -> None:
        self.k, self._limit, self._shared = k, np.zeros(2, dtype), shared
        self._flip = _ALL_INT if descending else 0
        room = 2 * k + _LEAST_ROOM if decides else max(2 * k + _LEAST_ROOM, _TIED_ROOM)
        self._words, self._places = np.empty(room, np.uint64), np.empty(room, np.int64)
        self._room, self._counts = np.empty(room, np.uint64), np.empty(256, np.int64)
        self._bound = np.array([_ALL_INT], np.uint64)
        self._tied, self._within = np.zeros(4, np.uint64), np.zeros(1, np.int64)
        self._state = np.array([0, min(_ENOUGH_ROWS, room), 0, 0, int(decides), _LAST_PLACE], np.int64)

    @property
    def words(self) -> Words:
        """The words of the rows noted."""
        return self._words[: self._state[_COUNT]]

    @property
    def places(self) -> Longs:
        """Where these rows are, in the order in which they were looked at."""
        return self._places[: self._state[_COUNT]]

    @property
    def nbytes(self) -> int:
        """Bytes of what is noted."""
        return 24 * int(self._state[_COUNT])

    def leave_out(self, words: tuple[int, int], *, floats: bool, descending: bool) -> None:
        """Say what words of two keys no row behind is wanted with, the second one of 64-bit integers or ``floats``."""
        self._within = np.zeros(1, np.float64 if floats else np.int64)
        self._tied[:] = [int(floats), _ALL_INT if descending else 0, *words]

    def look(self, begins: Words, starts: Longs, seconds: Words | None = None) -> bool:
        """Note rows of pieces; return False where so many tie that some must be left out first.

        After that, called again with the same pieces, it goes on where it was.

        Parameters
        ----------
        begins
            Addresses of the pieces' values.
        starts
            The place of the first row of each piece, and the one after the last.
        seconds
            Addresses of the second key's pieces, if `leave_out` has said what is behind.
        """
        return not _find_leading(
            begins,
            starts,
            self._limit,
            int(self._limit.dtype.kind == "f"),
            self._flip,
            self.k,
            self._state,
            self._bound,
            self._shared,
            self._words,
            self._places,
            self._room,
            self._counts,
            _NO_PIECES if seconds is None else seconds,
            self._tied,
            self._within,
        )

    def keep(self, rows: Rows) -> None:
        """Keep some of the rows that are noted, by their numbers there, in this order."""
        count = len(rows)
        self._words[:count], self._places[:count] = self._words[rows], self._places[rows]
        self._go_on(count)

    def keep_within_text(
        self, word: int, text: Bits, pieces: tuple[Words, Words], starts: Longs, *, descending: bool
    ) -> bool:
        """Keep the rows noted that a word and a text do not put behind; return whether there is much room again.

        The offsets and the bytes of the text's pieces are at addresses.
        """
        sign, count = -1 if descending else 1, int(self._state[_COUNT])
        return self._go_on(_within_text(*pieces, starts, sign, word, text, count, self._words, self._places))

    def _go_on(self, count: int) -> bool:
        """Take note of how many rows are noted now; return whether there is much room."""
        self._state[_COUNT], self._state[_ENOUGH] = count, min(max(2 * count, _ENOUGH_ROWS), len(self._words))
        return count * _MUCH_ROOM <= len(self._words)
