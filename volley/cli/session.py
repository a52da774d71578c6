"""Arguments that choose where a command runs."""

from __future__ import annotations

import argparse


def add_session_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``, ``--cluster``, ``--threads``, ``--memory-limit`` and ``--spill-dir``."""
    group = parser.add_argument_group("where it runs")
    group.add_argument("--device", choices=["auto", "cpu", "gpu"], help="auto takes a GPU where there is one")
    group.add_argument(
        "--cluster",
        metavar="WHERE",
        help="workers that run it: local:4 for 4 processes of this machine, local-gpu for one on each of its GPUs, "
        "or a scheduler such as tcp://host:8786",
    )
    group.add_argument("--threads", type=positive, metavar="N", help="threads; all cores where absent")
    group.add_argument(
        "--memory-limit",
        metavar="SIZE",
        help="most bytes held between operators, such as 4GiB; more is spilled to files",
    )
    group.add_argument(
        "--spill-dir", metavar="FOLDER", help="where rows are spilled; the folder for temporary files where absent"
    )


def positive(text: str) -> int:
    """Return a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)
