"""The Dockerfiles, read: what they copy exists, what they run as, and that they agree with the manifests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.dockerfile import ROOT, Step, copied, read_stages, sent_to_builder
from tests.support.manifests import all_pods
from volley.deploy.kubernetes.render import render
from volley.deploy.kubernetes.settings import ClaimMount, RenderSettings

FILES = sorted((ROOT / "deploy" / "images").glob("*.Dockerfile"))
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def steps(stage: list[Step], name: str) -> list[str]:
    return [step.text for step in stage if step.name == name]


def test_there_is_one_for_each_device() -> None:
    assert [path.name for path in FILES] == ["cpu.Dockerfile", "gpu.Dockerfile"]


@each
def test_what_is_copied_is_there_and_sent(path: Path) -> None:
    build, final = read_stages(path)
    sent = sent_to_builder(ROOT / ".dockerignore")
    taken = [name for step in build if step.name == "COPY" for name in copied(step)[0]]
    assert taken
    for name in taken:
        assert (ROOT / name).exists()
        assert name in sent
    assert {"volley", "engine", "sql", "io", "ml", "deploy"} <= set(taken)
    assert [copied(step) for step in final if step.name == "COPY"] == [(["/opt/volley"], "/opt/volley")]


@each
def test_the_final_stage_is_small_and_runs_as_nobody(path: Path) -> None:
    _, final = read_stages(path)
    (user,) = steps(final, "USER")
    assert [step.name for step in final[final.index(Step("USER", user)) :]] == ["USER", "CMD"]
    assert not any("pip" in text or "apt" in text for text in steps(final, "RUN"))
    assert "ADD" not in {step.name for step in final}
    assert ":latest" not in path.read_text()


@pytest.mark.parametrize(
    ("name", "extras", "lock"),
    [("cpu", "ml,cluster", "constraints.txt"), ("gpu", "gpu,cluster", "constraints-gpu.txt")],
)
def test_locked_versions_are_installed(name: str, extras: str, lock: str) -> None:
    build, _ = read_stages(ROOT / "deploy" / "images" / f"{name}.Dockerfile")
    (run,) = steps(build, "RUN")
    assert f'-c {lock} ".[{extras}]"' in run
    assert lock in [taken for step in build if step.name == "COPY" for taken in copied(step)[0]]


def test_gpus_have_the_python_that_their_lock_is_for() -> None:
    (of_image,) = re.findall(r"ARG BASE=python:([0-9.]+)-", FILES[1].read_text())
    (of_lock,) = re.findall(r"--python-version ([0-9.]+) --python-platform", (ROOT / "Makefile").read_text())
    assert of_image == of_lock


@each
def test_image_and_manifests_agree(path: Path) -> None:
    _, final = read_stages(path)
    job = ROOT / "examples" / "census" / "job.yaml"
    data = ClaimMount(claim="census", path="/job/data")
    pods = all_pods(render(job, RenderSettings(target="daskjob", volumes=(data,))))
    (variables,) = steps(final, "ENV")
    given = dict(pair.split("=", 1) for pair in variables.split())
    for pod in pods:
        context = pod["securityContext"]
        assert steps(final, "USER") == [f"{context['runAsUser']}:{context['runAsGroup']}"]
        wanted = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
        assert {name: wanted[name] for name in given if name in wanted} == {
            n: v for n, v in given.items() if n in wanted
        }
        assert given["VOLLEY_CACHE_DIR"].startswith(steps(final, "VOLUME")[0])
