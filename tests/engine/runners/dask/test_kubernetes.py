"""``kubernetes:NAME`` is the scheduler's Service of a DaskCluster."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from dask.config import set as configured

import volley as vl
from tests.support.servers import make_certificate
from volley.engine.errors import ConfigError, TemporaryFailure
from volley.engine.runners.dask.kubernetes import scheduler_address


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return ports of this machine by the names of hosts, which is all that can be looked up."""
    ports: dict[str, int] = {}
    look_up = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if str(host).startswith("127."):
            return look_up(host, port, *args, **options)
        if host not in ports:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up("127.0.0.1", ports[host], *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    return ports


@pytest.mark.parametrize(
    ("where", "host"),
    [("kubernetes:people", "people-scheduler"), ("kubernetes:etl/people", "people-scheduler.etl")],
)
def test_a_query_runs_on_the_cluster_of_that_name(
    where: str, host: str, names: dict[str, int], cluster: vl.Session
) -> None:
    names[host] = int(cluster.cluster.client.scheduler.address.rpartition(":")[2])
    with vl.Session(cluster=where):
        assert vl.DataFrame({"a": [1, 2]}).a.sum() == 3


def test_a_name_that_no_cluster_has(names: dict[str, int]) -> None:
    said = (
        "there is no DaskCluster 'people' in this namespace: people-scheduler has no address; kubectl get daskclusters"
    )
    with pytest.raises(TemporaryFailure, match=said), vl.Session(cluster="kubernetes:people"):
        vl.DataFrame({"a": [1]}).a.sum()
    with pytest.raises(TemporaryFailure, match=r"in the namespace 'etl': people-scheduler\.etl has no address"):
        scheduler_address("kubernetes:etl/people")


def test_outside_of_kubernetes_the_way_in_is_told(names: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    said = re.escape(
        "is known inside of Kubernetes only; from elsewhere run kubectl port-forward --namespace etl "
        "service/people-scheduler 8786, and give cluster='tcp://127.0.0.1:8786'"
    )
    with pytest.raises(ConfigError, match=said):
        scheduler_address("kubernetes:etl/people")


def test_certificates_in_the_configuration_ask_for_tls(names: dict[str, int], tmp_path: Path) -> None:
    names["people-scheduler"] = 1
    assert scheduler_address("kubernetes:people") == "tcp://people-scheduler:8786"
    pem = str(make_certificate(tmp_path / "own.pem"))
    files = ("ca-file", "client.cert", "client.key")
    with configured({f"distributed.comm.tls.{name}": pem for name in files}):
        assert scheduler_address("kubernetes:people") == "tls://people-scheduler:8786"


@pytest.mark.parametrize("where", ["kubernetes:", "kubernetes:a/b/c", "kubernetes:Upper", "kubernetes:-a"])
def test_what_is_no_name_is_refused_at_once(where: str) -> None:
    with pytest.raises(ConfigError, match="is no cluster; give"):
        vl.Session(cluster=where)
