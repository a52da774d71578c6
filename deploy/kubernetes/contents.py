"""What a job brings to its pods: files, variables, ports; and what may not leave this machine with it.

Knows job files, also such whose ``${NAME}`` have no value here. Must not know how pods look.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..job.document import JobSpecError, Location, Position, Problem, read_document
from ..job.load import Job, load_job
from ..job.secrecy import is_secret_place
from .settings import RenderSettings, SecretKey, slug

JOB_FOLDER = "/job"
JOB_FILE = "job.yaml"
_MOST_BYTES = 900 * 1024
_SIGNATURE = r"[?&](?:X-Amz-Signature|X-Goog-Signature|sig)="
_LITERAL_SECRETS = {
    "a password in a URL": re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@'\"]*:(?!\$\{)[^/\s@'\"]+@"),
    "a signed URL": re.compile(_SIGNATURE + r"(?!\$\{)[^&\s'\"]+", re.IGNORECASE),
    "an access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
_ADVICE = (
    "a manifest is no place for credentials. Write ${NAME} instead: its value then comes from a Secret "
    "(--secret-env NAME=SECRET:KEY)"
)
_STANDARD_PORTS = {"http": 80, "ftp": 21, "sftp": 22, "ssh": 22}
_HTTPS = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContents:
    """What the manifests of one job hold.

    Attributes
    ----------
    name
        Of the job's objects.
    job
        The checked job; variables without a value here stand in it as ``${NAME}``.
    files
        Name in the job's folder -> text: the job file and the modules of its Python steps.
    variables
        Variables with a value of their own.
    secrets
        Variables whose value is in a Secret.
    ports
        TCP ports of the servers that the job's URLs name.
    """

    name: str
    job: Job
    files: Mapping[str, str]
    variables: Mapping[str, str]
    secrets: Mapping[str, SecretKey]
    ports: tuple[int, ...]


class _Unset(Mapping[str, str]):
    """An environment in which every variable has a value: a given one, a default of the job, or its own ``${NAME}``."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.asked: dict[str, str | None] = {}

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # one type of default
        self.asked[key] = default
        return self._given.get(key, default if default is not None else f"${{{key}}}")

    def __getitem__(self, key: str) -> str:
        return self._given[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


@dataclass(slots=True)
class _Findings:
    """Problems with their places, and the variables that stand where credentials stand."""

    job: Job
    problems: list[Problem] = field(default_factory=list)
    credentials: set[str] = field(default_factory=set)

    def add(self, location: Location, message: str) -> None:
        self.problems.append(Problem(position=self.job.document.position(location), message=message))


def read_contents(path: Path, settings: RenderSettings) -> JobContents:
    """Read a job for rendering.

    Parameters
    ----------
    path
        The job file.
    settings
        Where data, values and credentials are. Variables whose Secret they do not name come from ``NAME-credentials``.

    Raises
    ------
    JobSpecError
        For mistakes of the job; for credentials that stand in it, local files that no pod would have, and variables
        without a value: each at its line, with what to do.
    """
    environment = _Unset(settings.environment)
    job = load_job(path, overrides=settings.overrides, environment=environment)
    findings = _Findings(job)
    ports = {_port(path) for path in _urls(job)}
    written = read_document(path, environment=environment).data  # an override changes the run, not the file
    for location, text in {*_texts(job.document.data, ()), *_texts(written, ())}:
        _check_text(findings, location, text, secret_place=is_secret_place(location))
        if location[-1] == "endpoint_url":
            ports.add(_port(text))
    _check_places(findings, settings)
    name = settings.name or slug(job.spec.name)
    secrets = _secrets(findings, environment.asked, settings, f"{name}-credentials")
    files = _files(findings)
    if findings.problems:
        raise JobSpecError(sorted(set(findings.problems), key=lambda p: (p.position.line or 0, p.position.column or 0)))
    return JobContents(
        name=name,
        job=job,
        files=files,
        variables=settings.environment,
        secrets=secrets,
        ports=tuple(sorted({port for port in ports if port is not None} | set(settings.egress_ports))),
    )


# ---------------------------------------------------------------------------------------- credentials


def _texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    """Yield every text of a document with its place."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, (*location, str(key)))
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from _texts(part, (*location, index))
    elif isinstance(value, str):
        yield location, value


def _check_text(findings: _Findings, location: Location, text: str, *, secret_place: bool) -> None:
    where = ".".join(str(part) for part in location)
    if secret_place:
        names = re.findall(r"\$\{(\w+)\}", text)
        findings.credentials.update(names)
        if not names:
            findings.add(location, f"{where} may be a credential, and {_ADVICE}")
            return
    for what in _literal_secrets(text):
        findings.add(location, f"{where} holds {what}, and {_ADVICE}")
    findings.credentials.update(re.findall(r"://[^/\s:@]*:\$\{(\w+)\}@", text))
    findings.credentials.update(re.findall(_SIGNATURE + r"\$\{(\w+)\}", text))


def _literal_secrets(text: str) -> list[str]:
    return [what for what, pattern in _LITERAL_SECRETS.items() if pattern.search(text)]


def _secrets(
    findings: _Findings, asked: Mapping[str, str | None], settings: RenderSettings, default_secret: str
) -> dict[str, SecretKey]:
    """Return where each secret variable's value is; a variable without any value is a problem."""
    chosen: dict[str, SecretKey | None] = dict.fromkeys(sorted(findings.credentials))
    chosen |= settings.secret_environment
    for name, default in asked.items():
        if name not in chosen and name not in settings.environment and default is None:
            findings.add((), f"the job reads ${{{name}}}: give --env {name}=VALUE, or --secret-env {name}")
    return {name: place or SecretKey(secret=default_secret, key=name) for name, place in chosen.items()}


# --------------------------------------------------------------------------------------- files, places


def _urls(job: Job) -> list[str]:
    paths = [path for source in job.spec.sources.values() for path in source.path]
    return [path for path in paths if "://" in path]


def _port(url: str) -> int | None:
    """Return the port that a URL's server listens on; object stores and the like are reached by HTTPS."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file", "memory") or url.startswith("${"):
        return None
    try:
        given = parts.port
    except ValueError:  # the port is a variable
        return None
    return given or _STANDARD_PORTS.get(parts.scheme, _HTTPS)


def _check_places(findings: _Findings, settings: RenderSettings) -> None:
    """Note each source whose files would not be in the pods."""
    mounted = [posixpath.normpath(mount.path) for mount in settings.volumes]
    for name, source in findings.job.spec.sources.items():
        for index, path in enumerate(source.path):
            if "://" in path or path.startswith("${"):
                continue
            inside = posixpath.normpath(posixpath.join(JOB_FOLDER, path))
            if any(inside == folder or inside.startswith(folder + "/") for folder in mounted):
                continue
            folder = inside if (findings.job.folder / path).is_dir() else _folder_of(inside)
            if folder in ("/", JOB_FOLDER) or not inside.startswith("/"):
                remedy = "put it into a folder of its own, or name a URL"
            else:
                remedy = f"mount the claim that holds it, --volume CLAIM:{folder}, or name a URL"
            location: Location = ("sources", name, "path", index)
            if not findings.job.document.has(location):
                location = location[:-1]
            findings.add(location, f"sources.{name}: {path} is a file of this machine; pods will not have it: {remedy}")


def _folder_of(path: str) -> str:
    """Return the folder of a file, or the one that all files of a glob are in."""
    return posixpath.dirname(re.split(r"[*?\[]", path, maxsplit=1)[0])


def _files(findings: _Findings) -> dict[str, str]:
    """Return the job file and the modules of its Python steps."""
    job = findings.job
    files = {JOB_FILE: job.path.read_text(encoding="utf-8")}
    told = {problem.position.line for problem in findings.problems}
    for number, line in enumerate(files[JOB_FILE].splitlines(), start=1):
        for what in _literal_secrets(line) if number not in told else ():  # in a comment, say
            place = Position(source=str(job.path), line=number, column=1)
            findings.problems.append(Problem(position=place, message=f"the line holds {what}, and {_ADVICE}"))
    for index, step in enumerate(job.spec.steps):
        if step.python is None:
            continue
        location: Location = ("steps", index, "python")
        module = step.python.partition(":")[0]
        relative = module.replace(".", "/") + ".py"
        source = job.folder / relative
        if not source.is_file():
            continue  # a module of an installed package: the image has it
        if "/" in relative:
            findings.add(
                location,
                f"{step.python}: a module in a folder cannot be carried; move it beside the job, or into the image",
            )
            continue
        files[relative] = source.read_text(encoding="utf-8")
        for what in _literal_secrets(files[relative]):
            findings.add(location, f"{relative} holds {what}; read it from the environment instead")
    size = sum(len(text.encode()) for text in files.values())
    if size > _MOST_BYTES:
        findings.add((), f"job file and modules have {size:,} bytes; a ConfigMap holds {_MOST_BYTES:,}")
    return files
