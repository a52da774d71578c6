"""Manifests against the published schemas: Kubernetes' own, the Dask operator's, and kubectl's kustomize."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.support.manifests import Renderer, objects, the
from volley.deploy.kubernetes.render import as_text, write_files

VARIANTS: dict[str, dict[str, Any]] = {
    "job": {"target": "job"},
    "job on a GPU": {"target": "job", "gpus": 1, "namespace": "etl", "output_claim": "shared"},
    "cronjob": {"target": "cronjob", "schedule": "30 2 * * 1-5", "output_class": "fast"},
    "daskjob": {"target": "daskjob", "workers": 4},
    "daskjob with TLS": {"target": "daskjob", "protocol": "tls", "tls_secret": "certificates", "namespace": "etl"},
    "daskcluster": {"target": "daskcluster", "gpus": 2, "protocol": "ucx", "environment": {"MODE": "full"}},
}
DASK = json.loads((Path(__file__).parent / "schemas" / "dask-operator.json").read_text())
variants = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)


def closed(schema: Any) -> Any:
    """Return a schema that refuses what it does not name, as Kubernetes' pruning would drop it."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(part) for key, part in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def check_dask(manifest: dict[str, Any]) -> None:
    """Raise where the operator's schema does not hold a manifest."""
    schema = {**closed(DASK["kinds"][manifest["kind"]]), "definitions": closed(DASK["definitions"])}
    body = {key: part for key, part in manifest.items() if key not in ("apiVersion", "kind", "metadata")}
    jsonschema.Draft7Validator(schema).validate(body)


def check(manifest: dict[str, Any], version: str) -> None:
    """Raise where no schema holds a manifest."""
    if manifest["apiVersion"] == "kubernetes.dask.org/v1":
        check_dask(manifest)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


@variants
@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_every_object_is_valid(rendered: Renderer, settings: dict[str, Any], version: str) -> None:
    for manifest in objects(rendered(**settings)):
        check(manifest, version)


@variants
def test_what_is_written_is_what_was_made(rendered: Renderer, settings: dict[str, Any], tmp_path: Path) -> None:
    files = rendered(**settings)
    made = objects(files)
    assert list(yaml.safe_load_all(as_text(files))) == made
    folder = tmp_path / "k8s"
    write_files(files, folder)
    named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert [m for name in named for m in yaml.safe_load_all((folder / name).read_text())] == made
    assert {path.name for path in folder.iterdir()} == {*named, "kustomization.yaml"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@variants
def test_kubectl_builds_the_folder(rendered: Renderer, settings: dict[str, Any], tmp_path: Path) -> None:
    files = rendered(**settings)
    write_files(files, tmp_path / "k8s")
    built = subprocess.run(["kubectl", "kustomize", tmp_path / "k8s"], capture_output=True, text=True, check=True)
    assert sorted(yaml.safe_load_all(built.stdout), key=_order) == sorted(objects(files), key=_order)


def _order(manifest: dict[str, Any]) -> tuple[str, str]:
    return (manifest["kind"], manifest["metadata"]["name"])


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("DaskJob", ("spec", "job", "spec", "restartPolicy"), 3),
        ("DaskJob", ("spec", "cluster", "spec", "worker", "spec", "containers", 0, "nonsense"), "x"),
        ("ServiceAccount", ("automountServiceAccountToken",), "no"),
        ("NetworkPolicy", ("spec", "ingres"), []),
    ],
)
def test_the_check_finds_mistakes(rendered: Renderer, kind: str, path: tuple[Any, ...], value: Any) -> None:
    manifest = the(kind, rendered(target="daskjob"))
    part: Any = manifest
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        check(manifest, "1.31")
