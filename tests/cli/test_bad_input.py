"""Bad input through the command line: one clear line that says what to do, exit code 1, and nothing half written."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from volley.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
ROWS = pa.table({"dest": ["SFO", "LAX", None], "delay": [5, -3, 20]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of inputs, good and bad."""
    inputs = tmp_path / "in"
    (inputs / "mixed").mkdir(parents=True)
    pq.write_table(ROWS, inputs / "trips.parquet")
    content = (inputs / "trips.parquet").read_bytes()
    (inputs / "cut.parquet").write_bytes(content[:-100])
    (inputs / "holed.parquet").write_bytes(content[:4] + bytes(150) + content[154:])
    pq.write_table(pa.table({"x": [1]}), inputs / "mixed" / "0.parquet")
    pq.write_table(pa.table({"x": ["a"]}), inputs / "mixed" / "1.parquet")
    for name in ("empty.csv", "empty.parquet", "empty.jsonl", "empty.arrow"):
        (inputs / name).write_bytes(b"")
    (inputs / "ragged.csv").write_text("a,b\n1,2\n3\n4,5\n")
    (inputs / "latin.csv").write_bytes("name\nZoë\n".encode("latin-1"))
    (inputs / "latin.jsonl").write_bytes('{"name": "Zoë"}\n'.encode("latin-1"))
    (inputs / "late.csv").write_text("n\n" + "1\n" * 600_000 + "many\n")
    (inputs / "twice.csv").write_text("a,a\n1,2\n")
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]), inputs / "twice.parquet")
    return inputs


BAD = [
    ("missing file", "select * from '{in}/trip.parquet'", r"trip.parquet' does not exist; did you mean '.*trips.parq"),
    ("nothing matches", "select * from '{in}/*.pq'", r"no file matches '.*\*.pq'; .* holds "),
    ("empty CSV", "select * from '{in}/empty.csv'", r"empty.csv' is empty; a CSV file needs a header or rows"),
    ("empty Parquet", "select * from '{in}/empty.parquet'", r"empty.parquet' is empty \(0 bytes\), .*; write it again"),
    ("empty JSON", "select * from '{in}/empty.jsonl'", r"empty.jsonl' is empty; JSON lines need one object per line"),
    ("empty IPC", "select * from '{in}/empty.arrow'", r"empty.arrow' is empty \(0 bytes\), .*; write it again"),
    ("truncated Parquet", "select * from '{in}/cut.parquet'", r"cut.parquet' is cut short or damaged; copy or write"),
    ("damaged Parquet", "select * from '{in}/holed.parquet'", r"holed.parquet' is damaged: .*copy or write it again"),
    ("wrong column", "select dly from trips", r"unknown column 'dly'; did you mean 'delay'\?"),
    (
        "ambiguous column",
        "select delay from trips a join trips b on a.dest = b.dest",
        r"column 'delay' is ambiguous: it may be a.delay or b.delay; say which",
    ),
    (
        "type mismatch in a filter",
        "select * from trips where dest > 5",
        r"greater does not accept \(dest: string, 5: int64\); cast an argument",
    ),
    (
        "text that is no number in a filter",
        "select * from trips where delay = 'soon'",
        r"cannot cast 'soon' to int64 .*; use try_cast",
    ),
    (
        "ragged CSV",
        "select * from '{in}/ragged.csv'",
        r"ragged.csv:3: the row has 1 value where there are 2 columns; .*on_bad_rows='skip'",
    ),
    (
        "a later value of another type",
        "select sum(n) from '{in}/late.csv'",
        r"late.csv:600002: column 'n': 'many' is not int64; pass dtypes=",
    ),
    (
        "schema that differs between files",
        "select * from '{in}/mixed'",
        r"column 'x' is int64 in '.*0.parquet' but string in '.*1.parquet'; read the files apart and cast one",
    ),
    (
        "integer overflow",
        "select delay * 9223372036854775807 as y from trips",
        r"\(delay \* 9223372036854775807\) does not fit int64; cast an operand to a wider type",
    ),
    (
        "overflow of a sum",
        "select sum(delay + 9223372036854775000) as y from trips",
        r"does not fit int64; cast",
    ),
    ("division by zero", "select delay // (delay - 5) as y from trips", r"division by zero in .*nullif\(…, 0\)"),
    ("remainder by zero", "select delay % 0 as y from trips", r"division by zero in .*nullif\(…, 0\)"),
    (
        "cast failure",
        "select cast(dest as int) as y from trips",
        r"cannot cast 'SFO' to int32 in cast\(dest as int32\); use try_cast",
    ),
    (
        "more names than columns of CSV",
        "select * from read_csv('{in}/twice.csv', names = ['a', 'a', 'b'])",
        r"twice.csv' has 2 columns but 3 names were given",
    ),
    (
        "a name given twice for CSV",
        "select * from read_csv('{in}/twice.csv', names = ['a', 'a'])",
        r"names has 'a' twice; give every column of .*twice.csv' a name of its own",
    ),
    (
        "duplicate names in Parquet",
        "select * from '{in}/twice.parquet'",
        r"twice.parquet': duplicate column name 'x'; give one of them another name",
    ),
    ("text that is not UTF-8", "select * from '{in}/latin.csv'", r"latin.csv:2: the line is not UTF-8; give .*encod"),
    ("JSON that is not UTF-8", "select * from '{in}/latin.jsonl'", r"latin.jsonl:1: not UTF-8"),
]  # fmt: skip


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line of the error; a query may follow it, with a mark below the place."""
    said = capsys.readouterr()
    assert said.out == ""
    first, *rest = said.err.splitlines()
    assert first.startswith("volley: error: ")
    assert all(line.startswith("  ") for line in rest)
    assert len(rest) in (0, 2)
    return first


@pytest.mark.parametrize(("query", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_one_line_and_leaves_the_old_output(
    folder: Path, tmp_path: Path, query: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "result.parquet"
    out.parent.mkdir()
    out.write_bytes(b"old")
    text = query.replace("{in}", str(folder))
    assert main(["sql", str(folder / "trips.parquet"), "-c", text, "-o", str(out), "--threads", "2"]) == 1
    assert re.search(message, failed(capsys))
    assert [p.name for p in out.parent.iterdir()] == ["result.parquet"]
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select cast(dest as int) as y from trips", 1),
        ("select delay % 0 as y from trips", 1),
        ("select dly from trips", 2),
    ],
    ids=["cast failure", "division by zero", "wrong column: the job itself is wrong"],
)
def test_a_job_that_fails_leaves_no_output(
    folder: Path, tmp_path: Path, query: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(
        f"name: bad\nsources: {{trips: {{path: {folder}/trips.parquet}}}}\n"
        f'steps:\n  - {{name: step, sql: "{query}"}}\n'
        "outputs: {dir: out, report: false, tables: {step: {format: csv}}}\n"
    )
    assert main(["run", str(job)]) == code
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("volley: error: ")
    assert ("step" if code == 1 else "job.yaml:4:8: ") in last
    assert not (tmp_path / "out" / "step.csv").exists()


# ------------------------------------------------------------------------------------------ odd but good
def rows_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a query and return its lines as CSV."""
    assert main(["sql", *arguments, "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def test_duplicate_names_of_a_result_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select delay, delay, dest as delay from trips limit 1"
    assert rows_of([str(folder / "trips.parquet"), "-c", query], capsys)[0] == '"delay","delay_1","delay_2"'


def test_all_null_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"typed": pa.nulls(3, pa.int64()), "untyped": pa.nulls(3)}), folder / "nulls.parquet")
    (folder / "nulls.csv").write_text("k,v\n1,\n2,\n")
    (folder / "nulls.jsonl").write_text('{"k": 1, "v": null}\n')
    query = (
        "select sum(typed) as a, max(typed) as b, max(untyped) as c, count(untyped) as d, count(*) as e "
        "from nulls group by typed, untyped order by untyped"
    )
    assert rows_of([str(folder / "nulls.parquet"), "-c", query], capsys)[1:] == [",,,0,3"]
    for name in ("nulls.csv", "nulls.jsonl"):
        query = "select count(v) as n, max(v) as m from nulls where v is null"
        assert rows_of([str(folder / name), "-c", query], capsys)[1:] == ["0,"]


ONE_ROW = [
    "select * from t", "select dest, delay + 1 as x from t where delay = 5", "select distinct dest from t",
    "select dest, sum(delay) as s from t group by dest", "select * from t order by delay desc limit 3",
    "select a.dest from t a join t b on a.delay = b.delay", "select a.dest from t a full join t b on a.delay = b.delay",
    "select dest, rank() over (partition by dest order by delay) as r from t",
    "select dest from t union select dest from t",
    "select delay from t except select delay + 1 from t", "select * from t where delay in (select delay from t)",
]  # fmt: skip


@pytest.mark.parametrize("query", ONE_ROW)
@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow"])
def test_no_row_and_one_row(folder: Path, suffix: str, query: str, capsys: pytest.CaptureFixture[str]) -> None:
    for count in (0, 1):
        path, table = folder / f"t.{suffix}", ROWS.slice(0, count)
        if suffix == "parquet":
            pq.write_table(table, path)
        elif suffix == "arrow":
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table)
        elif count:
            pacsv.write_csv(table, str(path))
        else:
            continue  # without a row a CSV file has no types: see the aggregates below
        assert len(rows_of([str(path), "-c", query], capsys)) == 1 + count


def test_aggregates_of_no_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t.csv").write_text("dest,delay\n")
    query = "select count(*) as n, max(delay) as m from t"
    assert rows_of([str(folder / "t.csv"), "-c", query], capsys)[1:] == ["0,"]
    pq.write_table(ROWS.slice(0, 0), folder / "e.parquet")
    query = "select count(*) as n, sum(delay) as s, min(dest) as m, avg(delay) as a from e"
    assert rows_of([str(folder / "e.parquet"), "-c", query], capsys)[1:] == ["0,,,"]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl", "arrow"])
def test_a_table_of_2000_columns(folder: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"c{i}" for i in range(2000)]
    wide = pa.table({name: [i, i + 1, None] for i, name in enumerate(names)})
    pq.write_table(wide, folder / "wide.parquet")
    out = folder / f"again.{suffix}"
    assert (
        main(["sql", str(folder / "wide.parquet"), "-c", "select * from wide where c5 is not null", "-o", str(out)])
        == 0
    )
    sums = ", ".join(f"sum({name}) as {name}" for name in names[::100])
    assert rows_of([str(out), "-c", f"select count(*) as n, {sums} from again"], capsys)[1].split(",") == [
        "2",
        *(str(2 * i + 1) for i in range(0, 2000, 100)),
    ]
    assert (
        rows_of([str(out), "-c", "select * from again order by c1999 desc limit 1"], capsys)[1].split(",")[-1] == "2000"
    )


# ------------------------------------------------------------------------------------------ refused by the system
@contextmanager
def unprivileged() -> Iterator[Path]:
    """Give a folder that anybody may enter, and rights such as anybody has."""
    place = Path(tempfile.mkdtemp(prefix="volley-test-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        shutil.rmtree(place)


def drop_privileges() -> None:
    """Become nobody, if this is root, whom no mode of a file stops; `unprivileged` undoes it."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)


def test_a_path_without_permission_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    with unprivileged() as place:
        for name in ("t.csv", "t.parquet", "t.jsonl", "t.arrow"):
            (place / name).write_bytes(b"a\n1\n")
            (place / name).chmod(0)
        (place / "closed").mkdir(mode=0)
        drop_privileges()
        for name in ("t.csv", "t.parquet", "t.jsonl", "t.arrow", "closed", "closed/x.csv", "closed/*.csv"):
            assert main(["sql", "-c", f"select * from '{place}/{name}'"]) == 1
            said = failed(capsys)
            assert f"{place}/{name}" in said
            assert "permission denied; check the file's owner and mode" in said


def test_a_path_without_permission_to_write(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unprivileged() as place:
        shutil.copy(folder / "trips.parquet", place / "trips.parquet")
        (place / "closed").mkdir(mode=0o555)
        (place / "closed" / "old.csv").write_text("old")
        (place / "trips.parquet").chmod(0o444)
        (place / "dark").mkdir(mode=0)  # where nobody can look for what a write has left, either
        assert main(["sql", "-c", f"copy (select * from '{place}/trips.parquet') to '{place}/open'"]) == 0
        capsys.readouterr()  # what that has imported nobody may be unable to read
        drop_privileges()
        for name in ("new.csv", "old.csv", "new.parquet"):
            out = place / "closed" / name
            assert main(["sql", str(place / "trips.parquet"), "-c", "select * from trips", "-o", str(out)]) == 1
            assert f"{out} cannot be written: permission denied; check the folder's owner and mode" in failed(capsys)
        out = place / "dark" / "new.parquet"
        assert main(["sql", str(place / "trips.parquet"), "-c", "select * from trips", "-o", str(out)]) == 1
        assert f"{out} cannot be written: permission denied" in failed(capsys)
        copy = f"copy (select * from '{place}/trips.parquet') to '{place}/closed/set'"
        assert main(["sql", "-c", copy]) == 1
        assert "permission denied; check the folder's owner and mode, or write elsewhere" in failed(capsys)
        assert [p.name for p in (place / "closed").iterdir()] == ["old.csv"]
        assert (place / "closed" / "old.csv").read_text() == "old"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None] | None]]:
    """A folder with room for 600 kB, and what limits a child process where the system lets nobody make such a disk."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place], capture_output=True, check=False)
    if made.returncode == 0:
        try:
            yield place, None
        finally:
            subprocess.run(["umount", place], check=True)
        return
    yield place, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


@pytest.mark.parametrize(
    "command",
    [
        "-o {disk}/out.parquet",
        "-o {disk}/out.csv",
        "-o {disk}/out.jsonl",
        "-o {disk}/out.arrow",
        "copy set",
        "copy set by k",
    ],
)
def test_a_disk_that_is_full(folder: Path, small_disk: tuple[Path, Callable[[], None] | None], command: str) -> None:
    disk, limit = small_disk
    count = 60_000
    noise = pa.table({"k": [i % 3 for i in range(count)], "x": [os.urandom(16).hex() for _ in range(count)]})
    pq.write_table(noise, folder / "noise.parquet")
    old = disk / command.rpartition("/")[2] if command.startswith("-o") else disk / "set" / "part-00000.csv"
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"old")
    if command.startswith("-o"):
        arguments = ["-c", "select * from noise", "-o", str(old)]
    else:
        options = "format csv, partition_by (k)" if command.endswith("by k") else "format csv"
        arguments = ["-c", f"copy (select * from noise) to '{disk}/set' ({options})"]
    done = subprocess.run(
        [sys.executable, "-m", "volley", "sql", str(folder / "noise.parquet"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        preexec_fn=limit,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("volley: error: ")
    assert "no space is left; free some or write elsewhere" in done.stderr or "than the system allows" in done.stderr
    assert [p for p in disk.rglob("*") if p.is_file()] == [old]
    assert old.read_bytes() == b"old"


def test_output_to_a_pipe_that_closes(folder: Path) -> None:
    pq.write_table(pa.table({"x": range(500_000)}), folder / "many.parquet")
    command = f"{sys.executable} -m volley sql {folder}/many.parquet -c 'select * from many' --format csv | head -n 2"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.splitlines() == ['"x"', "0"]
    assert "Traceback" not in done.stderr
