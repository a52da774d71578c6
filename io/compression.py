"""Compressed text: which endings stand for which codec, and streams that pack and unpack.

Knows codecs only. Light to import: codecs are loaded when a compressed file is opened.
"""

from __future__ import annotations

from typing import Any

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz", ".lz4": "lz4"}
"""Codec by ending."""


def with_compressions(suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the suffixes alone and with each compression's suffix."""
    return suffixes + tuple(s + c for s in suffixes for c in COMPRESSIONS)


def compression_of(name: str) -> str:
    """Return the ending of a compressed file's name, in lower case; empty if it is not compressed."""
    return next((suffix for suffix in COMPRESSIONS if name.lower().endswith(suffix)), "")


def unpacked(handle: Any, suffix: str) -> Any:
    """Return a stream of what a file contains; the codecs' own checks make a damaged file an `OSError`."""
    if not suffix:
        return handle
    codec = COMPRESSIONS[suffix]
    if codec == "xz":
        return _Unxz(handle)
    import pyarrow as pa

    return pa.CompressedInputStream(handle, codec)


def packed(handle: Any, suffix: str) -> Any:
    """Return a stream that compresses into a file; closing it does not close the file."""
    if not suffix:
        return handle
    codec = COMPRESSIONS[suffix]
    if codec == "xz":
        import lzma

        return lzma.LZMAFile(handle, "wb")
    import pyarrow as pa

    return pa.CompressedOutputStream(handle, codec)


class _Unxz:
    """Python's reader of xz, which Arrow has not, with Arrow's kind of errors."""

    def __init__(self, handle: Any) -> None:
        import lzma

        self._stream = lzma.LZMAFile(handle)  # noqa: SIM115  # the caller closes the file itself
        self._errors = (lzma.LZMAError, EOFError)

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        try:
            return self._stream.read(size)
        except self._errors as error:
            raise OSError(str(error)) from error
