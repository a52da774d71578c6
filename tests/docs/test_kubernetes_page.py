"""The commands of the page about Kubernetes that need no cluster do what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.markdown import ROOT
from volley.__main__ import main

PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (example,) = re.findall(r"```yml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "trips.yaml").write_text(example)
    monkeypatch.chdir(tmp_path)


def transcript(start: str) -> tuple[list[str], list[str]]:
    """Return a command of the page that starts so, as words, and the lines below it."""
    shown = re.search(rf"^\$ ({re.escape(start)}.*)\n((?:(?!\$ |```).*\n)*)", PAGE, re.MULTILINE)
    assert shown is not None
    return shlex.split(shown[1]), shown[2].splitlines()


def test_the_census_is_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    command, output = transcript("volley render examples/census/job.yaml")
    assert main(command[1:]) == 0
    assert capsys.readouterr().out.splitlines() == output
    job = yaml.safe_load(Path("k8s/job.yaml").read_text())
    (pod,) = [job["spec"]["template"]["spec"]]
    assert pod["containers"][0]["image"] == "registry.example/volley-engine:0.1.0"
    (claim,) = yaml.safe_load_all(Path("k8s/persistentvolumeclaim.yaml").read_text())
    assert f"`{claim['metadata']['name']}`" in PAGE


def test_credentials_come_from_a_secret_and_a_literal_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    command, _ = transcript("volley render trips.yaml --name")
    assert main(command[1:]) == 0
    made, _ = transcript("kubectl create secret generic trips-credentials")
    container = yaml.safe_load(Path("k8s/job.yaml").read_text())["spec"]["template"]["spec"]["containers"][0]
    asked = [entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "secretKeyRef" in str(entry)]
    assert [made[4], made[4]] == [place["name"] for place in asked]
    given = {word.removeprefix("--from-literal=").split("=")[0] for word in made if word.startswith("--from-literal")}
    assert {place["key"] for place in asked} == given
    capsys.readouterr()
    command, output = transcript("volley render trips.yaml --set")
    assert main(command[1:]) == 2
    assert capsys.readouterr().err.splitlines() == output


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_the_overlay_is_applied() -> None:
    command, _ = transcript("volley render examples/census/job.yaml")
    assert main(command[1:]) == 0
    _, text = transcript("cat overlay/kustomization.yaml")
    Path("overlay").mkdir()
    Path("overlay/kustomization.yaml").write_text("\n".join(text))
    built = subprocess.run(["kubectl", "kustomize", "overlay"], capture_output=True, text=True, check=True).stdout
    (job,) = [found for found in yaml.safe_load_all(built) if found["kind"] == "Job"]
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "batch"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_understands_every_command_up_to_where_it_asks_the_server() -> None:
    command, _ = transcript("volley render examples/census/job.yaml")
    assert main(command[1:]) == 0
    shown = {"census-data.yaml": "cat census-data.yaml", "overlay/kustomization.yaml": "cat overlay/kustomization.yaml"}
    Path("overlay").mkdir()
    for name, start in shown.items():
        Path(name).write_text("\n".join(transcript(start)[1]))
    for name in ("ca.crt", "tls.crt", "tls.key"):
        Path(name).touch()
    commands = re.findall(r"^\$ (kubectl .*)$", PAGE, re.MULTILINE)
    assert len(commands) > 9
    nowhere = ["--server", "http://127.0.0.1:9", "--request-timeout", "5s"]
    for text in commands:
        run = subprocess.run([*shlex.split(text), *nowhere], capture_output=True, text=True, check=False)
        assert re.search("connection refused|was refused", run.stderr), (text, run.stderr)


def test_the_manifests_of_the_data_are_valid() -> None:
    import kubernetes_validate

    _, text = transcript("cat census-data.yaml")
    found = list(yaml.safe_load_all("\n".join(text)))
    assert [manifest["kind"] for manifest in found] == ["PersistentVolumeClaim", "Pod"]
    for manifest in found:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
