"""Pods of a job: containers, volumes, limits and rights, the same for every target.

Knows Kubernetes' PodSpec as plain data, and what the commands of the image are called. Everything here is accepted by
the "restricted" Pod Security Standard, and by Kubernetes 1.21, whose PodSpec the Dask operator's CRDs hold: what is
newer would silently be dropped there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .contents import JOB_FILE, JOB_FOLDER, JobContents
from .settings import RenderSettings, SecretKey

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, as YAML will show it."""

OUTPUTS = "/outputs"
SCHEDULER_PORT, DASHBOARD_PORT, WORKER_DASHBOARD_PORT = 8786, 8787, 8788
_USER = 10001
_SCRATCH, _CERTIFICATES, _SHARED_MEMORY = "/scratch", "/tls", "/dev/shm"  # noqa: S108  # what Linux calls it
_OPERATOR_SHARE = 0.8
"""Part of a pod's memory that operators may hold; the rest is for the interpreter, libraries and buffers of files."""
_SCHEDULER_CPUS, _SCHEDULER_MEMORY = 1, "4Gi"
_CONNECT_SECONDS = 300
"""How long workers and runner wait for the scheduler, whose pod may have to wait for its node and its image."""
_WAITING = {"CONNECT": _CONNECT_SECONDS, "PATIENCE": 900}
"""How long the runner waits for the scheduler at first, and for a first worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPods:
    """Makes the pods of one job.

    Parameters
    ----------
    contents
        What the job brings.
    settings
        What was chosen for it.
    """

    contents: JobContents
    settings: RenderSettings

    @property
    def name(self) -> str:
        """Name of the job's objects."""
        return self.contents.name

    @property
    def outputs_claim(self) -> str:
        """Name of the claim that holds the outputs."""
        return self.settings.output_claim or f"{self.name}-outputs"

    @property
    def scheduler_address(self) -> str:
        """Where workers and runner find the scheduler: its Service, in their own namespace."""
        return f"{self.settings.protocol}://{self.name}-scheduler:{SCHEDULER_PORT}"

    def labels(self, component: str) -> dict[str, str]:
        """Return the labels of a pod."""
        return {**self.selector, "app.kubernetes.io/component": component}

    @property
    def selector(self) -> dict[str, str]:
        """Labels that all pods of this job have, and no others."""
        return {"app.kubernetes.io/name": "volley", "app.kubernetes.io/instance": self.name}

    # ------------------------------------------------------------------------------------------- pods

    def runner(self) -> Manifest:
        """Return the pod that runs the job: by itself on one node, or through the scheduler."""
        settings = self.settings
        arguments = [f"{JOB_FOLDER}/{JOB_FILE}", "--out", f"{OUTPUTS}/{self.name}", "--threads", "$(CPU_LIMIT)"]
        variables = [*_limits("volley"), *self._own_variables()]
        # A session has the device of its workers, and opens it where it is.
        gpus = min(settings.gpus, 1) if settings.is_cluster else settings.gpus
        if settings.is_cluster:
            arguments += ["--cluster", "$(DASK_SCHEDULER_ADDRESS)"]
            variables += self._cluster_variables()
        else:  # a worker's limit is its own
            arguments += ["--memory-limit", str(int(settings.memory_bytes * _OPERATOR_SHARE))]
        if gpus:
            arguments += ["--device", "gpu"]
        for override in settings.overrides:
            arguments += ["--set", override]
        container = self._container(
            "volley",
            ["volley", "run", *arguments],
            variables=variables,
            resources=_resources(settings.cpus, settings.memory, settings.scratch, gpus),
            has_data=True,
        )
        return self._pod([container], gpus=gpus, has_data=True, restart="Never")

    def scheduler(self) -> Manifest:
        """Return the scheduler's pod; it sees neither data nor credentials."""
        command = ["dask", "scheduler", "--host", "$(POD_IP)", "--port", str(SCHEDULER_PORT)]
        command += ["--protocol", self.settings.protocol, "--dashboard-address", f"$(POD_IP):{DASHBOARD_PORT}"]
        container = self._container(
            "scheduler",
            command,
            variables=[_POD_IP, *self._comm_variables()],
            resources=_resources(_SCHEDULER_CPUS, _SCHEDULER_MEMORY, "1Gi", 0),
            has_data=False,
        )
        container |= {
            "ports": [_port("tcp-comm", SCHEDULER_PORT), _port("http-dashboard", DASHBOARD_PORT)],
            **_probes("http-dashboard"),
        }
        return self._pod([container], gpus=0, has_data=False, restart="Always")

    def worker(self) -> Manifest:
        """Return a worker's pod: one process, or one per GPU."""
        settings = self.settings
        kind = ["cuda", "worker"] if settings.gpus else ["worker"]
        command = ["dask", *kind, "$(DASK_SCHEDULER_ADDRESS)", "--name", "$(DASK_WORKER_NAME)"]
        command += ["--host", "$(POD_IP)", "--dashboard-address", f"$(POD_IP):{WORKER_DASHBOARD_PORT}"]
        command += ["--nthreads", "$(CPU_LIMIT)", "--memory-limit", "$(MEMORY_LIMIT)"]
        command += ["--local-directory", _SCRATCH, "--death-timeout", str(_CONNECT_SECONDS)]
        variables = [_POD_IP, *_limits("worker"), *self._own_variables(), *self._cluster_variables()]
        if len(self.contents.files) > 1:  # functions of the job's modules, where a plan names them
            variables.append(_variable("PYTHONPATH", JOB_FOLDER))
        container = self._container(
            "worker",
            command,
            variables=variables,
            resources=_resources(settings.cpus, settings.memory, settings.scratch, settings.gpus),
            has_data=True,
        )
        container |= {"ports": [_port("http-dashboard", WORKER_DASHBOARD_PORT)], **_probes("http-dashboard")}
        return self._pod([container], gpus=settings.gpus, has_data=True, restart="Always")

    # ------------------------------------------------------------------------------------------ parts

    def _container(
        self,
        name: str,
        command: Sequence[str],
        *,
        variables: list[Manifest],
        resources: Manifest,
        has_data: bool,
    ) -> Manifest:
        return {
            "name": name,
            "image": self.settings.chosen_image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(command[:1]),
            "args": list(command[1:]),
            "env": [*_HOME, *variables],
            "resources": resources,
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": self._mounts(has_data=has_data),
        }

    def _pod(self, containers: list[Manifest], *, gpus: int, has_data: bool, restart: str) -> Manifest:
        pod: Manifest = {
            "serviceAccountName": self.name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": restart,
            "terminationGracePeriodSeconds": 60,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": containers,
            "volumes": self._volumes(has_data=has_data),
        }
        if gpus:
            pod["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        return pod

    def _volumes(self, *, has_data: bool) -> list[Manifest]:
        scratch = self.settings.scratch if has_data else "1Gi"
        volumes: list[Manifest] = [{"name": "scratch", "emptyDir": {"sizeLimit": scratch}}]
        if self.settings.tls_secret is not None:
            secret = {"secretName": self.settings.tls_secret, "defaultMode": 0o440}
            volumes.append({"name": "tls", "secret": secret})
        if not has_data:
            return volumes
        memory = {"medium": "Memory", "sizeLimit": self.settings.shared_memory}
        volumes.append({"name": "shared-memory", "emptyDir": memory})
        volumes.append({"name": "job", "configMap": {"name": self.name}})
        volumes.append({"name": "outputs", "persistentVolumeClaim": {"claimName": self.outputs_claim}})
        for claim, name in self._data_volumes().items():
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
        return volumes

    def _data_volumes(self) -> dict[str, str]:
        """Return the names of the volumes of existing claims, by claim."""
        claims = dict.fromkeys(mount.claim for mount in self.settings.volumes)
        return {claim: f"data-{index}" for index, claim in enumerate(claims)}

    def _mounts(self, *, has_data: bool) -> list[Manifest]:
        mounts: list[Manifest] = [{"name": "scratch", "mountPath": _SCRATCH}]
        if self.settings.tls_secret is not None:
            mounts.append({"name": "tls", "mountPath": _CERTIFICATES, "readOnly": True})
        if not has_data:
            return mounts
        mounts.append({"name": "shared-memory", "mountPath": _SHARED_MEMORY})
        mounts += [  # one by one, so that a claim may be mounted beside them
            {"name": "job", "mountPath": f"{JOB_FOLDER}/{file}", "subPath": file, "readOnly": True}
            for file in self.contents.files
        ]
        mounts.append({"name": "outputs", "mountPath": OUTPUTS})
        names = self._data_volumes()
        for mount in self.settings.volumes:
            data: Manifest = {"name": names[mount.claim], "mountPath": mount.path, "readOnly": True}
            mounts.append(data | ({"subPath": mount.sub_path} if mount.sub_path else {}))
        return mounts

    def _own_variables(self) -> list[Manifest]:
        """Return the variables that the job or the person who renders asked for."""
        plain = [_variable(name, value) for name, value in sorted(self.contents.variables.items())]
        return plain + [_secret(name, place) for name, place in sorted(self.contents.secrets.items())]

    def _cluster_variables(self) -> list[Manifest]:
        # The operator adds an address of its own, always tcp://, only where there is none.
        address = _variable("DASK_SCHEDULER_ADDRESS", self.scheduler_address)
        waiting = [_variable(f"DASK_VOLLEY__{name}", f"{time}s") for name, time in _WAITING.items()]
        return [address, *waiting, *self._comm_variables()]

    def _comm_variables(self) -> list[Manifest]:
        comm = "DASK_DISTRIBUTED__COMM__"
        variables = {f"{comm}TIMEOUTS__CONNECT": f"{_CONNECT_SECONDS}s"}
        if self.settings.protocol == "tls":
            variables |= {f"{comm}REQUIRE_ENCRYPTION": "True", f"{comm}TLS__CA_FILE": f"{_CERTIFICATES}/ca.crt"}
            for role in ("SCHEDULER", "WORKER", "CLIENT"):
                variables[f"{comm}TLS__{role}__CERT"] = f"{_CERTIFICATES}/tls.crt"
                variables[f"{comm}TLS__{role}__KEY"] = f"{_CERTIFICATES}/tls.key"
        return [_variable(name, value) for name, value in variables.items()]


def service() -> list[Manifest]:
    """Return the ports of the scheduler's Service."""
    ports = (("tcp-comm", SCHEDULER_PORT), ("http-dashboard", DASHBOARD_PORT))
    return [{"name": name, "protocol": "TCP", "port": port, "targetPort": name} for name, port in ports]


def _variable(name: str, value: str) -> Manifest:
    return {"name": name, "value": value}


def _secret(name: str, place: SecretKey) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": place.secret, "key": place.key}}}


def _limits(container: str) -> list[Manifest]:
    """Return variables with a container's limits: cores rounded up, memory in bytes."""
    return [
        {"name": name, "valueFrom": {"resourceFieldRef": {"containerName": container, "resource": f"limits.{kind}"}}}
        for name, kind in (("CPU_LIMIT", "cpu"), ("MEMORY_LIMIT", "memory"))
    ]


def _resources(cpus: int, memory: str, disk: str, gpus: int) -> Manifest:
    amounts: dict[str, str] = {"cpu": str(cpus), "memory": memory, "ephemeral-storage": disk}
    if gpus:
        amounts["nvidia.com/gpu"] = str(gpus)
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _probes(port: str) -> Manifest:
    """Return probes that forgive a process whose threads are busy for minutes, and a start that takes as long."""
    asked = {"httpGet": {"path": "/health", "port": port}, "timeoutSeconds": 10}
    return {
        "startupProbe": {**asked, "periodSeconds": 5, "failureThreshold": _CONNECT_SECONDS // 5},
        "readinessProbe": {**asked, "periodSeconds": 10, "failureThreshold": 3},
        "livenessProbe": {**asked, "periodSeconds": 30, "failureThreshold": 10},
    }


_POD_IP: Manifest = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
_HOME: list[Manifest] = [
    _variable("HOME", _SCRATCH),
    _variable("TMPDIR", _SCRATCH),
    _variable("VOLLEY_CACHE_DIR", f"{_SCRATCH}/volley"),
    _variable("DASK_TEMPORARY_DIRECTORY", _SCRATCH),
    _variable("MPLCONFIGDIR", f"{_SCRATCH}/matplotlib"),
    _variable("PYTHONDONTWRITEBYTECODE", "1"),
    _variable("PYTHONUNBUFFERED", "1"),
]
