"""Rendered manifests, run: the same commands, variables, users, volumes and limits, as processes on this machine."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubelet import Kubelet, why_not
from tests.support.manifests import Files, the
from tests.support.small_job import write_small_job
from volley.deploy.job.load import load_job
from volley.deploy.job.progress import LogProgress
from volley.deploy.job.run import run_job
from volley.deploy.kubernetes.render import render
from volley.deploy.kubernetes.settings import ClaimMount, RenderSettings

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(600),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

SMALL: dict[str, Any] = {
    "name": "people",
    "volumes": (ClaimMount(claim="people-data", path="/job/data"),),
    "cpus": 1,
    "memory": "2Gi",
    "shared_memory": "64Mi",
    "scratch": "1Gi",
}


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return write_small_job(tmp_path / "job", data="data")


def kubelet(files: Files, job_file: Path, tmp_path: Path) -> Kubelet:
    """Return what runs the pods, with the claims and ConfigMaps of the manifests."""
    outputs = tmp_path / "outputs"
    outputs.mkdir(exist_ok=True)
    config = the("ConfigMap", files)
    return Kubelet(
        folder=tmp_path / "pods",
        claims={"people-data": job_file.parent / "data", "people-outputs": outputs},
        config_maps={config["metadata"]["name"]: config["data"]},
    )


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every output but the two that tell of the run."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".work" not in path.parts and path.name not in ("manifest.json", "report.html")
    }


def test_a_job_of_one_node_gives_what_it_gives_here(job_file: Path, tmp_path: Path) -> None:
    files = render(job_file, RenderSettings(target="job", **SMALL))
    pod = the("Job", files)["spec"]["template"]["spec"]
    with kubelet(files, job_file, tmp_path) as node:
        first = node.start("first", pod)
        assert first.wait(300) == 0, first.output
        again = node.start("again", pod)
        assert again.wait(300) == 0, again.output
    assert "passed" in first.output
    said = [line for line in again.output.splitlines() if "] " in line]
    assert said
    assert all(line.endswith("kept from an earlier run") for line in said), again.output
    here = run_job(load_job(job_file), out=tmp_path / "here", progress=LogProgress(io.StringIO()))
    made = tmp_path / "outputs" / "people"
    assert hashes(made) == hashes(here.folder)
    assert json.loads((made / "manifest.json").read_text())["verdict"] == "passed"
    assert (made / "report.html").stat().st_uid == 10001
