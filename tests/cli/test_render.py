"""``volley render`` as people call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml

from volley.__main__ import main
from volley.cli import render
from volley.cli.arguments import build_parser
from volley.deploy.kubernetes.settings import Protocol, RenderSettings, Target

ROOT = Path(__file__).resolve().parents[2]
CENSUS = str(ROOT / "examples" / "census" / "job.yaml")


def test_choices_and_defaults_are_those_of_the_settings() -> None:
    arguments = build_parser().parse_args(["render", CENSUS])
    assert render._settings(arguments) == RenderSettings()
    assert get_args(Target) == render._TARGETS
    assert get_args(Protocol) == render._PROTOCOLS


def test_manifests_are_printed_as_one_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", CENSUS, "--volume", "census/2018:/job/data", "--name", "census", "--set", "seed=3"]) == 0
    found = {manifest["kind"]: manifest for manifest in yaml.safe_load_all(capsys.readouterr().out)}
    pod = found["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [*container["command"], *container["args"][:4]] == [
        "volley",
        "run",
        "/job/job.yaml",
        "--out",
        "/outputs/census",
    ]
    assert container["args"][-2:] == ["--set", "seed=3"]
    assert {"name": "data-0", "mountPath": "/job/data", "readOnly": True, "subPath": "2018"} in container[
        "volumeMounts"
    ]


def test_manifests_are_written_as_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--volume",
        "census:/job/data",
        "--target",
        "daskjob",
        "--gpus",
        "1",
        "--workers",
        "3",
        "-o",
        str(tmp_path),
    ]
    assert main(["render", CENSUS, *options]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"apply them: kubectl apply -k {tmp_path}"
    job = yaml.safe_load((tmp_path / "daskjob.yaml").read_text())
    worker = job["spec"]["cluster"]["spec"]["worker"]
    assert worker["replicas"] == 3
    assert json.loads(json.dumps(worker))["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--volume", "census"], "expected CLAIM:PATH"),
        (["--env", "A"], "expected NAME=VALUE"),
        (["--secret-env", "A=b"], "expected NAME or NAME=SECRET:KEY"),
        (["--secret-env", "A-B"], "cannot name an environment variable"),
        (["--gpus", "some"], "expected a whole number"),
        (["--workers", "0"], "expected a whole number from 1"),
    ],
)
def test_wrong_options_are_wrong_usage(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["render", CENSUS, *options])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_a_job_that_cannot_be_rendered_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", CENSUS]) == 2
    assert "--volume CLAIM:/job/data" in capsys.readouterr().err
