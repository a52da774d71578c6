"""Log records as lines: valid JSON with all that they carry, or text; only where somebody asks for them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pyarrow as pa
import pytest

import volley as vl
from volley.__main__ import main
from volley.engine.errors import ConfigError
from volley.engine.logs import configure_from_environment


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave Volley's logger as it was found."""
    logger = logging.getLogger("volley")
    before = (list(logger.handlers), logger.propagate, logger.level)
    yield
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def logged(monkeypatch: pytest.MonkeyPatch, form: str, level: str = "info") -> io.StringIO:
    monkeypatch.setenv("VOLLEY_LOG", form)
    monkeypatch.setenv("VOLLEY_LOG_LEVEL", level)
    stream = io.StringIO()
    configure_from_environment(stream)
    return stream


def test_a_query_tells_its_stages_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "json")
    frame = vl.DataFrame({"a": [1, 2, 1], "b": [1.0, 2.0, 3.0]}).groupby("a", sort=False).agg(s=("b", "sum"))
    run = vl.Session(device="cpu").run(frame.plan)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {record["query"] for record in records} == {run.metrics.query}
    assert [record["message"] for record in records] == ["query started", "stage ended", "stage ended", "query ended"]
    assert [record["sink"] for record in records[1:3]] == ["group", "collect"]
    assert [record["rows"] for record in records[1:3]] == [3, 2]
    assert all(record["level"] == "info" and record["time"].endswith("+00:00") for record in records)


def test_a_failure_is_told_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "json", "error")

    def fails(_: pa.Table) -> pa.Table:
        raise ValueError("bad\nvalue")

    frame = vl.DataFrame({"a": [1]}).map_batches(fails, {"b": "int64"}, reads=["a"])
    with pytest.raises(Exception, match="bad"):
        frame.to_arrow()
    (record,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert record["message"] == "query failed"
    assert "bad" in record["error"]


def test_lines_of_text_carry_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "text")
    configure_from_environment(stream)  # once more: no line is written twice
    logging.getLogger("volley.query").info("query ended", extra={"query": "q1", "seconds": 0.5})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("INFO query ended query=q1 seconds=0.5")


def test_an_exception_is_part_of_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "json")
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("volley.cluster").exception("it failed")
    (line,) = stream.getvalue().splitlines()
    assert "KeyError: 'x'" in json.loads(line)["exception"]


@pytest.mark.parametrize(("form", "level"), [("yaml", "info"), ("json", "loud")])
def test_settings_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, form: str, level: str) -> None:
    with pytest.raises(ConfigError, match="VOLLEY_LOG"):
        logged(monkeypatch, form, level)


def test_nothing_is_written_where_nobody_asks() -> None:
    program = "import volley as vl; vl.sql('select error(1::varchar) a').to_arrow()"
    command = [sys.executable, "-c", program]  # apart, since pytest handles all records
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stderr.startswith("Traceback")
    assert "query failed" not in done.stderr


def test_the_command_line_writes_them_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOLLEY_LOG", "json")
    assert main(["sql", "-c", "select 1 a", "--format", "csv"]) == 0
    written = capsys.readouterr()
    assert written.out == '"a"\n1\n'
    assert json.loads(written.err.splitlines()[-1])["message"] == "query ended"
