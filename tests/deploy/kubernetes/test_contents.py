"""What a job may and may not bring along: files, variables, credentials; and how refusals are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.manifests import Renderer, all_pods, the
from volley.deploy.job.document import JobSpecError
from volley.deploy.kubernetes.render import as_text, write_files
from volley.deploy.kubernetes.settings import ClaimMount, RenderSettings
from volley.engine.errors import ConfigError, WriteError

_SECRET = "wJalrXUtnFEMIK7MDENG"


def change(job_file: Path, old: str, new: str) -> None:
    text = job_file.read_text()
    assert old in text
    job_file.write_text(text.replace(old, new))


def test_the_config_map_holds_job_and_modules(rendered: Renderer, job_file: Path) -> None:
    data = the("ConfigMap", rendered())["data"]
    assert data == {
        "job.yaml": job_file.read_text(),
        "functions.py": (job_file.parent / "functions.py").read_text(),
    }


def test_names_come_from_the_job(rendered: Renderer) -> None:
    assert the("Job", rendered())["metadata"]["name"] == "trips-of-a-year"
    assert the("Job", rendered(name="nightly"))["metadata"]["name"] == "nightly"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('secret: "${STORE_SECRET}"', f"secret: {_SECRET}", 8, "storage_options.secret may be a credential"),
        ('secret: "${STORE_SECRET}"', f"client_kwargs: {{aws: {_SECRET}}}", 8, "aws may be a credential"),
        ("${STORE_SECRET}", f"${{STORE_SECRET:-{_SECRET}}}", 8, "storage_options.secret may be a credential"),
        ("s3://trips/2024", f"sftp://me:{_SECRET}@host/2024", 4, "holds a password in a URL"),
        ("*.parquet", f"a.parquet?X-Amz-Signature={_SECRET}", 4, "holds a signed URL"),
        ("inputs: [trips]", f"inputs: [trips]  # AKIA{'ABCD' * 4}", 14, "the line holds an access key"),
    ],
)
def test_credentials_in_a_job_are_refused(
    rendered: Renderer, job_file: Path, old: str, new: str, line: int, said: str
) -> None:
    change(job_file, old, new)
    with pytest.raises(JobSpecError, match=said) as caught:
        rendered()
    (problem,) = caught.value.problems
    assert problem.position.line == line
    assert "a manifest is no place for credentials" in problem.message
    assert _SECRET not in str(caught.value)


def test_a_given_value_is_no_way_around_it(rendered: Renderer) -> None:
    with pytest.raises(JobSpecError, match=r"storage_options.secret may be a credential") as caught:
        rendered(environment={"STORE_SECRET": _SECRET})
    assert _SECRET not in str(caught.value)
    override = f"sources.trips.options.storage_options.secret={_SECRET}"
    with pytest.raises(JobSpecError, match=r"--set sources.trips.options.storage_options.secret") as caught:
        rendered(overrides=(override,))
    assert _SECRET not in str(caught.value)


def test_an_override_does_not_hide_what_the_file_says(rendered: Renderer, job_file: Path) -> None:
    change(job_file, 'secret: "${STORE_SECRET}"', f"secret: {_SECRET}")
    with pytest.raises(JobSpecError, match=r"may be a credential"):
        rendered(overrides=("sources.trips.options={}",))


def test_credentials_in_a_module_are_refused(rendered: Renderer, job_file: Path) -> None:
    (job_file.parent / "functions.py").write_text(f"KEY = 'AKIA{'ABCD' * 4}'\n")
    with pytest.raises(JobSpecError, match=r"functions.py holds an access key; read it from the environment"):
        rendered()


def test_the_values_of_this_machine_do_not_leave_it(rendered: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET", _SECRET)
    for target in ("job", "cronjob", "daskjob", "daskcluster"):
        assert _SECRET not in as_text(rendered(target=target))


def test_variables_need_a_value(rendered: Renderer, job_file: Path) -> None:
    change(job_file, "trips/2024", "${BUCKET}/${YEAR:-2024}")
    with pytest.raises(JobSpecError, match=r"reads \$\{BUCKET\}: give --env BUCKET=VALUE, or --secret-env BUCKET"):
        rendered()
    (pod,) = all_pods(rendered(environment={"BUCKET": "trips"}))
    assert {"name": "BUCKET", "value": "trips"} in pod["containers"][0]["env"]
    (pod,) = all_pods(rendered(secret_environment={"BUCKET": None}))
    assert "BUCKET" in str(pod["containers"][0]["env"])


def test_files_of_this_machine_are_not_in_the_pods(rendered: Renderer, job_file: Path) -> None:
    with pytest.raises(JobSpecError, match=r"data/zones.csv is a file of this machine.*--volume CLAIM:/job/data"):
        rendered(volumes=())
    change(job_file, "data/zones.csv", "/lake/zones/*.csv")
    with pytest.raises(JobSpecError, match=r"--volume CLAIM:/lake/zones,"):
        rendered(volumes=())
    assert rendered(volumes=(ClaimMount(claim="lake", path="/lake"),))
    change(job_file, "/lake/zones/*.csv", "folder")
    (job_file.parent / "folder").mkdir()
    with pytest.raises(JobSpecError, match=r"--volume CLAIM:/job/folder,"):
        rendered(volumes=())
    change(job_file, "path: folder", "path: zones.csv")
    with pytest.raises(JobSpecError, match=r"put it into a folder of its own, or name a URL"):
        rendered(volumes=())


def test_mistakes_of_the_job_are_found_here_too(rendered: Renderer, job_file: Path) -> None:
    change(job_file, "inputs: [trips]", "inputs: [trip]")
    with pytest.raises(JobSpecError, match=r"no table 'trip' here; did you mean 'trips'"):
        rendered()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "Trips"}, "--name 'Trips' must be lower-case letters"),
        ({"name": "a" * 41}, "longer than 40"),
        ({"memory": "16GB"}, "--memory '16GB' is no size"),
        ({"memory": "1Gi", "shared_memory": "1Gi"}, "--shm 1Gi is part of the memory"),
        ({"target": "daskjob", "protocol": "tls"}, "--protocol tls needs --tls SECRET"),
        ({"target": "daskjob", "tls_secret": "certificates"}, "--protocol tls needs --tls SECRET"),
        ({"protocol": "ucx"}, "--target job has none"),
        ({"schedule": "at three"}, "needs five fields"),
        ({"volumes": (ClaimMount(claim="x", path="/outputs"),)}, "that folder is for the outputs"),
        ({"volumes": (ClaimMount(claim="x", path="data"),)}, "needs an absolute folder"),
        ({"environment": {"A": "1"}, "secret_environment": {"A": None}}, "by --env and by --secret-env"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RenderSettings(**settings)


def test_a_folder_is_rendered_anew(rendered: Renderer, tmp_path: Path) -> None:
    folder = tmp_path / "k8s"
    write_files(rendered(target="daskjob"), folder)
    (folder / "mine.yaml").write_text("kind: Namespace\n")
    write_files(rendered(target="job"), folder)
    assert not (folder / "daskjob.yaml").exists()
    assert (folder / "mine.yaml").exists()
    assert "job.yaml" in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]


def test_nothing_of_others_is_overwritten(rendered: Renderer, tmp_path: Path) -> None:
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "job.yaml").write_text("kind: Job\n")
    with pytest.raises(WriteError, match=r"job.yaml was not made by volley render"):
        write_files(rendered(target="job"), tmp_path / "k8s")
    assert (tmp_path / "k8s" / "job.yaml").read_text() == "kind: Job\n"
