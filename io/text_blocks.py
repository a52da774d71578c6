"""Text files as blocks of whole records: decompression, decoding, and cuts at line ends that stand outside quotes.

A block is some megabytes that a parser takes at once; a piece is a byte range of a large plain file that one split
reads. Both end where a record ends, so that records are never torn and quoted line ends stay inside their values.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from ..engine.errors import ReadError
from ..engine.machine import available_cores
from ..engine.schema import Schema
from .comments import Comments
from .compression import compression_of, unpacked
from .filesystem import FileInfo, Location, reason
from .json_values import Lines

Block: TypeAlias = bytes
"""Consecutive whole records."""

BLOCK_BYTES = 4 * 1024 * 1024
_START_BYTES = 64 * 1024
_PIECE_BYTES = 16 * 1024 * 1024
_LONGEST_RECORD = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A file of records.

    Attributes
    ----------
    encoding
        Python's name of the encoding; other than UTF-8 is transcoded while reading.
    quote
        Quote character in which line ends do not count, or empty.
    json
        ``array`` or ``objects`` where values of JSON are to be turned into lines, as `json_values` has it.
    comment
        Character that begins a comment, or empty.
    """

    location: Location
    file: FileInfo
    encoding: str = "utf-8"
    quote: str = ""
    json: str = ""
    comment: str = ""

    @property
    def url(self) -> str:
        """The path as people write it."""
        return self.location.url(self.file.path)

    @property
    def compression(self) -> str:
        """The ending that stands for a codec, or empty."""
        return compression_of(self.url)

    @property
    def is_utf8(self) -> bool:
        """Whether bytes need no transcoding."""
        return codecs.lookup(self.encoding).name in ("utf-8", "ascii", "utf-8-sig")

    @property
    def is_plain(self) -> bool:
        """Whether a byte range of the file can be read by itself."""
        return not self.compression and self.is_utf8 and not self.json and not self.comment

    def start_of(self) -> bytes:
        """Return what the file begins with, some kilobytes; nothing where the file cannot be read."""
        with suppress(UnicodeDecodeError, OSError, pa.ArrowException):  # whoever reads the file says so
            return next(self._chunks(0, None, _START_BYTES), b"")
        return b""

    def _chunks(self, start: int, end: int | None, size: int) -> Iterator[bytes]:
        """Yield decompressed UTF-8 bytes from an offset in them; ``end`` is for plain files only."""
        lines = Lines(array=self.json == "array") if self.json else None
        comments = Comments(self.comment, self.quote) if self.comment else None
        decoder = None if self.is_utf8 else codecs.getincrementaldecoder(self.encoding)()
        with closing(self.location.open_unchanged(self.file)) as handle:
            skip = 0 if self.is_plain else start
            if start and not skip:
                handle.seek(start)
            stream = unpacked(handle, self.compression)
            left = (end - start) if end is not None else None
            while left is None or left > 0:
                chunk = stream.read(size if left is None else min(size, left))
                if not chunk:
                    break
                left = None if left is None else left - len(chunk)
                text = chunk if decoder is None else decoder.decode(chunk).encode()
                text = text if lines is None else lines.turn(text)
                text = text if comments is None else comments.turn(text)
                yield text[skip:] if skip else text
                skip = max(0, skip - len(text))
            if decoder is not None:
                yield decoder.decode(b"", final=True).encode()
            if comments is not None:
                yield comments.rest()
        if lines is not None and lines.depth > 0 and end is None:
            raise ReadError(f"{self.url!r} ends within a value; the file is cut short, or a bracket is not closed")

    def blocks(self, start: int = 0, end: int | None = None, size: int = 0) -> Iterator[Block]:
        """Yield consecutive blocks of whole records of about ``size`` bytes, by default `BLOCK_BYTES`.

        Raises
        ------
        ReadError
            If the file cannot be decompressed or decoded, or a quote is never closed.
        """
        rest, offset = b"", start
        try:
            for chunk in self._chunks(start, end, size or BLOCK_BYTES):
                data = rest + chunk if rest else chunk
                cut = last_record_end(data, self.quote)
                if cut:
                    yield data[:cut]
                rest, offset = data[cut:], offset + cut
                if len(rest) > _LONGEST_RECORD:
                    raise self._endless(rest, offset)
        except UnicodeDecodeError as error:
            raise ReadError(f"{self.url!r} is not {self.encoding}: {reason(error)}; give its encoding") from error
        except (OSError, pa.ArrowException) as error:
            hint = "; the file is cut short or damaged" if self.compression else ""
            raise ReadError(f"cannot read {self.url!r}: {reason(error)}{hint}") from error
        if rest:
            if self.quote and count_byte(rest, self.quote) % 2:
                raise self._endless(rest, offset)
            yield rest

    def sample(self, size: int, start: bytes = b"") -> Block:
        """Return the first records, of about ``size`` bytes; all of a smaller file.

        ``start`` is what `start_of` gave: a file that is all there is not read again.
        """
        if self.is_plain and 0 < len(start) < min(_START_BYTES, size // 2):
            return start
        parts: list[Block] = []
        for block in self.blocks(size=min(size, BLOCK_BYTES)):
            parts.append(block)
            if sum(map(len, parts)) >= size // 2:
                break
        return b"".join(parts)

    def _endless(self, rest: bytes, offset: int) -> ReadError:
        if not self.quote or not count_byte(rest, self.quote) % 2:
            most = f"{_LONGEST_RECORD >> 20} MiB"
            return ReadError(f"{self.url!r} has a record of more than {most}; is it a text file?")
        # every line end in the rest stands inside quotes, so its first line opens the quote
        return ReadError(
            f"{self.url}:{self.lines_before(offset) + 1}: a quote ({self.quote}) is opened but never closed; close it, "
            "or pass quote='' if quotes are ordinary characters in this file"
        )

    def lines_before(self, offset: int) -> int:
        """Return the number of line ends in the first ``offset`` bytes of the decoded text (error paths only)."""
        count = 0
        for chunk in self._chunks(0, None, BLOCK_BYTES):
            if offset <= len(chunk):
                return count + chunk[:offset].count(b"\n")
            count += chunk.count(b"\n")
            offset -= len(chunk)
        return count

    def pieces(self, start: int) -> tuple[tuple[int, int | None], ...]:
        """Return byte ranges that together hold every record from ``start``; one where the file must be read in order.

        Whether a line end stands inside quotes is decided by the number of quotes before it, counted in parallel.
        """
        size = self.file.size
        target = max(BLOCK_BYTES, min(_PIECE_BYTES, size // (4 * (available_cores()))))
        if not self.is_plain or size - start < 2 * target:
            return ((start, None),)
        edges = list(range(start, size, target))
        odd = self._open_quotes(edges)
        if odd is None:
            return ((start, None),)
        cuts = [start]
        for edge, inside in zip(edges[1:], odd[1:], strict=True):
            cut = self._record_end_after(edge, inside=inside)
            if cut is not None and cuts[-1] < cut < size:
                cuts.append(cut)
        return tuple(zip(cuts, [*cuts[1:], None], strict=True))

    def _open_quotes(self, edges: list[int]) -> list[bool] | None:
        """Return for each edge whether it stands inside quotes, or None where quotes do not pair up."""
        if not self.quote:
            return [False] * len(edges)

        def quotes(span: tuple[int, int]) -> int:
            with closing(self.location.open_unchanged(self.file)) as handle:
                handle.seek(span[0])
                return count_byte(handle.read(span[1] - span[0]), self.quote)

        spans = list(zip(edges, [*edges[1:], self.file.size], strict=True))
        with ThreadPoolExecutor(max_workers=available_cores()) as pool:
            counts = list(pool.map(quotes, spans))
        if sum(counts) % 2:
            return None
        before = np.concatenate([[0], np.cumsum(counts[:-1])])
        return [bool(count % 2) for count in before]

    def _record_end_after(self, offset: int, *, inside: bool) -> int | None:
        with closing(self.location.open_unchanged(self.file)) as handle:
            handle.seek(offset)
            data: bytes = handle.read(BLOCK_BYTES)
        position = 0
        while (line_end := data.find(b"\n", position)) >= 0:
            if self.quote and count_byte(data[position:line_end], self.quote) % 2:
                inside = not inside
            position = line_end + 1
            if not inside:
                return offset + position
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSplit:
    """A byte range of a text file, from one record's start to another's.

    Attributes
    ----------
    start, end
        Offsets in the decoded text; ``end`` None for the file's end.
    schema, keys
        Columns that are asked for, and the values of those that the path tells.
    """

    text: TextFile
    start: int
    end: int | None
    schema: Schema
    keys: Mapping[str, Any]
    batch_rows: int

    @property
    def body(self) -> int:
        """Where the file's first record starts."""
        return 0

    @property
    def resident(self) -> bool:
        """Whether only this process has the file."""
        return self.text.location.is_of_process

    @property
    def is_remote(self) -> bool:
        """Whether a server is asked for its rows."""
        return not self.text.location.is_local

    @property
    def label(self) -> str:
        """File and byte range."""
        if self.start <= self.body and self.end is None:
            return self.text.url
        return f"{self.text.url}[bytes {self.start}-{'' if self.end is None else self.end}]"

    @property
    def rows(self) -> None:
        """Unknown until read."""
        return

    @property
    def bytes(self) -> int:
        """Stored bytes."""
        return (self.text.file.size if self.end is None else self.end) - self.start


def last_record_end(data: bytes, quote: str) -> int:
    """Return the offset behind the last line end outside quotes, 0 if none; ``data`` begins outside quotes."""
    if not quote:
        return data.rfind(b"\n") + 1
    odd = bool(count_byte(data, quote) % 2)
    stop = len(data)
    mark = quote.encode()
    while (line_end := data.rfind(b"\n", 0, stop)) >= 0:
        if data.count(mark, line_end, stop) % 2:
            odd = not odd
        if not odd:
            return line_end + 1
        stop = line_end
    return 0


def count_byte(data: Any, character: str) -> int:
    """Return how often an ASCII character occurs in bytes; releases the interpreter lock."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord(character)))


def record_at(block: bytes, number: int, quote: str, *, blank_counts: bool = False) -> tuple[int, bytes]:
    """Return line ends before a block's record ``number`` (0-based) and the record; blank lines are no records."""
    lines = block.split(b"\n")
    position = seen = 0
    while position < len(lines):
        begin = position
        text = lines[position]
        while quote and text.count(quote.encode()) % 2 and position + 1 < len(lines):
            position += 1
            text += b"\n" + lines[position]
        position += 1
        if text.strip(b"\r") or blank_counts:
            if seen == number:
                return begin, text.strip(b"\r")
            seen += 1
    return len(lines) - 1, b""
