"""A small job on made-up people, quick enough to run many times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.small_job import JOB, write_small_job
from volley.deploy.job.load import Job, load_job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the job, its function and its data."""
    write_small_job(tmp_path)
    return tmp_path


@pytest.fixture
def job_of(folder: Path) -> Callable[..., Job]:
    """Return a function that loads the small job after replacing texts in it."""

    def load(*replacements: tuple[str, str], overrides: tuple[str, ...] = ()) -> Job:
        text = JOB
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        path = folder / "job.yaml"
        path.write_text(text)
        return load_job(path, overrides=overrides, environment={})

    return load
