"""Where the scheduler of a Kubernetes DaskCluster is: at the Service that the Dask operator makes for it."""

from __future__ import annotations

import os
import re
import socket

from distributed import Security

from ...errors import ConfigError, TemporaryFailure

NAMED = re.compile(r"kubernetes:(?:([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)/)?([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)")
"""``kubernetes:NAME``, or ``kubernetes:NAMESPACE/NAME`` from another namespace."""
_PORT = 8786


def scheduler_address(where: str) -> str:
    """Return the address of a named cluster's scheduler, over TLS where Dask's configuration has certificates.

    Raises
    ------
    ConfigError
        Outside of Kubernetes, where such names mean nothing.
    TemporaryFailure
        If there is no such cluster, or not yet.
    """
    named = NAMED.fullmatch(where)
    assert named is not None
    namespace, name = named.groups()
    host = f"{name}-scheduler" + (f".{namespace}" if namespace else "")
    try:
        socket.getaddrinfo(host, _PORT, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if "KUBERNETES_SERVICE_HOST" not in os.environ:
            there = f" --namespace {namespace}" if namespace else ""
            raise ConfigError(
                f"cluster={where!r} is known inside of Kubernetes only; from elsewhere run kubectl port-forward{there} "
                f"service/{name}-scheduler {_PORT}, and give cluster='tcp://127.0.0.1:{_PORT}'"
            ) from error
        raise TemporaryFailure(
            f"there is no DaskCluster {name!r} in {f'the namespace {namespace!r}' if namespace else 'this namespace'}: "
            f"{host} has no address; kubectl get daskclusters lists those that there are"
        ) from error
    certified = Security().get_connection_args("client").get("ssl_context") is not None
    return f"{'tls' if certified else 'tcp'}://{host}:{_PORT}"
