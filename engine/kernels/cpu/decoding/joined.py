"""Dictionaries of texts of several row groups as one, the same one whenever their entries are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ....records import dataclass
from ...constants import array_of
from ..native.arrays import Rows

_MOST_JOINED, _MOST_JOINED_BYTES = 256, 1 << 14


@dataclass(frozen=True, slots=True)
class _Joined:
    """A dictionary with all entries of some others, and for each of these the places of its own there.

    The others are kept so that their identities stay theirs.
    """

    choices: pa.Array
    dictionaries: Sequence[pa.Array]
    places: dict[int, Rows]


_joined: dict[tuple[int, ...], _Joined] = {}
_canonical: dict[tuple[str, tuple[bytes, ...]], pa.Array] = {}


def joined_choices(dictionaries: Sequence[pa.Array]) -> tuple[pa.Array, Sequence[Rows]]:
    """Return a dictionary with all entries of several, and for each of these the places of its own there.

    No places are given where it is the one dictionary of all. The same dictionaries, in whatever order, give the same
    one, and so do different ones with the same entries: what kernels find out about a dictionary they remember by its
    identity.
    """
    first = dictionaries[0]
    if all(each is first for each in dictionaries):
        return first, ()
    key = tuple(sorted({id(each) for each in dictionaries}))
    known = _joined.get(key)
    if known is None:
        known = _join(dictionaries)
        if sum(each.nbytes for each in known.dictionaries) <= _MOST_JOINED_BYTES:
            if len(_joined) >= _MOST_JOINED:
                _joined.clear()
            _joined[key] = known
    return known.choices, [known.places[id(each)] for each in dictionaries]


def _join(dictionaries: Sequence[pa.Array]) -> _Joined:
    texts = {id(each): each.view(pa.binary()).to_pylist() for each in dictionaries}  # damaged ones are no Python texts
    entries = sorted({text for own in texts.values() for text in own})
    numbers = {text: number for number, text in enumerate(entries)}
    places: dict[int, Rows] = {
        which: np.array([numbers[text] for text in own], dtype=np.int32) for which, own in texts.items()
    }
    kind = dictionaries[0].type
    choices = array_of(entries, pa.binary()).view(kind)
    if choices.nbytes <= _MOST_JOINED_BYTES:
        if len(_canonical) >= _MOST_JOINED:
            _canonical.clear()
        choices = _canonical.setdefault((str(kind), tuple(entries)), choices)
    return _Joined(choices, dictionaries, places)
