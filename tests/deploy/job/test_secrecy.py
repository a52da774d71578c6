"""Credentials of a job are in nothing that a run leaves behind or says."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.support.servers import ACCESS_KEY, SECRET_KEY, object_store
from volley.deploy.job.load import Job, load_job
from volley.deploy.job.progress import LogProgress
from volley.deploy.job.run import run_job
from volley.deploy.job.secrecy import public
from volley.engine.errors import VolleyError

JOB = """\
name: remote
sources:
  cities:
    path: s3://remote-job/cities.csv
    options:
      storage_options: {key: "${STORE_KEY}", secret: "${STORE_SECRET}", endpoint_url: "${STORE_URL}"}
steps:
  - {name: counted, sql: "select city, count(*) as n from cities group by city"}
quality:
  - {on: counted, not_null: [city]}
outputs:
  dir: out
  tables: {counted: {format: csv}}
"""


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, Any]]:
    with object_store() as options:
        system = fsspec.filesystem("s3", **options)
        system.mkdir("remote-job")
        system.pipe_file("remote-job/cities.csv", b"city\nOslo\nBern\nOslo\n")
        yield options


@pytest.fixture
def remote(store: dict[str, Any], tmp_path: Path) -> Any:
    """Return a function that loads the job, with credentials of its own where they are given."""
    (tmp_path / "job.yaml").write_text(JOB)

    def load(*overrides: str, key: str = ACCESS_KEY, secret: str = SECRET_KEY) -> Job:
        environment = {"STORE_KEY": key, "STORE_SECRET": secret, "STORE_URL": store["endpoint_url"]}
        return load_job(tmp_path / "job.yaml", overrides=overrides, environment=environment)

    return load


def test_nothing_that_is_kept_or_said_holds_a_credential(
    remote: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run_job(remote(), progress=LogProgress(sys.stderr))
    assert outcome.verdict == "passed"
    kept = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    names = {path.name for path in kept}
    assert {"manifest.json", "report.html", "counted.csv", "step.json"} <= names
    texts = {str(path): path.read_text(errors="replace") for path in kept}
    said = capsys.readouterr()
    texts |= {"output": said.out, "log": said.err}
    assert "s3://remote-job/cities.csv" in texts[str(tmp_path / "out" / "manifest.json")]
    assert "counted" in said.err
    for place, text in texts.items():
        assert ACCESS_KEY not in text, place
        assert SECRET_KEY not in text, place


def test_errors_hold_none_either(remote: Any) -> None:
    with pytest.raises(VolleyError) as caught:
        run_job(remote("sources.cities.path=s3://remote-job/missing.csv"))
    shown = "".join(traceback.format_exception(caught.value))
    assert "missing.csv" in shown
    assert ACCESS_KEY not in shown
    assert SECRET_KEY not in shown


def test_other_credentials_change_no_result(remote: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run_job(remote(), progress=LogProgress(sys.stderr))
    capsys.readouterr()
    run_job(remote(key="AKIAROTATED", secret="another-secret"), progress=LogProgress(sys.stderr))
    log = capsys.readouterr().err
    assert log.count("kept from an earlier run") == log.count("\n") > 0


def test_what_may_be_seen_of_a_job() -> None:
    spec = {
        "sources": {
            "a": {"path": ["sftp://me:pass@host/x.csv"], "options": {"delimiter": ";"}},
            "b": {"options": {"storage_options": {"secret": "hidden", "anon": False, "client_kwargs": {"token": "t"}}}},
        },
        "steps": [{"sql": "select * from 'https://me:pass@host/y.csv?sig=1'"}],
    }
    assert public(spec) == {
        "sources": {
            "a": {"path": ["sftp://host/x.csv"], "options": {"delimiter": ";"}},
            "b": {"options": {"storage_options": {"secret": "***", "anon": False, "client_kwargs": {"token": "***"}}}},
        },
        "steps": [{"sql": "select * from 'https://host/y.csv'"}],
    }
