"""Runs the pods of rendered manifests as processes of this machine, as nearly as that goes without containers.

Each pod gets what its manifest says and nothing else: command, arguments and variables (``$(NAME)`` put in), its user
and no capabilities, a root file system that cannot be written, its volumes, `/dev/shm` of its size, and the network of
the test, which has no way out. Needs root and Linux' namespaces. One thing is not as it would be: compiled kernels are
shared, with this process and between pods, which saves each of them half a minute of a processor.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from tests.support.manifests import Manifest
from volley.deploy.kubernetes.settings import byte_count
from volley.engine.kernels.cpu.native.compile import cache_directory

ROOT = Path(__file__).resolve().parents[2]
_TOOLS = ("unshare", "nsenter", "setpriv", "chroot", "mount", "ip")
_IMAGE = ("bin", "sbin", "lib", "lib64", "usr", "etc")
"""What of this machine stands for the image, besides the interpreter and the repository."""
_MOST_SCRATCH = 1 << 30
_KERNELS = "/scratch/volley"


def why_not() -> str | None:
    """Return why pods cannot be run here, or None."""
    if os.geteuid() != 0:
        return "running pods needs root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"running pods needs {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces here: {tried.stderr.decode().strip()}"


@dataclass
class Pod:
    """A running pod of one container."""

    name: str
    ip: str
    container: Manifest
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """What it has said."""
        return self.log.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Return the exit code of the container."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """End its processes: with the first one of its namespace, the kernel ends all."""
        if self.process.poll() is None:  # what `unshare` would have sent its child is lost when that changes its user
            for child in psutil.Process(self.process.pid).children():
                child.kill()
        self.process.kill()
        self.process.wait()


@dataclass
class Kubelet:
    """A network without a way out, and the pods in it; use as a context manager.

    Parameters
    ----------
    folder
        For logs and the roots of the pods.
    claims
        PersistentVolumeClaim -> folder.
    config_maps, secrets
        Name -> key -> text.
    """

    folder: Path
    claims: Mapping[str, Path] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    pods: list[Pod] = field(default_factory=list)
    _network: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(cache_directory(), self._kernels / "kernels", ignore=shutil.ignore_patterns("*.pyc"))
        for path in (self._kernels, self._kernels / "kernels"):
            path.chmod(0o777)
        script = "ip link set lo up && echo up && exec sleep infinity"
        self._network = subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE)
        assert self._network.stdout is not None
        assert self._network.stdout.readline() == b"up\n"
        return self

    def __exit__(self, *_: object) -> None:
        for pod in self.pods:
            pod.end()
        assert self._network is not None
        self._network.kill()
        self._network.communicate()

    @property
    def _kernels(self) -> Path:
        return self.folder / "compiled"

    def inside(self) -> list[str]:
        """Return the start of a command that runs in the pods' network."""
        assert self._network is not None
        return ["nsenter", f"--net=/proc/{self._network.pid}/ns/net"]

    def start(self, name: str, spec: Manifest, *, extra: Mapping[str, str] | None = None) -> Pod:
        """Start a pod; ``extra`` are variables that an operator adds where the manifest has none of that name."""
        (container,) = spec["containers"]
        ip = f"127.0.0.{10 + len(self.pods)}"
        home = self.folder / name
        home.mkdir()
        variables = {**(extra or {}), **self._variables(container, ip)}
        command = [_put_in(text, variables) for text in [*container["command"], *container["args"]]]
        script = home / "start.sh"
        script.write_text(self._script(home, spec, container, variables, command))
        log = home / "log"
        with log.open("wb") as stream:
            namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-e", str(script)]
            process = subprocess.Popen([*self.inside(), *namespaces], stdout=stream, stderr=subprocess.STDOUT)
        pod = Pod(name=name, ip=ip, container=container, process=process, log=log)
        self.pods.append(pod)
        return pod

    def wait_ready(self, pod: Pod, seconds: float = 120) -> None:
        """Wait until a pod's readiness probe is answered."""
        asked = pod.container["readinessProbe"]["httpGet"]
        (port,) = [p["containerPort"] for p in pod.container["ports"] if p["name"] == asked["port"]]
        ask = f"import urllib.request as r; r.urlopen('http://{pod.ip}:{port}{asked['path']}', timeout=5)"
        deadline = time.monotonic() + seconds
        while subprocess.run([*self.inside(), sys.executable, "-c", ask], capture_output=True, check=False).returncode:
            assert pod.process.poll() is None, pod.output
            assert time.monotonic() < deadline, pod.output
            time.sleep(0.2)

    # -------------------------------------------------------------------------------------- variables

    def _variables(self, container: Manifest, ip: str) -> dict[str, str]:
        limits = container["resources"]["limits"]
        known = {
            "status.podIP": ip,
            "limits.cpu": str(math.ceil(float(limits["cpu"]))),
            "limits.memory": str(byte_count(limits["memory"], "memory")),
        }
        found = {}
        for entry in container["env"]:
            source: dict[str, Any] = entry.get("valueFrom", {})
            if "secretKeyRef" in source:
                found[entry["name"]] = self.secrets[source["secretKeyRef"]["name"]][source["secretKeyRef"]["key"]]
            elif source:
                (reference,) = source.values()
                found[entry["name"]] = known[reference.get("fieldPath") or reference["resource"]]
            else:
                found[entry["name"]] = entry["value"]
        return found

    # ----------------------------------------------------------------------------------- file systems

    def _script(
        self, home: Path, spec: Manifest, container: Manifest, variables: Mapping[str, str], command: list[str]
    ) -> str:
        root = home / "root"
        root.mkdir()
        lines = ["mount --make-rprivate /", f"mount -t tmpfs -o mode=755,size=16m root {root}"]
        for name in _IMAGE:
            lines += _image_part(Path("/") / name, root)
        for place in {Path(sys.base_prefix), ROOT, Path(sys.prefix)}:
            if not any(place.is_relative_to(Path("/") / name) for name in _IMAGE):
                lines += _bound(place, root, read_only=True)
        hosts = home / "hosts"
        hosts.write_text("".join(f"{ip} {name}\n" for name, ip in {"localhost": "127.0.0.1", **self.hosts}.items()))
        lines += [f"mount --bind {hosts} {root}/etc/hosts", f"mkdir {root}/proc {root}/dev"]
        lines += [f"mount -t proc proc {root}/proc"]
        for device in ("null", "zero", "random", "urandom"):
            lines += [f"touch {root}/dev/{device}", f"mount --bind /dev/{device} {root}/dev/{device}"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in container["volumeMounts"]:
            lines += self._mounted(home, root, spec, volumes[mount["name"]], mount)
        if container["securityContext"]["readOnlyRootFilesystem"]:
            lines.append(f"mount -o remount,ro {root}")
        user = spec["securityContext"]
        limits = ["--reuid", user["runAsUser"], "--regid", user["runAsGroup"], "--groups", user["fsGroup"]]
        limits += ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        path = f"PATH={sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin"
        given = [f"{name}={value}" for name, value in variables.items()]
        run = ["chroot", root, "setpriv", *limits, "env", "-i", path, "LANG=C.UTF-8", *given, *command]
        return "\n".join([*lines, "cd /", f"exec {shlex.join(map(str, run))}", ""])

    def _mounted(self, home: Path, root: Path, spec: Manifest, volume: Manifest, mount: Manifest) -> list[str]:
        """Return the commands that put one volume into its place."""
        name, target = volume["name"], f"{root}{mount['mountPath']}"
        group = spec["securityContext"]["fsGroup"]
        if "emptyDir" in volume:
            size = min(byte_count(volume["emptyDir"]["sizeLimit"], "size"), _MOST_SCRATCH)
            lines = [f"mkdir -p {target}", f"mount -t tmpfs -o mode=2777,gid={group},size={size} scratch {target}"]
            return lines + (_bound(self._kernels, root, read_only=False, target=_KERNELS) if name == "scratch" else [])
        if "persistentVolumeClaim" in volume:
            place = self.claims[volume["persistentVolumeClaim"]["claimName"]] / mount.get("subPath", "")
            read_only = mount.get("readOnly", False)
            if not read_only:
                os.chown(place, 0, group)
                place.chmod(0o2775)
            return _bound(place, root, read_only=read_only, target=mount["mountPath"])
        kind, names = ("configMap", self.config_maps) if "configMap" in volume else ("secret", self.secrets)
        texts = names[volume[kind].get("name") or volume[kind]["secretName"]]
        place = home / volume["name"]
        place.mkdir(exist_ok=True)
        for key, text in texts.items():
            (place / key).write_text(text)
            (place / key).chmod(volume[kind].get("defaultMode", 0o644))
            os.chown(place / key, 0, group)
        return _bound(place / mount.get("subPath", ""), root, read_only=True, target=mount["mountPath"])


def _put_in(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in as Kubernetes does: what is not known stays as it is."""
    return re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), text)


def _image_part(path: Path, root: Path) -> list[str]:
    if path.is_symlink():
        return [f"cp -P {path} {root}/"]
    return _bound(path, root, read_only=True) if path.is_dir() else []


def _bound(path: Path, root: Path, *, read_only: bool, target: str | None = None) -> list[str]:
    """Return the commands that show a file or folder of this machine in a pod."""
    place = shlex.quote(f"{root}{target or path}")
    make = f"mkdir -p {place}" if path.is_dir() else f'mkdir -p "$(dirname {place})" && touch {place}'
    lines = [f"test -e {place} || {{ {make}; }}", f"mount --bind {shlex.quote(str(path))} {place}"]
    return [*lines, f"mount -o remount,ro,bind {place}"] if read_only else lines
