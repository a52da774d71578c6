"""The same rows over every protocol: TLS with certificates on both ends, and UCX over shared memory."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from distributed import Client, Security

import volley as vl
from volley.engine.errors import ConfigError
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import ClusterSettings, coordinator, start_cluster

pytestmark = pytest.mark.cluster
Key = ec.EllipticCurvePrivateKey
HERE = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return the files of an authority, and of a certificate and key that it has signed for this machine."""
    now = dt.datetime.now(dt.UTC)

    def certificate(
        name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
    ) -> bytes:
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    contents = {
        "ca.pem": certificate("authority", authority, "authority", authority),
        "own.pem": certificate("volley", own, "authority", authority),
        "own.key": private,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path / "ca.pem", tmp_path / "own.pem", tmp_path / "own.key"


def shuffled(session: vl.Session) -> tuple[pa.Table, pa.Table]:
    """Return the rows of a plan with a shuffle on the workers and on threads."""
    table = pa.table({"a": [n % 1_013 for n in range(300_000)], "t": [f"text {n % 7}" for n in range(300_000)]})
    frame = vl.from_arrow(table)
    plan = frame.groupby(["a", "t"]).agg(n=("a", "size")).merge(frame.drop_duplicates("a"), on="a")
    plan = plan.sort_values(["a", "t_x"])
    return DataFrame.from_plan(plan.plan, session).to_arrow(), plan.to_arrow()


def test_tls(tls: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    authority, certificate, key = map(str, tls)
    with start_cluster(ClusterSettings(workers=2, protocol="tls", tls=tls)) as started:
        address = started.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        assert all(worker.startswith("tls://") for worker in started.scheduler_info["workers"])
        security = Security(
            require_encryption=True, tls_ca_file=authority, tls_client_cert=certificate, tls_client_key=key
        )
        with Client(address, security=security, set_as_default=False) as client:
            there, here = shuffled(vl.Session(cluster=client))
            assert there.equals(here)
        with pytest.raises(ConfigError, match="needs certificates: set distributed"):
            vl.Session(cluster=address).collect(vl.DataFrame({"a": [1]}).plan)  # without a certificate


@pytest.mark.ucx
def test_ucx(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed_ucxx")
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    with start_cluster(ClusterSettings(workers=2, protocol="ucx")) as started:
        assert started.scheduler_address.startswith("ucx://")
        with vl.Session(cluster=started.scheduler_address) as session:
            there, here = shuffled(session)
            assert there.equals(here)


def test_workers_that_differ_are_refused_with_the_list(cluster: vl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from volley.engine.runners.dask import cluster as room

    address = cluster.cluster.client.scheduler.address
    found = room.versions()
    monkeypatch.setattr(room, "versions", lambda: {**found, "pyarrow": "1.0"})
    with pytest.raises(ConfigError, match=rf"pyarrow is {found['pyarrow']} on the workers and 1\.0 here"):
        vl.Session(cluster=address).collect(vl.DataFrame({"a": [1]}).plan)
