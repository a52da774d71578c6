"""The objects of a job, one function each: what runs it, and what stands around it."""

from __future__ import annotations

from .pods import DASHBOARD_PORT, SCHEDULER_PORT, JobPods, Manifest, service

OPERATOR_NAMESPACE = "dask-operator"
"""Where the Dask operator's chart is usually installed; it asks schedulers whether they are idle."""

PERMANENT_CODES = (1, 2)
"""Exit codes after which another try would end the same way: the work failed, the job is wrong."""

_GROUP = "kubernetes.dask.org/v1"
_DAY = 24 * 3600
_IDLE_SECONDS = 3600


def job(pods: JobPods) -> Manifest:
    """Return a Job; its pod is replaced where it ended for a passing reason, and goes on where that one stopped."""
    return _object("batch/v1", "Job", pods, {"spec": _job_spec(pods)})


def _job_spec(pods: JobPods) -> Manifest:
    return {
        "backoffLimit": pods.settings.retries,
        "ttlSecondsAfterFinished": 7 * _DAY,
        "podFailurePolicy": {
            "rules": [
                # A pod that had to go (drained node, preemption) is replaced and counts as no failure.
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": "volley", "operator": "In", "values": list(PERMANENT_CODES)},
                },
                # Every other code counts against backoffLimit: 75 a passing reason, 137 killed for memory, 143 stopped.
            ]
        },
        "template": _template(pods, "runner", pods.runner()),
    }


def cron_job(pods: JobPods) -> Manifest:
    """Return a CronJob; a run that is due while the last one still works is left out."""
    spec = {
        "schedule": pods.settings.schedule,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"metadata": {"labels": pods.labels("runner")}, "spec": _job_spec(pods)},
    }
    return _object("batch/v1", "CronJob", pods, {"spec": spec})


def dask_job(pods: JobPods) -> Manifest:
    """Return a DaskJob: the operator makes the cluster, runs the job once, and removes the cluster."""
    spec = {
        "job": {"metadata": {"labels": pods.labels("runner")}, "spec": pods.runner()},
        "cluster": {"spec": _cluster_spec(pods)},
    }
    return _object(_GROUP, "DaskJob", pods, {"spec": spec})


def dask_cluster(pods: JobPods) -> Manifest:
    """Return a DaskCluster that the operator removes when it was idle for an hour."""
    return _object(_GROUP, "DaskCluster", pods, {"spec": {"idleTimeout": _IDLE_SECONDS, **_cluster_spec(pods)}})


def _cluster_spec(pods: JobPods) -> Manifest:
    scheduler = {
        "metadata": {"labels": pods.labels("scheduler")},
        "spec": pods.scheduler(),
        "service": {
            "type": "ClusterIP",
            "selector": {"dask.org/cluster-name": pods.name, "dask.org/component": "scheduler"},
            "ports": service(),
        },
    }
    worker = {
        "replicas": pods.settings.workers,
        "metadata": {"labels": pods.labels("worker")},
        "spec": pods.worker(),
    }
    return {"scheduler": scheduler, "worker": worker}


def config_map(pods: JobPods) -> Manifest:
    """Return the ConfigMap with the job file and the modules of its steps."""
    return _object("v1", "ConfigMap", pods, {"data": dict(pods.contents.files)})


def service_account(pods: JobPods) -> Manifest:
    """Return an account without any right: no pod of a job speaks to Kubernetes."""
    return _object("v1", "ServiceAccount", pods, {"automountServiceAccountToken": False})


def outputs_claim(pods: JobPods) -> Manifest:
    """Return the claim for the outputs; on a cluster several pods write to it."""
    settings = pods.settings
    spec: Manifest = {
        "accessModes": ["ReadWriteMany" if settings.is_cluster else "ReadWriteOnce"],
        "resources": {"requests": {"storage": settings.output_size}},
    }
    if settings.output_class is not None:
        spec["storageClassName"] = settings.output_class
    return _object("v1", "PersistentVolumeClaim", pods, {"spec": spec}, name=pods.outputs_claim)


def disruption_budgets(pods: JobPods) -> list[Manifest]:
    """Return budgets: a drain waits for runner and scheduler, and takes workers one at a time."""
    kept = ["runner", "scheduler"] if pods.settings.is_cluster else ["runner"]
    # `minAvailable` with a number is all that is allowed for pods of a Job, which cannot be scaled.
    budgets = [_budget(pods, component, {"minAvailable": 1}) for component in kept]
    return [*budgets, _budget(pods, "worker", {"maxUnavailable": 1})] if pods.settings.is_cluster else budgets


def _budget(pods: JobPods, component: str, amount: Manifest) -> Manifest:
    spec = {**amount, "selector": {"matchLabels": pods.labels(component)}}
    return _object("policy/v1", "PodDisruptionBudget", pods, {"spec": spec}, name=f"{pods.name}-{component}")


def network_policy(pods: JobPods) -> Manifest:
    """Return what may be reached: the job's pods among themselves, names, and the servers of its URLs."""
    peers = [{"podSelector": {"matchLabels": pods.selector}}]
    ingress: list[Manifest] = []
    egress: list[Manifest] = [{"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}]
    if pods.settings.is_cluster:
        operator = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OPERATOR_NAMESPACE}}}
        ports = [{"protocol": "TCP", "port": port} for port in (SCHEDULER_PORT, DASHBOARD_PORT)]
        ingress = [{"from": peers}, {"from": [operator], "ports": ports}]
        egress.append({"to": peers})
    if pods.contents.ports:
        egress.append({"ports": [{"protocol": "TCP", "port": port} for port in pods.contents.ports]})
    spec = {
        "podSelector": {"matchLabels": pods.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress,
    }
    return _object("networking.k8s.io/v1", "NetworkPolicy", pods, {"spec": spec})


def _template(pods: JobPods, component: str, pod: Manifest) -> Manifest:
    return {"metadata": {"labels": pods.labels(component)}, "spec": pod}


def _object(version: str, kind: str, pods: JobPods, body: Manifest, *, name: str | None = None) -> Manifest:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name or pods.name, "labels": dict(pods.selector)},
        **body,
    }
