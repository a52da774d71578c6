"""Finding things in rendered Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Manifest = dict[str, Any]
Files = dict[str, list[Manifest]]
Renderer = Callable[..., Files]


def objects(files: Files) -> list[Manifest]:
    """Return every object."""
    return [manifest for manifests in files.values() for manifest in manifests]


def the(kind: str, files: Files) -> Manifest:
    """Return the one object of a kind."""
    (found,) = [manifest for manifest in objects(files) if manifest["kind"] == kind]
    return found


def pod_specs(value: Any) -> Iterator[Manifest]:
    """Yield every PodSpec in a manifest."""
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for part in value.values():
            yield from pod_specs(part)
    elif isinstance(value, list):
        for part in value:
            yield from pod_specs(part)


def all_pods(files: Files) -> list[Manifest]:
    """Return every PodSpec of a rendering."""
    return [spec for manifest in objects(files) for spec in pod_specs(manifest)]
