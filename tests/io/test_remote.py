"""URLs of object stores and web servers on this machine: reading, writing, failing, and keeping credentials secret."""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import ssl
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import s3fs

import volley as vl
from tests.support.servers import ACCESS_KEY, SECRET_KEY, WebServer, make_certificate, object_store, web_server
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ReadError, WriteError, is_temporary
from volley.engine.plan import ScanRequest
from volley.io import open_source, sink_for
from volley.io.parquet import ParquetSource
from volley.io.store import public_url

TABLE = pa.table({"id": range(1000), "city": ["Oslo", "Bern"] * 500})

PASSWORD, SIGNATURE, UNKNOWN = "pass-of-mine", "SIGNED", {"nosuch": "hidden-value"}


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, Any]]:
    with object_store() as options:
        yield options


@pytest.fixture
def bucket(options: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[str]:
    """A bucket of its own, as URL."""
    store = fsspec.filesystem("s3", **options)
    name = f"b{abs(hash(request.node.name))}"
    store.mkdir(name)
    yield f"s3://{name}"
    store.invalidate_cache()
    store.rm(name, recursive=True)


def stored(options: dict[str, Any], url: str) -> list[str]:
    """Return every object below a URL, temporary ones included."""
    store = fsspec.filesystem("s3", **options)
    store.invalidate_cache()
    root = url.removeprefix("s3://")
    return sorted(name.removeprefix(f"{root}/") for name in store.find(root))


def intercept(monkeypatch: pytest.MonkeyPatch, broken: Callable[[str, dict[str, Any]], bool], error: Exception) -> None:
    """Have those requests fail of which ``broken`` (method, parameters) is true."""
    call = s3fs.S3FileSystem._call_s3

    async def calling(self: Any, method: str, *parts: dict[str, Any], **parameters: Any) -> Any:
        if broken(method, {name: value for part in (*parts, parameters) for name, value in part.items()}):
            raise error
        return await call(self, method, *parts, **parameters)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", calling)


# ------------------------------------------------------------------------------------------ object stores
@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.jsonl", "t.jsonl.zst", "t.arrow", "out"])
def test_every_format_goes_to_a_bucket_and_comes_back(
    options: dict[str, Any], bucket: str, scan: Any, write: Any, name: str
) -> None:
    url = f"{bucket}/deep/{name}"
    (file,) = write(sink_for(url, storage_options=options), TABLE)
    source = open_source(url, storage_options=options)
    assert scan(source).equals(TABLE)
    assert file.rows == 1000
    assert file.path.startswith(url)
    kept = [f"deep/{name}"] if name != "out" else ["deep/out/_manifest.json", file.path.removeprefix(f"{bucket}/")]
    assert stored(options, bucket) == kept


def test_list_glob_directory_and_hive_partitions(options: dict[str, Any], bucket: str) -> None:
    frame = vl.from_arrow(TABLE)
    frame.to_parquet(f"{bucket}/out", partition_by=["city"], storage_options=options)
    for paths in (
        f"{bucket}/out",
        f"{bucket}/out/",
        f"{bucket}/out/*/*.parquet",
        f"{bucket}/out/city=*",
        [f"{bucket}/out/city=Oslo", f"{bucket}/out/city=Bern"],
    ):
        back = vl.read_parquet(paths, storage_options=options)
        assert len(back) == 1000
        assert len(back[back.city == "Oslo"]) == 500
    files = [f"{bucket}/{name}" for name in stored(options, bucket) if name.endswith(".parquet")]
    assert len(vl.read_parquet(files[:1], storage_options=options)) == 500


def test_replacing_a_partitioned_set_leaves_no_stale_object(
    options: dict[str, Any], bucket: str, scan: Any, write: Any
) -> None:
    url = f"{bucket}/out"
    write(sink_for(url, partition_by=["city"], storage_options=options), TABLE, TABLE)
    write(sink_for(url, partition_by=["city"], storage_options=options), TABLE.slice(0, 1))
    names = stored(options, bucket)
    assert len(names) == 2
    assert names[0] == "out/_manifest.json"
    assert names[1].startswith("out/city=Oslo/part-00000-")
    assert scan(open_source(url, storage_options=options)).num_rows == 1


@pytest.mark.parametrize("name", ["t.parquet", "out"])
def test_a_reader_sees_the_old_until_the_new_is_whole(
    options: dict[str, Any], bucket: str, scan: Any, write: Any, name: str
) -> None:
    url = f"{bucket}/{name}"
    write(sink_for(url, storage_options=options), TABLE)
    before = stored(options, bucket)
    sink = sink_for(url, storage_options=options)
    sink.open(from_arrow_schema(TABLE.schema))
    writer = sink.writer(0)
    writer.write(TABLE.slice(0, 1).to_batches()[0])
    assert scan(open_source(url, storage_options=options)).num_rows == 1000
    writer.close()
    assert scan(open_source(url, storage_options=options)).num_rows == 1000
    sink.abort()
    assert stored(options, bucket) == before


@pytest.mark.parametrize("failing", ["copy_object", "put_object"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failed_write_leaves_what_was_there(
    options: dict[str, Any],
    bucket: str,
    scan: Any,
    write: Any,
    existing: bool,
    failing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"{bucket}/out"
    if existing:
        write(sink_for(url, partition_by=["city"], storage_options=options), TABLE)
    before = stored(options, bucket)
    calls = []

    def broken(method: str, request: dict[str, Any]) -> bool:
        calls.append(method)
        if failing == "copy_object":
            return method == failing and calls.count(method) == 2
        return method == failing and request["Key"].endswith("_manifest.json") and b"part" in request["Body"]

    intercept(monkeypatch, broken, OSError(f"connection lost, key {SECRET_KEY}"))
    sink = sink_for(url, partition_by=["city"], storage_options=options)
    with pytest.raises(WriteError, match=r"cannot write 's3://.*/out': connection lost, key \*\*\*; nothing was"):
        write(sink, TABLE)
    sink.abort()
    assert stored(options, bucket) == before
    if existing:
        assert scan(open_source(url, storage_options=options)).num_rows == 1000


def test_an_old_object_that_cannot_be_removed_is_no_failure(
    options: dict[str, Any],
    bucket: str,
    scan: Any,
    write: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"{bucket}/out"
    write(sink_for(url, storage_options=options), TABLE)

    def broken(method: str, request: dict[str, Any]) -> bool:
        return method.startswith("delete_object") and "/.out" not in repr(request) and "'.out" not in repr(request)

    intercept(monkeypatch, broken, PermissionError("Access Denied"))
    with caplog.at_level(logging.WARNING, logger="volley.io"):
        write(sink_for(url, storage_options=options), TABLE.slice(0, 7))
    assert "is replaced but cannot be removed: Access Denied" in caplog.text
    assert scan(open_source(url, storage_options=options)).num_rows == 7
    assert scan(open_source(f"{url}/*.parquet", storage_options=options)).num_rows == 7
    monkeypatch.undo()
    write(sink_for(url, storage_options=options), TABLE.slice(0, 3))
    assert len(stored(options, bucket)) == 2


def test_an_object_replaced_between_planning_and_reading_is_an_error(
    options: dict[str, Any], bucket: str, write: Any
) -> None:
    url = f"{bucket}/t.parquet"
    write(sink_for(url, storage_options=options), TABLE)
    source = ParquetSource(url, storage_options=options)
    (split,) = pickle.loads(pickle.dumps(source.scan(ScanRequest(columns=("id",))))).splits
    write(sink_for(url, storage_options=options), TABLE.slice(0, 999))
    with pytest.raises(ReadError, match=r"has changed since it was opened|cannot read .*t.parquet"):
        list(split.read())


def test_missing_objects_and_buckets(options: dict[str, Any], bucket: str, write: Any) -> None:
    write(sink_for(f"{bucket}/trips.csv", storage_options=options), TABLE)
    for path, said in {
        f"{bucket}/trip.csv": rf"'{bucket}/trip.csv' does not exist; did you mean 'trips.csv'\?",
        f"{bucket}/*.parquet": rf"no file matches '{bucket}/\*.parquet'; {bucket} holds trips.csv",
        "s3://no-such-bucket/t.csv": r"'s3://no-such-bucket/t.csv' does not exist",
    }.items():
        with pytest.raises(ReadError, match=said):
            open_source(path, "csv", storage_options=options)
    sink = sink_for("s3://no-such-bucket/t.csv", storage_options=options)
    with pytest.raises(WriteError, match=r"cannot write 's3://no-such-bucket/t.csv': .*bucket"):
        write(sink, TABLE)
    assert not fsspec.filesystem("s3", **options).exists("no-such-bucket")


# ------------------------------------------------------------------------------------------ credentials
def shown(error: BaseException) -> str:
    """Return all that a person or a log may see of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_credentials_are_in_no_plan_label_or_error(
    options: dict[str, Any], bucket: str, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket}/t.parquet"
    write(sink_for(url, storage_options=options), TABLE)
    frame = vl.read_parquet(url, storage_options=options)
    texts = [frame.explain(stage) for stage in ("logical", "optimized", "physical", "analyze")]
    plan = ParquetSource(url, storage_options=options).scan(ScanRequest(columns=("id",)))
    sink = sink_for(f"{bucket}/o.csv", storage_options=options)
    texts += [repr(frame), repr(plan), plan.splits[0].label, repr(sink), sink.label, repr(frame.plan)]

    leak = f"request with {ACCESS_KEY} and {SECRET_KEY} for https://me:{PASSWORD}@host/x?sig={SIGNATURE} failed"
    intercept(monkeypatch, lambda *_: True, OSError(leak))
    with pytest.raises(ReadError, match=r"request with \*\*\* and \*\*\* for https://host/x failed") as caught:
        vl.read_parquet(url, storage_options=options)
    texts.append(shown(caught.value))
    monkeypatch.undo()
    with pytest.raises(ReadError, match=r"cannot read 's3://.*': .*unexpected keyword argument 'nosuch'") as wrong:
        vl.read_parquet(url, storage_options={**options, **UNKNOWN})
    texts.append(shown(wrong.value))
    for text in texts:
        for secret in (ACCESS_KEY, SECRET_KEY, PASSWORD, SIGNATURE, UNKNOWN["nosuch"]):
            assert secret not in text


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("https://me:pw@host:80/a/b.csv?sig=1#x", "https://host:80/a/b.csv"),
        ("ftp://me@host/a?.csv", "ftp://host/a?.csv"),
        ("s3://bucket/a-?.csv", "s3://bucket/a-?.csv"),
        ("/a@b/c", "/a@b/c"),
    ],
)
def test_urls_are_shown_without_user_and_signature(name: str, public: str) -> None:
    assert public_url(name) == public


def test_no_server_there(options: dict[str, Any]) -> None:
    nowhere = {**options, "endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    with pytest.raises(ReadError, match=r"cannot read 's3://bucket/t.csv': .*127.0.0.1:9") as caught:
        open_source("s3://bucket/t.csv", storage_options=nowhere)
    assert is_temporary(caught.value)


# ------------------------------------------------------------------------------------------ web servers
@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "own.pem")


@pytest.fixture
def site(tmp_path: Path, certificate: Path) -> Iterator[WebServer]:
    folder = tmp_path / "site"
    (folder / "year=2024").mkdir(parents=True)
    pq.write_table(TABLE, folder / "t.parquet", row_group_size=100)
    text = io.BytesIO()
    pacsv.write_csv(TABLE, text)
    (folder / "t.csv").write_bytes(text.getvalue())
    (folder / "t.csv.gz").write_bytes(gzip.compress(text.getvalue()))
    with web_server(folder, certificate) as site:
        yield site


@pytest.fixture
def trusting(certificate: Path) -> dict[str, Any]:
    """Options that trust the server's own certificate."""
    return {"ssl": ssl.create_default_context(cafile=str(certificate))}


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.parquet?sig=SIGNED"])
def test_files_over_https(site: WebServer, trusting: dict[str, Any], scan: Any, name: str) -> None:
    source = open_source(f"{site.url}/{name}", storage_options=trusting)
    assert scan(source).equals(TABLE)
    assert source.label.endswith(f"{site.url}/{name.partition('?')[0]}")


def test_parquet_over_https_reads_parts_only(site: WebServer, trusting: dict[str, Any]) -> None:
    frame = vl.read_parquet(f"{site.url}/t.parquet", storage_options=trusting)
    assert frame[frame.id < 50].id.sum() == sum(range(50))
    assert "skipped 9 of 10 row groups" in frame[frame.id < 50].explain("physical")


def test_a_directory_page_and_a_pattern(site: WebServer, trusting: dict[str, Any]) -> None:
    assert len(vl.read_parquet(f"{site.url}/", storage_options=trusting)) == 1000
    assert len(vl.read_csv(f"{site.url}/*.csv", storage_options=trusting)) == 1000


def test_a_token_is_sent_and_never_shown(site: WebServer, trusting: dict[str, Any]) -> None:
    site.token = "bearer-token-of-mine"
    url = f"{site.url}/t.parquet"
    headers = {"Authorization": f"Bearer {site.token}"}
    frame = vl.read_parquet(url, storage_options={**trusting, "headers": headers})
    assert len(frame) == 1000
    assert site.token not in frame.explain("physical")
    with pytest.raises(ReadError, match=rf"cannot read '{url}': permission denied; check the credentials") as caught:
        vl.read_parquet(url, storage_options={**trusting, "headers": {"Authorization": headers["Authorization"][::-1]}})
    assert site.token[::-1] not in shown(caught.value)


def test_what_a_web_server_may_lack(site: WebServer, trusting: dict[str, Any], scan: Any) -> None:
    with pytest.raises(ReadError, match=rf"'{site.url}/x.csv' does not exist; did you mean 't.csv'"):
        open_source(f"{site.url}/x.csv", storage_options=trusting)
    with pytest.raises(ReadError, match=rf"cannot read '{site.url}/t.csv': .*certificate"):
        open_source(f"{site.url}/t.csv")
    site.ranges = False
    assert scan(open_source(f"{site.url}/t.csv", storage_options=trusting)).equals(TABLE)


def test_plain_http(tmp_path: Path, scan: Any) -> None:
    pq.write_table(TABLE, tmp_path / "t.parquet")
    with web_server(tmp_path) as site:
        assert scan(open_source(f"{site.url}/t.parquet")).equals(TABLE)
