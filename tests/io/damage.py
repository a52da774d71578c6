"""A program of its own, run by ``test_damaged_chunks``: decodes column chunks whose bytes have been changed at random.

Every array that compiled code may touch ends where a page begins that nobody may touch, so that reading or writing one
byte too far ends the process. Decoding must either give rows or say what is wrong.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from volley.engine.arrow import from_arrow_schema
from volley.engine.kernels.cpu.decoding import chunks, opening, pages, textchunks, workspace
from volley.engine.kernels.decoding import (
    ChunkSpec,
    DamagedChunk,
    StoredChunk,
    StoredRows,
    UnknownEncoding,
)
from volley.engine.kernels.devices import open_decoder
from volley.engine.schema import Schema

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def guarded(length: int, kind: Any) -> np.ndarray[Any, Any]:
    """Return an array of zeros behind which a page stands that may not be touched."""
    dtype = np.dtype(kind)
    size = length * dtype.itemsize
    whole = -(-size // PAGE) * PAGE
    region = mmap.mmap(-1, whole + PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    assert _libc.mprotect(start + whole, PAGE, 0) == 0
    return np.frombuffer(region, dtype=dtype, count=length, offset=whole - size) if length else np.zeros(0, dtype)


@dataclass(frozen=True)
class Chunk:
    name: str
    spec: ChunkSpec
    content: bytes
    rows: int
    schema: Schema


def table(rng: np.random.Generator, rows: int, nulls: float) -> pa.Table:
    few, many = rng.integers(0, 9, rows), rng.integers(-(2**40), 2**40, rows)
    columns = {
        "few": pa.array(few * 1000),
        "many": pa.array(many),
        "small": pa.array(few.astype(np.int32)),
        "real": pa.array(rng.normal(size=rows)),
        "flag": pa.array(few > 4),
        "word": pa.array([f"word {n}" for n in few]),
        "text": pa.array([f"{n} times {n % 7}" for n in many.tolist()]),
        "exact": pa.array((many % 10**6).astype(np.int32)).cast(pa.decimal128(15, 0)),
    }
    missing = rng.random(rows) < nulls
    return pa.table(
        {
            n: pa.array([None if m else v for m, v in zip(missing, c.to_pylist(), strict=True)], c.type)
            for n, c in columns.items()
        }
    )


OPTIONS: tuple[dict[str, Any], ...] = (
    {"compression": "snappy"},
    {"compression": "none", "data_page_version": "2.0"},
    {"compression": "zstd", "use_dictionary": False},
    {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0", "store_decimal_as_integer": True},
    {"compression": "none", "dictionary_pagesize_limit": 300},
    {
        "compression": "none",
        "use_dictionary": False,
        "column_encoding": {
            "few": "DELTA_BINARY_PACKED",
            "many": "DELTA_BINARY_PACKED",
            "small": "DELTA_BINARY_PACKED",
            "real": "BYTE_STREAM_SPLIT",
            "flag": "RLE",
            "word": "DELTA_LENGTH_BYTE_ARRAY",
            "text": "DELTA_BYTE_ARRAY",
        },
    },
)


def chunks_of(path: Path) -> Iterator[Chunk]:
    footer = pq.read_metadata(path)
    content = path.read_bytes()
    schema = from_arrow_schema(footer.schema.to_arrow_schema())
    group = footer.row_group(0)
    for j in range(footer.num_columns):
        column, chunk = footer.schema.column(j), group.column(j)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        spec = ChunkSpec(
            dtype=schema[column.name].dtype,
            physical=column.physical_type,
            codec=chunk.compression,
            width=column.length or 0,
            optional=column.max_definition_level == 1,
            as_codes=column.name == "word",
        )
        assert open_decoder().can_decode(spec), spec
        stored = content[start : start + chunk.total_compressed_size]
        yield Chunk(column.name, spec, stored, group.num_rows, schema.select([column.name]))


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        # Headers and the first bytes of bodies, where lengths are, matter most.
        reach = int(rng.choice([40, 200, len(changed)]))
        at = int(rng.integers(0, max(1, min(reach, len(changed)))))
        match int(rng.integers(0, 6)):
            case 0 | 1:
                changed[at] ^= 1 << int(rng.integers(0, 8))
            case 2:
                changed[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
            case 3:
                changed[at : at + 4] = rng.bytes(4)
            case 4:
                del changed[at : at + int(rng.integers(1, 9))]
            case 5:
                changed = changed[: max(1, at)]
        if not changed:
            return b"\0"
    return bytes(changed)


def attempt(chunk: Chunk, *contents: bytes) -> str:
    """Decode contents, each of a row group; return what came of it."""
    together = np.frombuffer(b"".join(contents), np.uint8)

    def fill(start: int, memory: np.ndarray[Any, Any]) -> None:
        memory[:] = together[start : start + len(memory)]

    stored, start = [], 0
    for content in contents:
        column = StoredChunk(spec=chunk.spec, start=start, size=len(content), unpacked=4096)
        stored.append(StoredRows(rows=chunk.rows, schema=chunk.schema, columns={chunk.name: column}, fill=fill))
        start += len(content)
    try:
        for batch in open_decoder().decode(stored, [chunk.name], [], 150):
            array = batch.column(0)
            if isinstance(array, pa.DictionaryArray):
                array.indices.validate(full=True)
                codes = array.indices.drop_null().to_numpy()
                assert not len(codes) or (codes.min() >= 0 and codes.max() < len(array.dictionary))
                array = array.dictionary
            if pa.types.is_string(array.type):
                array = pa.Array.from_buffers(pa.binary(), len(array), array.buffers(), offset=array.offset)
            if not pa.types.is_decimal(array.type):
                array.validate(full=True)
    except DamagedChunk:
        return "damaged"
    except UnknownEncoding:
        return "unknown"
    return "rows"


def main(count: int, seed: int) -> None:
    # the arrays that kernels write
    for module in (chunks, pages, opening, textchunks):
        module.empty = module.scratch = guarded  # type: ignore[attr-defined, assignment]
    workspace.Workspace.take = lambda _, size: guarded(size, np.uint8)  # type: ignore[method-assign]
    workspace.Workspace.room = lambda _, __, length, kind: guarded(length, kind)  # type: ignore[method-assign]
    opening._WORTH_COMPILING = -1
    rng = np.random.default_rng(seed)
    found: list[Chunk] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, options in enumerate(OPTIONS):
            for nulls in (0.0, 0.3):
                path = Path(folder) / f"{number}.parquet"
                pq.write_table(table(rng, 400, nulls), path, data_page_size=600, write_batch_size=50, **options)
                found.extend(chunks_of(path))
    for chunk in found:
        assert attempt(chunk, chunk.content) == "rows", chunk
    outcomes: dict[str, int] = {}
    for _ in range(count):
        chunk = found[int(rng.integers(len(found)))]
        contents = [damaged(rng, chunk.content), chunk.content][: int(rng.integers(1, 3))]
        rng.shuffle(contents)
        outcome = attempt(chunk, *contents)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    sys.stdout.write(f"{outcomes}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
