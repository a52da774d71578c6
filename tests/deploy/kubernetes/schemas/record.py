"""Records the schemas of the Dask operator's kinds from an unpacked wheel of dask-kubernetes.

``python record.py FOLDER`` after ``pip download --no-deps dask-kubernetes`` and ``unzip``. Descriptions, defaults and
hints for merging are left out, and what occurs several times (PodSpec) stands once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

_CRDS = "dask_kubernetes/operator/deployment/helm/dask-kubernetes-operator/crds"
_LEFT_OUT = ("description", "default", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type")
_SHARED = {"PodSpec": {"containers", "restartPolicy"}, "ServiceSpec": {"clusterIP", "sessionAffinity"}}


def record(wheel: Path) -> dict[str, Any]:
    """Return the kinds, and the definitions that they share, as JSON schemas."""
    kinds, definitions = {}, {}
    for name in ("daskcluster", "daskjob"):
        crd = yaml.safe_load((wheel / _CRDS / f"{name}.yaml").read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        kinds[crd["spec"]["names"]["kind"]] = _shared(_bare(schema), definitions)
    (version,) = wheel.glob("dask_kubernetes-*.dist-info")
    return {"source": version.name.removesuffix(".dist-info"), "kinds": kinds, "definitions": definitions}


def _bare(schema: Any, *, names: bool = False) -> Any:
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _bare(part, names=key == "properties" and not names)
        for key, part in schema.items()
        if names or key not in _LEFT_OUT
    }


def _shared(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_shared(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    for name, marks in _SHARED.items():
        if marks <= set(schema.get("properties", ())):
            if definitions.setdefault(name, schema) != schema:
                raise ValueError(f"there are two kinds of {name}")
            return {"$ref": f"#/definitions/{name}"}
    return {key: _shared(part, definitions) for key, part in schema.items()}


if __name__ == "__main__":
    recorded = record(Path(sys.argv[1]))
    Path(__file__).with_name("dask-operator.json").write_text(json.dumps(recorded, separators=(",", ":")) + "\n")
