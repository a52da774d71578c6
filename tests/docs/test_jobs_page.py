"""The small job of the page about jobs runs, fails and is refused as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT
from volley.__main__ import main

PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (example,) = re.findall(r"```yml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "job.yaml").write_text(example)
    monkeypatch.chdir(tmp_path)
    return "job.yaml"


def test_the_small_job_passes_and_a_failing_check_keeps_its_outputs(
    job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", job]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == ["  miles.csv     506 B  16 rows", "  manifest.json"]
    assert all(line in PAGE for line in said[1:])
    assert main(["run", job, "--set", "quality.0={on: miles, row_count: {min: 100}}"]) == 1
    failed = capsys.readouterr().out.splitlines()
    assert all(line in PAGE for line in failed[1:])
    assert Path("out/miles.csv").is_file()
    assert Path("out/manifest.failed.json").is_file()


def test_a_wrong_query_is_refused_in_the_words_of_the_page(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", job, "--set", "steps.0.sql=select nam from airlines"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("volley: error: --set steps.0.sql: ")
    assert message in PAGE
