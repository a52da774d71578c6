"""What the person who renders chooses: target, sizes, names, where data and credentials are; checked where it is made.

Knows the shapes of names and quantities in Kubernetes. Must not know what a job says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from pathlib import PurePosixPath
from typing import Literal

from ...engine.errors import ConfigError

Target = Literal["job", "cronjob", "daskjob", "daskcluster"]
CLUSTER_TARGETS: frozenset[Target] = frozenset({"daskjob", "daskcluster"})
Protocol = Literal["tcp", "tls", "ucx"]

LONGEST_NAME = 40
"""Characters of a job's name: operator and Kubernetes add up to 23 of their own, and 63 is the limit."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|)")
_UNITS = {"": 1} | {
    unit: base**power
    for base, names in ((1000, ("k", "M", "G", "T", "P")), (1024, ("Ki", "Mi", "Gi", "Ti", "Pi")))
    for power, unit in enumerate(names, start=1)
}
_CRON_FIELD = re.compile(r"[\d*/,\-A-Za-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMount:
    """An existing PersistentVolumeClaim, read-only below ``path``; ``sub_path`` is the folder in it, if not all."""

    claim: str
    path: str
    sub_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """Where the value of a variable is: a key of a Secret."""

    secret: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """Everything that the job itself does not say.

    Parameters
    ----------
    target
        ``job`` and ``cronjob`` run on one node, ``daskjob`` and ``daskcluster`` on workers.
    name
        Of the Kubernetes objects; made from the job's name where absent.
    namespace
        Of the objects; the one of ``kubectl`` where absent.
    image
        Of every container; the one built from ``deploy/images`` where absent.
    workers, gpus, cpus, memory
        Number of workers; GPUs, cores and memory of each of them, or of the one pod.
    scratch, shared_memory
        Sizes of the pod's own disk space for spilled data and caches, and of ``/dev/shm``.
    output_size, output_class, output_claim
        Size and storage class of the claim for the outputs that is made, or an existing claim that is used instead.
    volumes
        Existing claims with the job's data.
    environment, secret_environment
        Variables with their values, and variables whose values are in Secrets.
    protocol, tls_secret
        What scheduler and workers talk; the Secret that holds ``ca.crt``, ``tls.crt`` and ``tls.key`` for ``tls``.
    egress_ports
        TCP ports outside the cluster that pods may reach, besides those of the job's URLs.
    schedule
        Of a CronJob.
    retries
        How often a pod that ended for a passing reason is replaced.
    overrides
        ``key.path=value`` texts given to ``volley run``.

    Raises
    ------
    ConfigError
        For a value that Kubernetes would refuse, or two that do not fit together.
    """

    target: Target = "job"
    name: str | None = None
    namespace: str | None = None
    image: str | None = None
    workers: int = 2
    gpus: int = 0
    cpus: int = 4
    memory: str = "16Gi"
    scratch: str = "50Gi"
    shared_memory: str = "1Gi"
    output_size: str = "20Gi"
    output_class: str | None = None
    output_claim: str | None = None
    volumes: tuple[ClaimMount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_environment: Mapping[str, SecretKey | None] = field(default_factory=dict)
    protocol: Protocol = "tcp"
    tls_secret: str | None = None
    egress_ports: tuple[int, ...] = ()
    schedule: str = "0 3 * * *"
    retries: int = 3
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for option, label in (("--name", self.name), ("--namespace", self.namespace), ("--tls", self.tls_secret)):
            if label is not None:
                check_label(option, label)
        for option, size in (
            ("--memory", self.memory),
            ("--scratch", self.scratch),
            ("--shm", self.shared_memory),
            ("--output-size", self.output_size),
        ):
            byte_count(size, option)
        if byte_count(self.shared_memory, "--shm") >= byte_count(self.memory, "--memory"):
            raise ConfigError(
                f"--shm {self.shared_memory} is part of the memory, --memory {self.memory}, and must be less"
            )
        if self.name is not None and len(self.name) > LONGEST_NAME:
            raise ConfigError(f"--name {self.name!r} is longer than {LONGEST_NAME} characters")
        if (self.protocol == "tls") != (self.tls_secret is not None):
            raise ConfigError(
                "--protocol tls needs --tls SECRET, a Secret with ca.crt, tls.crt and tls.key, and only tls does"
            )
        if self.protocol != "tcp" and not self.is_cluster:
            raise ConfigError(f"--protocol {self.protocol} is for workers; --target {self.target} has none")
        fields = self.schedule.split()
        if len(fields) != 5 or not all(map(_CRON_FIELD.fullmatch, fields)):
            raise ConfigError(f"--schedule {self.schedule!r} needs five fields, as in '0 3 * * *': each night at three")
        twice = sorted(self.environment.keys() & self.secret_environment.keys())
        if twice:
            raise ConfigError(f"{twice[0]} is given by --env and by --secret-env; choose one")
        self._check_mounts()

    def _check_mounts(self) -> None:
        taken = {"/job": "the job file", "/outputs": "the outputs", "/scratch": "scratch space", "/tls": "certificates"}
        for mount in self.volumes:
            check_label("--volume", mount.claim)
            path = PurePosixPath(mount.path)
            if not path.is_absolute() or ".." in path.parts or str(path) == "/" or str(path) in taken:
                hint = f"; that folder is for {taken[str(path)]}" if str(path) in taken else ""
                raise ConfigError(f"--volume {mount.claim}:{mount.path} needs an absolute folder of its own{hint}")
            taken[str(path)] = f"claim {mount.claim}"

    @property
    def is_cluster(self) -> bool:
        """Whether there are workers."""
        return self.target in CLUSTER_TARGETS

    @property
    def chosen_image(self) -> str:
        """The image: the given one, or the one that `deploy/images` says how to build."""
        suffix = "-gpu" if self.gpus else ""
        return self.image or f"volley-engine:{metadata.version('volley-engine')}{suffix}"

    @property
    def memory_bytes(self) -> int:
        """Memory of a worker or of the one pod."""
        return byte_count(self.memory, "--memory")


def check_label(option: str, text: str) -> None:
    """Raise unless a text can name a Kubernetes object.

    Raises
    ------
    ConfigError
        Where it cannot.
    """
    if len(text) > 63 or not _LABEL.fullmatch(text):
        raise ConfigError(f"{option} {text!r} must be lower-case letters, digits and -, 63 at most, not - at an end")


def byte_count(text: str, option: str) -> int:
    """Return the bytes that a Kubernetes quantity such as ``16Gi`` stands for.

    Raises
    ------
    ConfigError
        For anything else, and for less than a byte.
    """
    found = _QUANTITY.fullmatch(text)
    size = int(Fraction(found[1]) * _UNITS[found[2]]) if found else 0
    if not size:
        raise ConfigError(f"{option} {text!r} is no size; write it as Kubernetes does, as in 16Gi")
    return size


def slug(name: str) -> str:
    """Return a job's name as a name of Kubernetes objects."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return words[:LONGEST_NAME].strip("-") or "volley-job"
