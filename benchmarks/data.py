"""The data of the cases, made once, kept in ``benchmarks/data``: TPC-H and TPC-DS as Parquet, other rows as Arrow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FOLDER = Path(os.environ.get("VOLLEY_BENCH_DATA", Path(__file__).parent / "data"))
ROWS, MIXED, ITEMS, WORDS, EVENTS = 6_000_000, 4_000_000, 1_500_000, 50_000, 2_000_000
"""Rows of the large, middle and small tables, number of texts, and of page views, at scale 1."""
BATCH_ROWS = 128 * 1024
"""Rows per batch of the tables in memory: engines that share out work by batch must find enough of them."""
FILE_ROWS = 256 * 1024
"""Rows per row group of the generated files."""
SPREAD = 0x2545F4914F6CDD1D
"""An odd factor: maps 0, 1, 2, … one to one to words all over the 64 bits, so that no range of keys is dense."""

TPCH = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
"""All tables of TPC-H."""
TPCDS = (
    *("call_center", "catalog_page", "catalog_returns", "catalog_sales", "customer", "customer_address"),
    *("customer_demographics", "date_dim", "household_demographics", "income_band", "inventory", "item", "promotion"),
    *("reason", "ship_mode", "store", "store_returns", "store_sales", "time_dim", "warehouse", "web_page"),
    *("web_returns", "web_sales", "web_site"),
)
"""All tables of TPC-DS."""


def files(names: Sequence[str], scale: float, folder: Path = FOLDER, *, suite: str = "tpch") -> dict[str, Path]:
    """Return the Parquet file of each of some tables, of a suite or generated, made if it is not there."""
    made = {name: _generated(name, scale, folder) for name in names if name in FILES}
    return made | _suite(suite, [name for name in names if name not in FILES], scale, folder)


def _generated(name: str, scale: float, folder: Path) -> Path:
    path = folder / f"files-{scale:g}" / f"{name}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        table = pa.table(FILES[name](np.random.default_rng(0), scale))
        pq.write_table(table, part, row_group_size=FILE_ROWS, compression="snappy")
        part.replace(path)
    return path


def tpch(tables: Sequence[str], scale: float, folder: Path = FOLDER) -> dict[str, Path]:
    """Return the Parquet file of each of some TPC-H tables, made by tpcgen-cli if it is not there."""
    return _suite("tpch", tables, scale, folder)


def tpcds(tables: Sequence[str], scale: float, folder: Path = FOLDER) -> dict[str, Path]:
    """Return the Parquet file of each of some TPC-DS tables, made by tpcgen-cli if it is not there."""
    return _suite("tpcds", tables, scale, folder)


def _suite(suite: str, tables: Sequence[str], scale: float, folder: Path) -> dict[str, Path]:
    home = folder / f"{suite}-{scale:g}"
    paths = {table: home / f"{table}.parquet" for table in tables}
    missing = [table for table, path in paths.items() if not path.exists()]
    if missing:
        print(f"making {suite} {', '.join(missing)} at scale {scale:g} in {home}", file=sys.stderr)
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as made:
            command = [generator(), suite, "parquet", "-s", f"{scale:g}", "-T", ",".join(missing), "-o", made]
            subprocess.run([*command, "--quiet"], check=True)
            for table in missing:
                (Path(made) / f"{table}.parquet").replace(paths[table])
    return paths


def generator() -> str:
    """Return the path of tpcgen-cli."""
    beside = Path(sys.executable).with_name("tpcgen-cli")
    found = str(beside) if beside.exists() else shutil.which("tpcgen-cli")
    if found is None:
        raise SystemExit("benchmarks: tpcgen-cli is not installed; run make bench, or pip install tpcgen-cli")
    return found


def memory(name: str, scale: float, folder: Path = FOLDER) -> Path:
    """Return the Arrow file of a generated table, made if it is not there."""
    path = folder / f"memory-{scale:g}" / f"{name}.arrow"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(TABLES[name](np.random.default_rng(0), scale))
        part = path.with_suffix(".part")
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=BATCH_ROWS)
        part.replace(path)
    return path


def load(path: Path) -> pa.Table:
    """Read an Arrow file into this process's memory."""
    with pa.OSFile(str(path), "rb") as file:
        return pa.ipc.open_file(file).read_all()


Columns = dict[str, np.ndarray | pa.Array]


def _many(rng: np.random.Generator, rows: int, distinct: int) -> np.ndarray:
    """Return shuffled rows in which each of the numbers below `distinct` is about equally frequent."""
    return rng.permutation(np.arange(rows, dtype=np.int64) % distinct)


def _dense(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ROWS * scale)
    return {"key": _many(rng, rows, 1_000), "value": rng.random(rows)}


def _wide(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ROWS * scale)
    return {"key": _many(rng, rows, int(ITEMS * scale)) * np.int64(SPREAD), "value": rng.random(rows)}


def _words(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(2_000_000 * scale)
    return {"word": _texts(WORDS).take(pa.array(_many(rng, rows, WORDS))), "value": rng.random(rows)}


def _items(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ITEMS * scale)
    return {"key": rng.permutation(rows).astype(np.int64) * np.int64(SPREAD), "price": rng.random(rows)}


def _unsorted(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ROWS * scale)
    return {"key": rng.permutation(rows).astype(np.int64) * np.int64(SPREAD), "value": rng.random(rows)}


def _holed(rng: np.random.Generator, columns: Columns, names: Sequence[str]) -> Columns:
    """Return the columns with a null in every twentieth row, on average, of each of those named."""
    rows = len(next(iter(columns.values())))
    return columns | {name: pc.if_else(pa.array(rng.random(rows) >= 0.05), columns[name], None) for name in names}


def _texts(count: int) -> pa.Array:
    return pa.array([f"customer {number * 7919 % 10**9:09d}" for number in range(count)])


def _mixed(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(MIXED * scale)
    return {
        "region": rng.integers(0, 100, rows),
        "kind": rng.integers(0, 10, rows),
        "word": _texts(100).take(pa.array(rng.integers(0, 100, rows))),
        "value": rng.random(rows),
    }


def _rates(rng: np.random.Generator) -> Columns:
    regions, texts = np.divmod(np.arange(100 * 100), 100)
    return _holed(
        rng,
        {"region": regions, "word": _texts(100).take(pa.array(texts)), "rate": rng.random(len(regions))},
        ("region", "word"),
    )


def _labels(rng: np.random.Generator) -> Columns:
    return {"word": _texts(WORDS).take(pa.array(rng.permutation(WORDS))), "label": np.arange(WORDS)}


def _links(rng: np.random.Generator, rows: int, distinct: int, name: str) -> Columns:
    return {"key": _many(rng, rows, distinct) * np.int64(SPREAD), name: rng.random(rows)}


def _readings(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ROWS // 2 * scale)
    value = rng.standard_normal(rows).round(3) + 0.0  # no -0.0, which DataFusion sorts before 0.0
    value[rng.random(rows) < 0.02] = np.nan
    pair = rng.permutation(rows)
    order = {"level": pair % 1_000, "word": _texts(max(rows // 1_000, 1)).take(pa.array(pair // 1_000))}
    return order | _holed(rng, {"value": value, "number": rng.permutation(rows)}, ("value",))


def _visits(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(MIXED * scale)
    return {
        "day": rng.integers(0, 30, rows),
        "shop": rng.integers(0, int(100_000 * scale) + 1, rows) * np.int64(SPREAD),
        "visitor": rng.integers(0, int(500_000 * scale) + 1, rows) * np.int64(SPREAD),
        "moment": rng.permutation(rows),
        "spent": rng.random(rows),
    }


def _ticks(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ITEMS * scale)
    return {"tick": rng.permutation(20 * rows)[:rows], "shop": rng.integers(0, 1_000, rows), "spent": rng.random(rows)}


def _spans(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(ITEMS // 15 * scale)
    begin = rng.integers(0, 300 * rows, rows)
    return {"span": rng.permutation(rows), "shop": rng.integers(0, 1_000, rows), "begin_tick": begin} | {
        "end_tick": begin + rng.integers(50, 500, rows)
    }


def _bins(rng: np.random.Generator) -> Columns:
    edges = np.arange(1_001) / 1_000
    return {"bin": rng.permutation(1_000), "least": edges[:-1], "below": edges[1:]}


def _favoured(rng: np.random.Generator, rows: int, distinct: int) -> np.ndarray:
    """Return rows of numbers below ``distinct`` of which the n-th is chosen in proportion to 1/n."""
    shares = np.cumsum(1.0 / np.arange(1, distinct + 1))
    return np.searchsorted(shares, rng.random(rows) * shares[-1]).astype(np.int32)


def _phrases(rng: np.random.Generator, count: int, words: Sequence[int], between: str) -> list[str]:
    """Return texts of so many words, from ``words[0]`` on and fewer than ``words[1]``."""
    letters = rng.integers(97, 123, (3_000, 10), dtype=np.uint8)
    known = [bytes(row[: 3 + n % 8]).decode() for n, row in enumerate(letters)] + ["river", "basket"] * 5
    chosen = rng.integers(0, len(known), (count, words[1]))
    lengths = rng.integers(*words, count)
    return [between.join(known[j] for j in row[:n]) for row, n in zip(chosen, lengths, strict=True)]


def _addresses(rng: np.random.Generator, count: int) -> list[str]:
    hosts = [f"{word}.example{n % 7}.com" for n, word in enumerate(_phrases(rng, 2_000, (1, 2), ""))]
    owners = _favoured(rng, count, len(hosts))
    paths = _phrases(rng, count, (2, 7), "/")
    return [
        f"http{'s' if n % 3 else ''}://{'www.' if n % 2 else ''}{hosts[owner]}/{path}/?id={n}"
        for n, (owner, path) in enumerate(zip(owners, paths, strict=True))
    ]


def _events(rng: np.random.Generator, scale: float) -> Columns:
    rows = int(EVENTS * scale)

    def some(texts: list[str], empty: float) -> pa.Array:
        codes = np.where(rng.random(rows) < empty, 0, 1 + _favoured(rng, rows, len(texts)))
        return pa.array(["", *texts]).take(pa.array(codes))

    moments = np.sort(rng.integers(0, 31 * 86_400, rows)) * 1_000_000 + 1_700_000_000_000_000
    columns: Columns = {
        "visit": rng.permutation(rows),
        "moment": pa.array(moments).cast(pa.timestamp("us")),
        "visitor": rng.integers(1, 2**62, 200_000)[_favoured(rng, rows, 200_000)],
        "region": _favoured(rng, rows, 4_000),
        "url": some(_addresses(rng, 200_000), 0.0),
        "referrer": some(_addresses(rng, 150_000), 0.2),
        "title": some(_phrases(rng, 80_000, (3, 12), " "), 0.1),
        "phrase": some(_phrases(rng, 60_000, (1, 5), " "), 0.8),
        "width": rng.choice(np.array([0, 1024, 1280, 1366, 1440, 1600, 1920], dtype=np.int16), rows),
        "seconds": rng.integers(0, 600, rows, dtype=np.int32),
    }
    return columns | {f"detail_{n}": rng.integers(0, 1_000, rows, dtype=np.int32) for n in range(16)}


FILES: dict[str, Callable[[np.random.Generator, float], Columns]] = {"events": _events}
"""events: 2M page views in the order of time, 26 columns, four of them text: addresses, titles, phrases."""

TABLES: dict[str, Callable[[np.random.Generator, float], Columns]] = {
    "dense": _dense,
    "wide": _wide,
    "words": _words,
    "items": _items,
    "unsorted": _unsorted,
    "wide_nulls": lambda rng, scale: _holed(rng, _wide(rng, scale), ("key",)),
    "mixed": _mixed,
    "mixed_nulls": lambda rng, scale: _holed(rng, _mixed(rng, scale), ("region", "kind", "word")),
    "rates": lambda rng, _: _rates(rng),
    "labels": lambda rng, _: _labels(rng),
    "lefts": lambda rng, scale: _links(rng, int(ROWS // 3 * scale), int(ROWS // 12 * scale), "value"),
    "rights": lambda rng, scale: _links(rng, int(ROWS // 6 * scale), int(ROWS // 12 * scale), "price"),
    "readings": _readings,
    "visits": _visits,
    "ticks": _ticks,
    "spans": _spans,
    "bins": lambda rng, _: _bins(rng),
}
"""dense: 6M rows, keys 0 to 999. wide: 6M rows, 1.5M keys. words: 2M rows, 50k texts. items: the 1.5M keys of wide,
once each. unsorted: 6M different keys. mixed: 4M rows, two integers (100 and 10 values) and a text (100). rates: 10k
pairs of such an integer and a text. labels: the 50k texts once each. lefts, rights: 2M and 1M rows over the same 500k
keys. readings: 3M different pairs of an integer and a text, and a float with NaN and nulls beside different integers.
visits: 4M rows of 30 days, 100k shops, 500k visitors. ticks: 1.5M different moments; spans: 100k stretches of time, of
which each moment lies in one on average. bins: the thousandths between 0 and 1. In those called nulls every twentieth
key is null. All shuffled; numbers of rows are those at scale 1."""
