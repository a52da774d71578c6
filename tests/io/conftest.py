"""Helpers of the IO tests: scanning a source to one plain table, and writing a table through a sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from volley.engine.arrow import from_arrow_schema, to_arrow_schema
from volley.engine.expr import Expr
from volley.engine.plan import ScanRequest, WrittenFile

Scan = Callable[..., pa.Table]


def scan(
    source: Any,
    columns: Sequence[str] | None = None,
    *,
    predicate: Expr | None = None,
    limit: int | None = None,
    batch_rows: int = 128 * 1024,
) -> pa.Table:
    """Return everything a scan gives, dictionaries decoded; every batch must have the schema that was asked for."""
    names = tuple(source.schema.names if columns is None else columns)
    plan = source.scan(ScanRequest(columns=names, predicate=predicate, limit=limit, batch_rows=batch_rows))
    wanted = to_arrow_schema(source.schema.select(names))
    batches = []
    for split in plan.splits:
        seen = 0
        for batch in split.read():
            assert 0 < batch.num_rows <= batch_rows
            assert batch.schema.names == list(names)
            seen += batch.num_rows
            batches.append(batch.cast(wanted) if names else batch)
        if split.rows is not None:
            assert seen == split.rows or (plan.applied is not None and seen < split.rows)
    if not names:
        return pa.table({"rows": pa.nulls(sum(batch.num_rows for batch in batches))})
    return pa.Table.from_batches(batches, wanted)


def write(sink: Any, *tasks: pa.Table) -> tuple[WrittenFile, ...]:
    """Write one table per task and commit."""
    sink.open(from_arrow_schema(tasks[0].schema))
    for task, table in enumerate(tasks):
        writer = sink.writer(task)
        for batch in table.to_batches():
            writer.write(batch)
        writer.close()
    files: tuple[WrittenFile, ...] = sink.commit()
    return files


@pytest.fixture(name="scan")
def _scan() -> Scan:
    return scan


@pytest.fixture(name="write")
def _write() -> Callable[..., tuple[WrittenFile, ...]]:
    return write


@pytest.fixture
def decode_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the engine's decoder for small files too, whether or not it is compiled already."""
    monkeypatch.setattr("volley.io.parquet._WORTH_COMPILING", 0)
    monkeypatch.setattr("volley.engine.kernels.cpu.decoding.opening._WORTH_COMPILING", -1)
    monkeypatch.setattr("volley.io.parquet._SMALL_GROUP", 0)
