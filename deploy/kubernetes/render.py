"""From a job file to files for ``kubectl apply -k``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...engine.errors import WriteError
from ..job import fingerprint
from . import objects
from .contents import read_contents
from .pods import JobPods, Manifest
from .settings import RenderSettings

KUSTOMIZATION = "kustomization.yaml"
_HEADER = "# Made by `volley render`; change the job or the options and render again, or patch it in an overlay.\n"
_JOB_HASH = "volley-job-sha256"
"""Annotation of pods: says which text of the job they run, so that a change of it is a change of them."""


def render(path: Path, settings: RenderSettings) -> dict[str, list[Manifest]]:
    """Return the manifests of a job: file name -> objects.

    Parameters
    ----------
    path
        The job file.
    settings
        What the job does not say.

    Raises
    ------
    JobSpecError
        For mistakes of the job, credentials in it, files that pods would not have, and variables without value.
    """
    pods = JobPods(contents=read_contents(path, settings), settings=settings)
    files = {
        "configmap.yaml": [objects.config_map(pods)],
        "serviceaccount.yaml": [objects.service_account(pods)],
        "networkpolicy.yaml": [objects.network_policy(pods)],
        "poddisruptionbudget.yaml": objects.disruption_budgets(pods),
    }
    if settings.output_claim is None:
        files["persistentvolumeclaim.yaml"] = [objects.outputs_claim(pods)]
    match settings.target:
        case "job":
            files["job.yaml"] = [objects.job(pods)]
        case "cronjob":
            files["cronjob.yaml"] = [objects.cron_job(pods)]
        case "daskjob":
            files["daskjob.yaml"] = [objects.dask_job(pods)]
        case "daskcluster":
            files["daskcluster.yaml"] = [objects.dask_cluster(pods)]
            files["job.yaml"] = [objects.job(pods)]
    mark = fingerprint.of_settings(dict(pods.contents.files))
    for manifests in files.values():
        for manifest in manifests:
            _annotate_pods(manifest, {_JOB_HASH: mark})
            if settings.namespace is not None:
                manifest["metadata"]["namespace"] = settings.namespace
    return files


def _annotate_pods(value: Any, annotations: Mapping[str, str]) -> None:
    """Add annotations wherever labels of pods stand: in each ``metadata`` beside a ``spec`` that has containers."""
    if isinstance(value, dict):
        spec = value.get("spec")
        if isinstance(spec, dict) and "containers" in spec and "metadata" in value:
            value["metadata"]["annotations"] = dict(annotations)
        for part in value.values():
            _annotate_pods(part, annotations)


def as_text(files: Mapping[str, list[Manifest]]) -> str:
    """Return all objects as one YAML stream, for ``kubectl apply -f -``."""
    return "---\n".join(_dump(manifest) for manifests in files.values() for manifest in manifests)


def write_files(files: Mapping[str, list[Manifest]], folder: Path) -> list[Path]:
    """Write one file per entry, and a ``kustomization.yaml`` that names them.

    A file that an earlier rendering left for another target is removed; what people put beside them stays.

    Raises
    ------
    WriteError
        Where the folder cannot be written, or a file of that name was not made by rendering.
    """
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
    texts = {name: "---\n".join(map(_dump, manifests)) for name, manifests in files.items()}
    texts[KUSTOMIZATION] = _dump(kustomization)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in texts:
            if (folder / name).exists() and not _is_ours(folder / name):
                raise WriteError(f"{folder / name} was not made by volley render; choose another folder")
        for old in folder.glob("*.yaml"):
            if old.name not in texts and _is_ours(old):
                old.unlink()
        for name, text in texts.items():
            (folder / name).write_text(_HEADER + text, encoding="utf-8")
    except OSError as error:
        raise WriteError(f"the manifests cannot be written to {folder}: {error.strerror}") from None
    return [folder / name for name in texts]


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline() == _HEADER


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and repeats nodes instead of naming them."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Lines that end in spaces, and tabs, cannot stand in a block; YAML's quotes hold them.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _dump(manifest: Manifest) -> str:
    text: str = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return text
