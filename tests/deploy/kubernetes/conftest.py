"""A job that Kubernetes could run, and its manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.manifests import Manifest, Renderer
from volley.deploy.kubernetes.render import render
from volley.deploy.kubernetes.settings import ClaimMount, RenderSettings

JOB = """\
name: Trips of a year
sources:
  trips:
    path: s3://trips/2024/*.parquet
    options:
      storage_options:
        key: "${STORE_KEY}"
        secret: "${STORE_SECRET}"
        endpoint_url: http://store.example:9000
  zones: {path: data/zones.csv}
steps:
  - name: cleaned
    python: functions:clean
    inputs: [trips]
outputs:
  tables: {cleaned: {}}
"""


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    """Return the job's file, with the module of its step beside it."""
    (tmp_path / "functions.py").write_text("def clean(trips):\n    return trips\n")
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


@pytest.fixture
def rendered(job_file: Path) -> Renderer:
    """Return a function that renders the job; its arguments are those of `RenderSettings`."""

    def make(**settings: Any) -> dict[str, list[Manifest]]:
        settings.setdefault("volumes", (ClaimMount(claim="zones", path="/job/data"),))
        return render(job_file, RenderSettings(**settings))

    return make
