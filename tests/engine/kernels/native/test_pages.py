"""Snappy against pyarrow's, packed codes and levels against encoders written here."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from volley.engine.kernels.cpu.native import encodings, pages, snappy


def samples(rng: np.random.Generator) -> dict[str, bytes]:
    words = rng.integers(0, 500, 4000)
    return {
        "nothing": b"",
        "one byte": b"x",
        "noise": rng.bytes(70_000),
        "zeros": bytes(100_000),
        "words": words.tobytes(),
        "wide words": (words * 1_000_003).tobytes(),
        "text": b" ".join(b"%d times" % n for n in words.tolist()),
        "sorted words": np.cumsum(words % 7).tobytes(),
        "words, most of them one more": b"odd" + np.cumsum(words > 3).tobytes(),
        **{f"period {n}": rng.bytes(n) * (5000 // n) for n in range(1, 40)},
    }


def test_snappy_gives_what_pyarrow_compressed(rng: np.random.Generator) -> None:
    for name, content in samples(rng).items():
        stored = pa.Codec("snappy").compress(content, asbytes=True)
        framed = np.frombuffer(b"ab" + stored + b"cd", np.uint8)
        target = np.full(len(content) + snappy.SLACK, 255, np.uint8)
        assert snappy.unsnap(framed, 2, 2 + len(stored), target, len(content)) == 0, name
        assert target[: len(content)].tobytes() == content, name
        assert snappy.unsnap(framed, 2, 2 + len(stored), target, len(content) + 1) == pages.DAMAGED
        assert snappy.unsnap(framed, 2, 1 + len(stored), target, len(content)) == pages.DAMAGED
        assert snappy.unsnap(framed, 2, 2 + len(stored), target[:-1], len(content)) == pages.DAMAGED


def literal(content: bytes) -> bytes:
    """Return the operation of Snappy that gives some bytes, with as few bytes of length as there can be."""
    length = len(content) - 1
    if length < 60:
        return bytes([length << 2]) + content
    wide = (length.bit_length() + 7) // 8
    return bytes([(59 + wide) << 2]) + length.to_bytes(wide, "little") + content


def copies(offset: int, length: int) -> list[bytes]:
    """Return all operations of Snappy that repeat so many of the bytes that lie so far back."""
    found = [bytes([(length - 1) << 2 | 3]) + offset.to_bytes(4, "little")]
    if offset < 1 << 16:
        found.append(bytes([(length - 1) << 2 | 2]) + offset.to_bytes(2, "little"))
    if offset < 1 << 11 and 4 <= length <= 11:
        found.append(bytes([offset >> 8 << 5 | (length - 4) << 2 | 1, offset & 255]))
    return found


def test_every_operation_of_snappy_after_every_other(rng: np.random.Generator) -> None:
    for _ in range(60):
        content = bytearray(rng.bytes(20))
        stored = literal(bytes(content))
        breaks = []
        for _ in range(int(rng.integers(1, 400))):
            if rng.integers(3) == 0:
                own = rng.bytes(int(rng.choice([1, 2, 3, 4, 5, 15, 16, 17, 60, 61, 300])))
                content += own
                stored += literal(own)
                continue
            near = int(rng.choice([1, 2, 7, 8, 9, 15, 16, 17, 2047, 2048, 65_535, 65_536]))
            offset, length = min(near, len(content)), int(rng.integers(1, 65))
            ways = copies(offset, length)
            chosen = ways[int(rng.integers(len(ways)))]
            breaks.append((len(stored), len(stored) + len(chosen), len(content), length))
            stored += chosen
            for _ in range(length):
                content.append(content[-offset])
        framed = varint(len(content)) + stored
        target = np.zeros(len(content) + snappy.SLACK, np.uint8)
        assert snappy.unsnap(np.frombuffer(framed, np.uint8), 0, len(framed), target, len(content)) == 0
        assert target[: len(content)].tobytes() == bytes(content)
        for start, stop, before, length in breaks[:: max(1, len(breaks) // 5)]:
            for wrong in copies(0, length) + copies(before + 1, length):
                damaged = varint(len(content)) + stored[:start] + wrong + stored[stop:]
                given = np.frombuffer(damaged, np.uint8)
                assert snappy.unsnap(given, 0, len(damaged), target, len(content)) == pages.DAMAGED


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def packed(codes: list[int], width: int) -> bytes:
    """Return a run of packed codes; the last group is filled up with zeros."""
    groups = -(-len(codes) // 8)
    bits = sum(code << (i * width) for i, code in enumerate(codes))
    return varint(groups << 1 | 1) + bits.to_bytes(groups * width, "little")


def repeated(code: int, count: int, width: int) -> bytes:
    return varint(count << 1) + code.to_bytes(-(-width // 8), "little")


@pytest.mark.parametrize("width", range(33))
def test_codes_in_runs_of_both_kinds(rng: np.random.Generator, width: int) -> None:
    stored, expected = b"", []
    top = 2 ** min(width, 31) - 1
    for _ in range(12):
        if rng.integers(2) or width == 0:
            count, code = int(rng.integers(1, 300)), int(rng.integers(0, top + 1))
            stored += repeated(code, count, width)
            expected += [code] * count
        else:
            codes = rng.integers(0, top + 1, 8 * int(rng.integers(1, 9))).tolist()
            stored += packed(codes, width)
            expected += codes
    n = len(expected)
    for slack in (0, 20):
        data = np.frombuffer(b"?" + stored + bytes(slack), np.uint8)
        out = np.full(n, -7, np.int32)
        assert encodings.unpack_codes(data, 1, 1 + len(stored), width, n, out) == max(expected)
        assert out.tolist() == expected
        if width:
            assert encodings.unpack_codes(data, 1, 1 + len(stored), width, n + 1, np.zeros(n + 1, np.int32)) == -1
        assert encodings.unpack_codes(data, 1, 2 + len(stored) + slack, width, n, out) == pages.DAMAGED


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 16])
def test_big_endian_numbers(rng: np.random.Generator, width: int) -> None:
    reach = 2 ** min(8 * width - 1, 63)
    numbers = [-reach, reach - 1, 0, -1, *rng.integers(-reach, reach - 1, 50).tolist()]
    data = np.frombuffer(b"".join(int(n).to_bytes(width, "big", signed=True) for n in numbers), np.uint8)
    out = np.zeros(len(numbers), np.int64)
    assert encodings.big_endian(data, 0, width, len(numbers), out)
    assert out.tolist() == numbers
    if width > 8:
        wide = np.frombuffer((2**63).to_bytes(width, "big"), np.uint8)
        assert not encodings.big_endian(wide, 0, width, 1, out)
