"""How each engine is given a case's data, and how those that speak SQL are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .case import Bench, Call, Prepare

if TYPE_CHECKING:
    import datafusion
    import duckdb
    import pandas as pd
    import polars as pl

    import volley as vl


def duckdb_connection(bench: Bench) -> duckdb.DuckDBPyConnection:
    """Return a connection with a view on each file and each table in memory."""
    import duckdb

    connection = duckdb.connect(config={"threads": bench.threads})
    connection.execute("set enable_progress_bar = false")
    for name, path in bench.files.items():
        connection.execute(f"create view {name} as select * from read_parquet('{path}')")
    for name, rows in bench.tables.items():
        connection.register(name, rows)
    return connection


def datafusion_context(bench: Bench) -> datafusion.SessionContext:
    """Return a context with all files and tables; batches in memory are dealt out to the partitions."""
    import datafusion

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(bench.threads))
    for name, path in bench.files.items():
        context.register_parquet(name, str(path))
    for name, rows in bench.tables.items():
        batches = rows.to_batches()
        context.register_record_batches(name, [batches[start :: bench.threads] for start in range(bench.threads)])
    return context


def polars_frames(bench: Bench) -> dict[str, pl.LazyFrame]:
    """Return a lazy frame for each file and table."""
    import polars as pl

    frames = {name: pl.scan_parquet(path) for name, path in bench.files.items()}
    for name, rows in bench.tables.items():
        made = pl.from_arrow(rows)
        assert isinstance(made, pl.DataFrame)
        frames[name] = made.lazy()
    return frames


def volley_frames(bench: Bench) -> dict[str, vl.DataFrame]:
    """Return a lazy frame of one session for each file and table."""
    import volley as vl

    with vl.Session(device=bench.device, threads=bench.threads):
        frames = {name: vl.read_parquet(str(path)) for name, path in bench.files.items()}
        return frames | {name: vl.from_arrow(rows) for name, rows in bench.tables.items()}


def pandas_frames(bench: Bench) -> dict[str, pd.DataFrame]:
    """Return a numpy-backed frame for each table in memory."""
    return {name: rows.to_pandas() for name, rows in bench.tables.items()}


def read_for_pandas(bench: Bench, table: str, columns: Sequence[str], filters: Any = None) -> pd.DataFrame:
    """Read columns of a Parquet file as people do for pandas: decimals as float64, little text as categories."""
    texts = [name for name in columns if name.endswith(("flag", "status", "segment"))]
    rows = pq.read_table(bench.files[table], columns=list(columns), filters=filters, read_dictionary=texts)
    for number, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type):
            rows = rows.set_column(number, field.name, rows[field.name].cast(pa.float64()))
    frame: pd.DataFrame = rows.to_pandas(date_as_object=False)
    return frame


def sql_engines(text: str) -> dict[str, Prepare]:
    """Return the functions of all engines that answer a SQL text."""
    return {"volley": volley_sql(text), "duckdb": duckdb_sql(text), "datafusion": datafusion_sql(text)}


def volley_sql(text: str) -> Prepare:
    """Return Volley's answer to a SQL text."""

    def prepare(bench: Bench) -> Call:
        import volley as vl

        frames: dict[str, Any] = volley_frames(bench)
        return lambda: vl.sql(text, **frames).collect()

    return prepare


def duckdb_sql(text: str) -> Prepare:
    """Return DuckDB's answer to a SQL text, as an Arrow table."""

    def prepare(bench: Bench) -> Call:
        connection = duckdb_connection(bench)
        return lambda: connection.sql(text).to_arrow_table()

    return prepare


def datafusion_sql(text: str) -> Prepare:
    """Return DataFusion's answer to a SQL text, as an Arrow table."""

    def prepare(bench: Bench) -> Call:
        context = datafusion_context(bench)
        return lambda: context.sql(text).to_arrow_table()

    return prepare


def polars_query(question: Callable[[dict[str, pl.LazyFrame]], pl.LazyFrame]) -> Prepare:
    """Return Polars' answer to a lazy question, by its streaming engine, or by cudf-polars alone."""

    def prepare(bench: Bench) -> Call:
        import polars as pl

        frames = polars_frames(bench)
        engine = pl.GPUEngine(raise_on_fail=True) if bench.device == "gpu" else "streaming"
        return lambda: question(frames).collect(engine=engine)

    return prepare


def volley_query(question: Callable[[dict[str, vl.DataFrame]], vl.DataFrame]) -> Prepare:
    """Return Volley's answer to a question in frames."""

    def prepare(bench: Bench) -> Call:
        frames = volley_frames(bench)
        return lambda: question(frames).collect()

    return prepare


def pandas_query(question: Callable[[dict[str, pd.DataFrame]], pd.DataFrame]) -> Prepare:
    """Return pandas' answer to a question about tables in memory."""

    def prepare(bench: Bench) -> Call:
        frames = pandas_frames(bench)
        return lambda: question(frames)

    return prepare


def pyarrow_query(question: Callable[[Bench], pa.Table]) -> Prepare:
    """Return pyarrow's answer to a question about files or tables in memory."""

    def prepare(bench: Bench) -> Call:
        pa.set_cpu_count(bench.threads)
        pa.set_io_thread_count(bench.threads)
        return lambda: question(bench)

    return prepare
