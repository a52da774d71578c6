"""JSON that is not one object per line, read as if it were: the elements of one array, and objects over several lines.

Knows brackets and quotes only. The text keeps its length, so that offsets in it mean the same before and after.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_QUOTE, _BACKSLASH, _COMMA, _LINE_END, _RETURN, _BLANK = b'"\\,\n\r '
_DEEPER = np.zeros(256, dtype=np.int64)
_DEEPER[list(b"[{")], _DEEPER[list(b"]}")] = 1, -1
_TOLD = np.zeros(256, dtype=bool)
_TOLD[list(b'"[]{},\n\r')] = True


def form_of(start: bytes) -> str:
    """Return ``array`` or ``objects`` where a text that begins so needs `Lines`, else nothing: one object per line.

    Objects over several lines are told by a first line that does not close its object.
    """
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"["):
        return "array"
    first, line_end, _ = text.partition(b"\n")
    return "objects" if first.startswith(b"{") and line_end and not first.rstrip().endswith(b"}") else ""


@dataclass(slots=True)
class Lines:
    """Turns pieces of a text, given in order, into pieces as long that hold one value per line.

    Line ends inside values become blanks; in an array, commas between elements become line ends, and its brackets
    blanks.
    """

    array: bool
    depth: int = 0
    inside: bool = False
    escaping: bool = False

    def turn(self, piece: bytes) -> bytes:
        """Return the next piece."""
        text = np.frombuffer(piece, np.uint8).copy()
        places = np.flatnonzero(_TOLD[text])
        marks = text[places]
        quotes = marks == _QUOTE
        self._drop_escaped(text, places, quotes)
        within = np.logical_xor.accumulate(np.concatenate([[self.inside], quotes]))[1:]
        outside = ~within
        steps = np.where(outside, _DEEPER[marks], 0)
        depths = self.depth + np.cumsum(steps)
        breaks = outside & ((marks == _LINE_END) | (marks == _RETURN)) & (self.array | (depths > 0))
        text[places[breaks]] = _BLANK
        if self.array:
            text[places[outside & (marks == _COMMA) & (depths == 1)]] = _LINE_END
            text[places[(steps == 1) & (depths == 1) | (steps == -1) & (depths == 0)]] = _BLANK
        if len(places):
            self.depth, self.inside = int(depths[-1]), bool(within[-1])
        return text.tobytes()

    def _drop_escaped(
        self, text: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], quotes: npt.NDArray[np.bool_]
    ) -> None:
        """Take quotes behind an odd number of backslashes out of those that count."""
        slashes = text == _BACKSLASH
        if not len(text) or not (self.escaping or slashes.any()):
            return
        # where the run of backslashes that ends before each place begins; one may begin in the piece before
        starts = np.maximum.accumulate(np.where(slashes, 0, np.arange(1, len(text) + 1)))
        ends = np.concatenate([[0], starts])
        odd = (np.arange(len(text) + 1) - ends) % 2 == 1
        if self.escaping:
            odd ^= ends == 0
        quotes &= ~odd[places]
        self.escaping = bool(odd[len(text)])
