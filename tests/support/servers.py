"""Servers on this machine for tests of URLs: an object store, and a web server with a certificate of its own."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCESS_KEY, SECRET_KEY = "AKIAVOLLEYTESTKEY", "wJalrXUtnFEMIvolleysecret"


@contextmanager
def object_store() -> Iterator[dict[str, Any]]:
    """Start a server that speaks S3 and yield the ``storage_options`` to reach it."""
    from moto.server import ThreadedMotoServer

    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        endpoint = f"http://127.0.0.1:{port}"
        # All servers of a process share what they store: one test must not see another's buckets.
        urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
        yield {"key": ACCESS_KEY, "secret": SECRET_KEY, "endpoint_url": endpoint}
    finally:
        server.stop()
        logger.setLevel(level)


@dataclass
class WebServer:
    """A web server over a folder.

    Attributes
    ----------
    url
        Of the folder, without a slash at its end.
    token
        If given, what requests must carry as ``Authorization: Bearer …``.
    ranges
        Whether parts of files can be asked for.
    asked
        Every request, as method and path.
    """

    folder: Path
    url: str = ""
    token: str | None = None
    ranges: bool = True
    asked: list[str] = field(default_factory=list)


@contextmanager
def web_server(folder: Path, certificate: Path | None = None) -> Iterator[WebServer]:
    """Serve a folder, over TLS with a certificate made by `make_certificate` if one is given."""
    serving = WebServer(folder=folder)
    server = _Server(serving)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    serving.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, serving: WebServer) -> None:
        self.serving = serving
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # a client that refuses the certificate goes away in the handshake
            self.close_connection = True

    def answer(self, *, body: bool) -> None:
        self.server.serving.asked.append(f"{self.command} {self.path}")
        path = self.server.serving.folder / self.path.partition("?")[0].lstrip("/")
        allowed = (
            self.server.serving.token is None or self.headers["Authorization"] == f"Bearer {self.server.serving.token}"
        )
        if not allowed:
            self.give(403, b"", {}, body=False)
        elif path.is_dir():
            links = "".join(f'<a href="{p.name}">{p.name}</a>\n' for p in sorted(path.iterdir()))
            self.give(200, links.encode(), {"Content-Type": "text/html"}, body=body)
        elif path.is_file():
            self.give_file(path.read_bytes(), body=body)
        else:
            self.give(404, b"", {}, body=False)

    def give_file(self, content: bytes, *, body: bool) -> None:
        headers, status, wanted = {}, 200, self.headers["Range"]
        if self.server.serving.ranges:
            headers["Accept-Ranges"] = "bytes"
        if self.server.serving.ranges and wanted and body:
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            headers["Content-Range"] = f"bytes {first}-{min(last, len(content) - 1)}/{len(content)}"
            content, status = content[first : last + 1], 206
        self.give(status, content, headers, body=body)

    def give(self, status: int, content: bytes, headers: dict[str, str], *, body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)


def make_certificate(path: Path) -> Path:
    """Write a key and a certificate of its own for 127.0.0.1 into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path
