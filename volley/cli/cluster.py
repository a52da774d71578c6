"""``volley cluster``: a scheduler and workers on this machine, for any number of sessions."""

from __future__ import annotations

import argparse
from pathlib import Path

from .session import positive

_EXAMPLES = """\
Only programs of this machine can reach the cluster unless --host names an address of it; whoever can reach a scheduler
can run code on its workers, so open it to others over tls alone. It ends with Ctrl-C or SIGTERM.

examples:
  volley cluster --workers 4                                    then: volley sql --cluster tcp://127.0.0.1:8786
  volley cluster --workers 2 --threads 4 --memory-limit 8GiB
  volley cluster --protocol ucx                                 over shared memory; needs distributed-ucxx
  volley cluster --protocol tls --tls-ca ca.pem --tls-cert me.pem --tls-key me.key --host 10.0.0.5
  volley cluster --gpus all                                     one worker for each GPU; needs dask-cuda; then:
                                                                volley sql --device gpu --cluster ucx://127.0.0.1:8786
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    about = "start a scheduler and workers on this machine"
    parser = commands.add_parser("cluster", help=about, description=f"{about.capitalize()}.", epilog=_EXAMPLES)
    parser.add_argument("--workers", type=positive, metavar="N", help="worker processes (one for each core)")
    parser.add_argument("--threads", type=positive, default=1, metavar="M", help="threads of each worker (1)")
    parser.add_argument("--memory-limit", metavar="SIZE", help="memory of each worker, such as 4GiB (an even share)")
    parser.add_argument("--protocol", choices=["tcp", "tls", "ucx"], help="how they talk (tcp; with --gpus ucx)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1: this machine only)")
    parser.add_argument("--port", type=int, default=8786, help="port of the scheduler (8786; 0 takes a free one)")
    parser.add_argument("--dashboard", metavar="ADDRESS", help="also show Dask's dashboard, such as 127.0.0.1:8787")
    parser.add_argument("--gpus", metavar="all|0,1", help="a worker for each of these GPUs instead")
    for name, text in (("ca", "authorities"), ("cert", "certificate"), ("key", "private key")):
        parser.add_argument(f"--tls-{name}", type=Path, metavar="FILE", help=f"{text} for --protocol tls")
    parser.set_defaults(execute=execute)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Start the cluster, say where it is, and end it when asked to."""
    import signal
    import threading

    from ..engine.frame.session import cluster_module, parse_bytes

    dask = cluster_module("volley cluster")

    settings = dask.ClusterSettings(
        workers=arguments.workers,
        threads=arguments.threads,
        memory_limit=None if arguments.memory_limit is None else parse_bytes(arguments.memory_limit),
        protocol=arguments.protocol or ("tcp" if arguments.gpus is None else dask.gpu_protocol()),
        host=arguments.host,
        port=arguments.port,
        dashboard=arguments.dashboard,
        gpus=arguments.gpus,
        tls=(arguments.tls_ca, arguments.tls_cert, arguments.tls_key),
    )
    ended = threading.Event()
    with dask.start_cluster(settings) as started:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        print(f"{len(started.workers)} workers at {started.scheduler_address}", flush=True)
        if started.dashboard_link and arguments.dashboard:
            print(f"dashboard at {started.dashboard_link}", flush=True)
        while not ended.wait(1.0):
            pass
    return 0
