"""Rendered manifests, run: the same commands, variables, users, volumes and limits, as processes on this machine."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from tests.support.kubelet import ROOT, Kubelet, why_not
from tests.support.manifests import Files, the
from tests.support.small_job import write_small_job
from tests.support.workers import wait_until
from volley.deploy.job.load import load_job
from volley.deploy.job.progress import LogProgress
from volley.deploy.job.run import run_job
from volley.deploy.kubernetes.render import render
from volley.deploy.kubernetes.settings import ClaimMount, RenderSettings

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
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
    secrets = {"people-tls": certificates(tmp_path)} if "people-tls" in str(files) else {}
    return Kubelet(
        folder=tmp_path / "pods",
        claims={"people-data": job_file.parent / "data", "people-outputs": outputs},
        config_maps={config["metadata"]["name"]: config["data"]},
        secrets=secrets,
    )


def certificates(tmp_path: Path) -> dict[str, str]:
    """Return the contents of the Secret for TLS, made by the commands of the page about Kubernetes."""
    (commands,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "kubernetes.md").read_text(), re.DOTALL)
    folder = tmp_path / "certificates"
    folder.mkdir()
    subprocess.run(["sh", "-e", "-c", commands], cwd=folder, capture_output=True, check=True)
    return {name: (folder / name).read_text() for name in ("ca.crt", "tls.crt", "tls.key")}


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


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_a_job_on_workers_gives_what_it_gives_here(job_file: Path, tmp_path: Path, protocol: str) -> None:
    """What the Dask operator makes of a DaskJob: a scheduler, workers with a name and its address, and the runner."""
    text = job_file.read_text()
    start, end = text.index("split:"), text.index("outputs:")
    job_file.write_text(text[:start] + "outputs: {report: false, tables: {cleaned: {}, adults: {format: csv}}}\n")
    assert "train:" in text[start:end]  # models are fitted in the runner, as on one node
    tls: dict[str, Any] = {"protocol": "tls", "tls_secret": "people-tls"} if protocol == "tls" else {}
    files = render(job_file, RenderSettings(target="daskjob", workers=2, **SMALL, **tls))
    job = the("DaskJob", files)["spec"]
    cluster = job["cluster"]["spec"]
    with kubelet(files, job_file, tmp_path) as node:
        scheduler = node.start("scheduler", cluster["scheduler"]["spec"])
        node.hosts["people-scheduler"] = scheduler.ip
        added = {"DASK_SCHEDULER_ADDRESS": "tcp://the-operators-own:8786"}
        workers = [
            node.start(f"worker-{n}", cluster["worker"]["spec"], extra={**added, "DASK_WORKER_NAME": f"worker-{n}"})
            for n in range(cluster["worker"]["replicas"])
        ]
        runner = node.start("runner", job["job"]["spec"], extra=added)
        for pod in (scheduler, *workers):
            node.wait_ready(pod)
        assert runner.wait(500) == 0, runner.output + workers[0].output
        running = psutil.Process(scheduler.process.pid).children(recursive=True)
    assert running
    wait_until(lambda: not any(process.is_running() for process in running))  # pods leave nothing behind
    assert "passed" in runner.output
    assert f"{protocol}://{scheduler.ip}:8786" in scheduler.output
    assert all("Start worker at" in worker.output for worker in workers)
    here = run_job(load_job(job_file), out=tmp_path / "here", progress=LogProgress(io.StringIO()))
    made = tmp_path / "outputs" / "people"
    assert hashes(made).keys() == hashes(here.folder).keys() == {"adults.csv", "cleaned.parquet"}
    for table in hashes(made):  # rows may stand in another order
        pd.testing.assert_frame_equal(_sorted(made / table), _sorted(here.folder / table))


def _sorted(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    return frame.sort_values(list(frame.columns), ignore_index=True)
