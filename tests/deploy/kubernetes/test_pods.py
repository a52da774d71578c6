"""What the pods may do, what they are given, and when they are tried again."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.support.manifests import Manifest, Renderer, all_pods, objects, the
from volley.deploy.kubernetes.settings import ClaimMount, SecretKey, Target

targets = pytest.mark.parametrize("target", get_args(Target))


def containers(pods: list[Manifest]) -> list[Manifest]:
    return [container for pod in pods for container in pod["containers"]]


def environment(container: Manifest) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


@targets
def test_pods_keep_to_the_restricted_standard(rendered: Renderer, target: str) -> None:
    """The rules of the "restricted" Pod Security Standard; and no token, nothing written to the image."""
    pods = all_pods(rendered(target=target, gpus=1))
    assert pods
    for pod in pods:
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
        assert all((set(volume) - {"name"}) <= allowed for volume in pod["volumes"])
    for container in containers(pods):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert not {"privileged", "procMount"} & set(context)
        assert "hostPort" not in str(container.get("ports"))


@targets
def test_everything_written_has_a_place(rendered: Renderer, target: str) -> None:
    for pod in all_pods(rendered(target=target)):
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in mounts.values()} == set(volumes)
        for variable in ("HOME", "TMPDIR", "VOLLEY_CACHE_DIR", "MPLCONFIGDIR", "DASK_TEMPORARY_DIRECTORY"):
            assert environment(container)[variable].startswith("/scratch")
        assert "sizeLimit" in volumes[mounts["/scratch"]["name"]]["emptyDir"]
        writable = {path for path, mount in mounts.items() if not mount.get("readOnly")}
        assert writable <= {"/scratch", "/outputs", "/dev/shm"}
        if "/dev/shm" in mounts:
            assert volumes[mounts["/dev/shm"]["name"]]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}


@targets
def test_accounts_have_no_rights(rendered: Renderer, target: str) -> None:
    files = rendered(target=target)
    account = the("ServiceAccount", files)
    assert account["automountServiceAccountToken"] is False
    assert all(pod["serviceAccountName"] == account["metadata"]["name"] for pod in all_pods(files))
    assert not [found["kind"] for found in objects(files) if found["kind"].startswith(("Role", "ClusterRole"))]


@pytest.mark.parametrize(
    ("target", "gpus"),
    [("job", {"volley": "2"}), ("daskjob", {"worker": "2", "volley": "1", "scheduler": None})],
)
def test_gpus_are_limits_of_those_who_compute(rendered: Renderer, target: str, gpus: dict[str, str | None]) -> None:
    """The runner of a cluster has one too: a session has the device of its workers, and opens it where it is."""
    pods = all_pods(rendered(target=target, gpus=2, cpus=8, memory="64Gi"))
    assert {container["name"] for container in containers(pods)} == set(gpus)
    for pod in pods:
        (container,) = pod["containers"]
        wanted = gpus[container["name"]]
        assert container["resources"]["limits"].get("nvidia.com/gpu") == wanted
        assert ("tolerations" in pod) == (wanted is not None)
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert container["image"].endswith("-gpu")
        if container["name"] == "volley":
            assert "--device gpu" in " ".join(container["args"])
    worker = [c["args"] for c in containers(pods) if c["name"] == "worker"]
    assert all(arguments[:2] == ["cuda", "worker"] for arguments in worker)


def test_a_job_is_tried_again_only_where_that_may_help(rendered: Renderer) -> None:
    spec = the("Job", rendered(target="job", retries=5))["spec"]
    assert spec["backoffLimit"] == 5
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # or the policy would be refused
    ignored, failed = spec["podFailurePolicy"]["rules"]
    assert (ignored["action"], ignored["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert failed["action"] == "FailJob"
    assert failed["onExitCodes"] == {"containerName": "volley", "operator": "In", "values": [1, 2]}
    assert spec["template"]["spec"]["containers"][0]["name"] == "volley"


def test_the_cron_job_holds_the_same_job(rendered: Renderer) -> None:
    spec = the("CronJob", rendered(target="cronjob", schedule="*/5 * * * *"))["spec"]
    assert spec["schedule"] == "*/5 * * * *"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"] == the("Job", rendered(target="job"))["spec"]


def test_scheduler_and_workers_can_be_watched(rendered: Renderer) -> None:
    files = rendered(target="daskjob")
    for container in containers(all_pods(files)):
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert (probe in container) == (container["name"] != "volley")
            if probe in container:
                assert container[probe]["httpGet"]["port"] in ports
                assert f"$(POD_IP):{ports[container[probe]['httpGet']['port']]}" in container["args"]


def test_the_scheduler_is_found_where_its_service_is(rendered: Renderer) -> None:
    files = rendered(target="daskjob", name="trips")
    job = the("DaskJob", files)
    service = job["spec"]["cluster"]["spec"]["scheduler"]["service"]
    assert service["selector"] == {"dask.org/cluster-name": "trips", "dask.org/component": "scheduler"}
    assert {port["port"] for port in service["ports"]} == {8786, 8787}
    for container in containers(all_pods(files)):
        if container["name"] != "scheduler":
            assert environment(container)["DASK_SCHEDULER_ADDRESS"] == "tcp://trips-scheduler:8786"


def test_credentials_come_from_secrets_and_only_to_those_who_read(rendered: Renderer) -> None:
    files = rendered(target="daskjob", secret_environment={"STORE_SECRET": SecretKey(secret="store", key="password")})
    for container in containers(all_pods(files)):
        variables = environment(container)
        if container["name"] == "scheduler":
            assert not {"STORE_KEY", "STORE_SECRET"} & set(variables)
            continue
        expected = {"secretKeyRef": {"name": "trips-of-a-year-credentials", "key": "STORE_KEY"}}
        assert variables["STORE_KEY"] == expected
        assert variables["STORE_SECRET"] == {"secretKeyRef": {"name": "store", "key": "password"}}


def test_tls_is_for_every_part_of_a_cluster(rendered: Renderer) -> None:
    files = rendered(target="daskcluster", protocol="tls", tls_secret="certificates")
    for pod in all_pods(files):
        (container,) = pod["containers"]
        variables = environment(container)
        assert variables["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
        for role in ("SCHEDULER", "WORKER", "CLIENT"):
            assert variables[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] == "/tls/tls.crt"
        if container["name"] != "scheduler":
            assert variables["DASK_SCHEDULER_ADDRESS"].startswith("tls://")
        assert {"name": "tls", "secret": {"secretName": "certificates", "defaultMode": 0o440}} in pod["volumes"]


def test_traffic_is_limited_to_what_the_job_needs(rendered: Renderer) -> None:
    spec = the("NetworkPolicy", rendered(target="job", egress_ports=(5432,)))["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == []
    names, servers = spec["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert [port["port"] for port in servers["ports"]] == [443, 5432, 9000]
    peers = {"podSelector": {"matchLabels": spec["podSelector"]["matchLabels"]}}
    cluster = the("NetworkPolicy", rendered(target="daskjob"))["spec"]
    assert {"from": [peers]} in cluster["ingress"]
    assert {"to": [peers]} in cluster["egress"]


@targets
def test_every_pod_is_under_the_policy_and_a_budget(rendered: Renderer, target: str) -> None:
    files = rendered(target=target)
    budgets = [found["spec"] for found in objects(files) if found["kind"] == "PodDisruptionBudget"]
    policy = the("NetworkPolicy", files)["spec"]["podSelector"]["matchLabels"]
    for labels in pod_labels(objects(files)):
        assert policy.items() <= labels.items()
        (budget,) = [b for b in budgets if b["selector"]["matchLabels"].items() <= labels.items()]
        scaled = labels["app.kubernetes.io/component"] == "worker"
        assert ("maxUnavailable" if scaled else "minAvailable") in budget


def pod_labels(value: Any) -> list[dict[str, str]]:
    """Return the labels of every pod template in some manifests."""
    if isinstance(value, list):
        return [labels for part in value for labels in pod_labels(part)]
    if not isinstance(value, dict):
        return []
    found = [labels for part in value.values() for labels in pod_labels(part)]
    if "containers" in value.get("spec", ()):
        found.append(value["metadata"]["labels"])
    return found


def test_outputs_of_several_pods_need_a_shared_claim(rendered: Renderer) -> None:
    def modes(**settings: Any) -> list[str]:
        modes: list[str] = the("PersistentVolumeClaim", rendered(**settings))["spec"]["accessModes"]
        return modes

    assert modes(target="job") == ["ReadWriteOnce"]
    assert modes(target="daskjob") == ["ReadWriteMany"]
    files = rendered(target="job", output_claim="lake")
    assert "persistentvolumeclaim.yaml" not in files
    assert "lake" in str(all_pods(files)[0]["volumes"])


def test_data_claims_are_mounted_read_only(rendered: Renderer) -> None:
    mounts = (
        ClaimMount(claim="zones", path="/job/data", sub_path="2024"),
        ClaimMount(claim="zones", path="/reference"),
    )
    (pod,) = all_pods(rendered(target="job", volumes=mounts))
    found = {m["mountPath"]: m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "data-0"}
    assert found == {
        "/job/data": {"name": "data-0", "mountPath": "/job/data", "readOnly": True, "subPath": "2024"},
        "/reference": {"name": "data-0", "mountPath": "/reference", "readOnly": True},
    }


def test_a_changed_job_changes_its_pods(rendered: Renderer, job_file: Any) -> None:
    before = the("Job", rendered())["spec"]["template"]["metadata"]["annotations"]
    job_file.write_text(job_file.read_text() + "seed: 4\n")
    after = the("Job", rendered())["spec"]["template"]["metadata"]["annotations"]
    assert before.keys() == after.keys()
    assert before != after
