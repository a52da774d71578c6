"""``volley`` on the command line: chooses the command and turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .cli.arguments import build_parser

_FAILED, _USAGE, _CANCELLED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process where absent.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 wrong usage, 130 cancelled.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.execute is None:
        parser.print_help()
        return _USAGE
    try:
        return int(arguments.execute(arguments))
    except KeyboardInterrupt:
        return _stop("cancelled", _CANCELLED)
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: not an error, but nothing more can be said on stdout.
        sys.stderr.close()
        return _FAILED
    except Exception as error:
        if arguments.debug:
            raise
        return _stop(*_explain(error))


def _explain(error: Exception) -> tuple[str, int]:
    """Return the line to show for an error, and the exit code."""
    from .deploy.job.document import JobSpecError
    from .engine.errors import Cancelled, VolleyError

    if isinstance(error, Cancelled):
        return f"cancelled: {error}", _CANCELLED
    if isinstance(error, VolleyError):
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        return f"error: {error}{notes}", _USAGE if isinstance(error, JobSpecError) else _FAILED
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"internal error: {said} (this is a fault in Volley; --debug shows where)", _FAILED


def _stop(message: str, code: int) -> int:
    print(f"volley: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
