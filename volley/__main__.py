"""``volley`` on the command line: chooses the command and turns errors and signals into one line and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from .cli.arguments import build_parser
from .cli.signals import how, stopped_by_signals

_FAILED, _USAGE, _TRY_AGAIN, _BROKEN_PIPE = 1, 2, os.EX_TEMPFAIL, 128 + signal.SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process where absent.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 wrong usage, 75 a job met a full disk, a silent server or another run (try again),
        130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 141 where the reader of a pipe went away.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.execute is None:
        parser.print_help()
        return _USAGE
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign shows another, and no error
    with stopped_by_signals() as received:
        try:
            if os.environ.get("VOLLEY_LOG"):
                from .engine.logs import configure_from_environment

                configure_from_environment()
            code = int(arguments.execute(arguments))
            sys.stdout.flush()
        except KeyboardInterrupt:
            return _stop(how(received), 128 + received[-1])
        except BrokenPipeError:
            return _leave_pipe()
        except Exception as error:
            from .engine.errors import Cancelled, told

            if isinstance(error, Cancelled):
                return _stop(f"{how(received)}: {told(error)}", 128 + received[-1])
            if arguments.debug:
                raise
            return _stop(*_explain(error, resumes=arguments.resumes))
        return code


def _leave_pipe() -> int:
    """Be quiet where the reader of a pipe (head, less) went away, also when Python empties its buffers at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return _BROKEN_PIPE


def _explain(error: Exception, *, resumes: bool) -> tuple[str, int]:
    """Return the line to show for an error, and the exit code; ``resumes`` where to try again is to go on."""
    from .deploy.job.document import JobSpecError
    from .engine.errors import VolleyError, is_temporary, told
    from .sql.shell import debugging, internal_error

    if debugging():
        import traceback

        traceback.print_exc()
    if isinstance(error, VolleyError):
        if isinstance(error, JobSpecError):
            return f"error: {told(error)}", _USAGE
        return f"error: {told(error)}", _TRY_AGAIN if resumes and is_temporary(error) else _FAILED
    return internal_error(error), _FAILED


def _stop(message: str, code: int) -> int:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    print(f"volley: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
