"""Comments in text files: left out as the text comes, without their line ends, so that lines keep their numbers."""

from __future__ import annotations


class Comments:
    """Leaves out what stands behind a character outside quotes, up to the end of the line.

    Parameters
    ----------
    mark
        The character that begins a comment.
    quote
        Quote character in which it is an ordinary one, or empty.
    """

    def __init__(self, mark: str, quote: str) -> None:
        self._mark, self._quote = mark.encode(), quote.encode()
        self._inside = self._cutting = False
        self._held = b""

    def turn(self, chunk: bytes) -> bytes:
        """Return the next bytes of the text without comments; blanks that may stand before one wait for the next."""
        data, self._held = self._held + chunk, b""
        kept: list[bytes] = []
        place = 0
        while place < len(data):
            if self._cutting:
                end = data.find(b"\n", place)
                if end < 0:
                    return b"".join(kept)
                place, self._cutting = end, False
            at = data.find(self._mark, place)
            piece = data[place:] if at < 0 else data[place:at]
            if self._quote and piece.count(self._quote) % 2:
                self._inside = not self._inside
            if at < 0:
                bare = piece if self._inside else piece.rstrip(b" \t")
                self._held = piece[len(bare) :]
                kept.append(bare)
                break
            if self._inside:
                kept.append(data[place : at + 1])
                place = at + 1
                continue
            kept.append(piece.rstrip(b" \t"))
            place, self._cutting = at, True
        return b"".join(kept)

    def rest(self) -> bytes:
        """Return what has waited at the end of the text."""
        return self._held
