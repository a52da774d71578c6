"""A disk that is full, and who may look at what is half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.deploy.job.workspace import Workspace

JOB = """\
name: copies
sources: {trips: {path: trips.parquet}}
steps: [{name: copied, sql: "select * from trips where n < ${ROWS}"}]
outputs: {dir: full/out, report: false, tables: {copied: {}}}
"""
SCRIPT = """\
mount -t tmpfs -o size=600k none full
ROWS=1000 "$0" -m volley run job.yaml || exit 90
sha256sum full/out/copied.parquet full/out/manifest.json > before
ROWS=1000000 "$0" -m volley run job.yaml
code=$?
sha256sum --check --quiet before || exit 91
find full -name '.unfinished*' -o -name '*.tmp*' | grep -q . && exit 92
ROWS=1500 "$0" -m volley run job.yaml || exit 93
exit $code
"""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="a small disk needs root and unshare")
def test_a_full_disk_leaves_the_last_outputs_and_may_be_tried_again(tmp_path: Path) -> None:
    rows = 60_000
    table = pa.table({"n": range(rows), "noise": [os.urandom(8).hex() for _ in range(rows)]})
    pq.write_table(table, tmp_path / "trips.parquet")
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "full").mkdir()
    command = ["unshare", "--mount", "sh", "-c", SCRIPT, sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 75, done.stderr
    (said,) = [line for line in done.stderr.splitlines() if "error:" in line]
    assert "no space is left; free some or write elsewhere; nothing was written there (in step copied, sql)" in said


def test_only_the_owner_sees_stored_steps(tmp_path: Path) -> None:
    with Workspace(tmp_path / "out") as workspace:
        assert workspace.root.stat().st_mode & 0o777 == 0o700
