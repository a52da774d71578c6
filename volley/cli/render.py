"""``volley render``: the Kubernetes manifests of a job."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .session import positive

if TYPE_CHECKING:
    from ..deploy.kubernetes.settings import ClaimMount, RenderSettings, SecretKey

_TARGETS = ("job", "cronjob", "daskjob", "daskcluster")
_PROTOCOLS = ("tcp", "tls", "ucx")
_EXAMPLES = """\
targets: job runs on one node; cronjob does so at a schedule; daskjob runs once on workers that the Dask operator makes
and removes; daskcluster makes workers that stay until they are idle, and a Job that is tried again on them.

Local sources need a claim (--volume); credentials stay outside: variables of the job that stand where credentials stand
come from the Secret NAME-credentials, or from where --secret-env says.

examples:
  volley render job.yaml | kubectl apply -f -
  volley render job.yaml --output k8s --volume census:/job/data && kubectl apply -k k8s
  volley render job.yaml --target daskjob --workers 4 --gpus 1 --image registry.example/volley:0.1-gpu
  volley render job.yaml --target cronjob --schedule "0 3 * * *" --secret-env AWS_SECRET_ACCESS_KEY=store:secret
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    about = "write the Kubernetes manifests of a job"
    parser = commands.add_parser(
        "render", help=about, description="Write the Kubernetes manifests of a job.", epilog=_EXAMPLES
    )
    parser.add_argument("job", metavar="JOB.yaml", type=Path, help="the job file")
    parser.add_argument("--target", choices=_TARGETS, default="job", help="what runs it (job)")
    parser.add_argument(
        "--output", "-o", type=Path, metavar="DIR", help="write files for kubectl apply -k, not a stream"
    )
    parser.add_argument("--name", help="name of the objects; made from the job's name")
    parser.add_argument("--namespace", help="namespace of the objects; kubectl's where absent")
    parser.add_argument("--image", help="image of the containers (volley-engine:VERSION)")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE", help="as for volley run"
    )
    _add_sizes(parser.add_argument_group("sizes"))
    _add_data(parser.add_argument_group("data and credentials"))
    group = parser.add_argument_group("running")
    group.add_argument("--retries", type=_count, default=3, metavar="N", help="pods tried after one that failed (3)")
    group.add_argument("--schedule", default="0 3 * * *", metavar="CRON", help="of a cronjob (0 3 * * *)")
    group.add_argument("--protocol", choices=_PROTOCOLS, default="tcp", help="between workers (tcp)")
    group.add_argument("--tls", metavar="SECRET", help="Secret with ca.crt, tls.crt and tls.key, for --protocol tls")
    parser.set_defaults(execute=execute)
    return parser


def _add_sizes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--workers", type=positive, default=2, metavar="N", help="workers of a cluster (2)")
    group.add_argument("--gpus", type=_count, default=0, metavar="N", help="GPUs of a worker, or of the one pod (0)")
    group.add_argument("--cpus", type=positive, default=4, metavar="N", help="its cores (4)")
    group.add_argument("--memory", default="16Gi", metavar="SIZE", help="its memory (16Gi)")
    group.add_argument("--scratch", default="50Gi", metavar="SIZE", help="its disk for spilled data (50Gi)")
    group.add_argument("--shm", default="1Gi", metavar="SIZE", help="its /dev/shm, part of the memory (1Gi)")


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--volume",
        dest="volumes",
        type=_volume,
        action="append",
        default=[],
        metavar="CLAIM[/FOLDER]:PATH",
        help="an existing claim with data, read-only; the job's own folder is /job",
    )
    group.add_argument("--output-claim", metavar="CLAIM", help="an existing claim for the outputs; else one is made")
    group.add_argument("--output-size", default="20Gi", metavar="SIZE", help="of the claim that is made (20Gi)")
    group.add_argument("--output-class", metavar="CLASS", help="its storage class")
    group.add_argument(
        "--env", dest="environment", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="a variable"
    )
    group.add_argument(
        "--secret-env",
        dest="secrets",
        type=_secret,
        action="append",
        default=[],
        metavar="NAME[=SECRET:KEY]",
        help="a variable from a Secret; of the same name in NAME-credentials where not said",
    )
    group.add_argument(
        "--egress-port",
        dest="ports",
        type=positive,
        action="append",
        default=[],
        metavar="PORT",
        help="a port that pods may reach besides those of the job's URLs",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write or print the manifests."""
    from ..deploy.kubernetes.render import KUSTOMIZATION, as_text, render, write_files

    files = render(arguments.job, _settings(arguments))
    if arguments.output is None:
        print(as_text(files), end="")
        return 0
    written = write_files(files, arguments.output)
    for path in written:
        if path.name != KUSTOMIZATION:
            print(path)
    print(f"apply them: kubectl apply -k {arguments.output}")
    return 0


def _settings(arguments: argparse.Namespace) -> RenderSettings:
    from ..deploy.kubernetes.settings import RenderSettings

    return RenderSettings(
        target=arguments.target,
        name=arguments.name,
        namespace=arguments.namespace,
        image=arguments.image,
        workers=arguments.workers,
        gpus=arguments.gpus,
        cpus=arguments.cpus,
        memory=arguments.memory,
        scratch=arguments.scratch,
        shared_memory=arguments.shm,
        output_size=arguments.output_size,
        output_class=arguments.output_class,
        output_claim=arguments.output_claim,
        volumes=tuple(arguments.volumes),
        environment=dict(arguments.environment),
        secret_environment=dict(arguments.secrets),
        protocol=arguments.protocol,
        tls_secret=arguments.tls,
        egress_ports=tuple(arguments.ports),
        schedule=arguments.schedule,
        retries=arguments.retries,
        overrides=tuple(arguments.overrides),
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def _volume(text: str) -> ClaimMount:
    from ..deploy.kubernetes.settings import ClaimMount

    source, colon, path = text.partition(":")
    claim, _, folder = source.partition("/")
    if not colon:
        raise argparse.ArgumentTypeError(f"expected CLAIM:PATH, as in census:/job/data, got {text!r}")
    return ClaimMount(claim=claim, path=path, sub_path=folder)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return _variable(name), value


def _secret(text: str) -> tuple[str, SecretKey | None]:
    from ..deploy.kubernetes.settings import SecretKey

    name, equals, place = text.partition("=")
    secret, colon, key = place.partition(":")
    if equals and not (secret and colon and key):
        raise argparse.ArgumentTypeError(f"expected NAME or NAME=SECRET:KEY, got {text!r}")
    return _variable(name), SecretKey(secret=secret, key=key) if equals else None


def _variable(name: str) -> str:
    if not name.isidentifier() or not name.isascii():
        raise argparse.ArgumentTypeError(f"{name!r} cannot name an environment variable")
    return name
