"""Log records as lines of JSON, with the query that they are of; what is logged, and when, is the runners' to know.

Volley logs to loggers below ``volley`` and installs no handler: an application arranges its own, such as one with
`JsonFormatter`. The command line and the workers of a cluster call `configure_from_environment`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import IO

from .errors import ConfigError

FORMAT, LEVEL = "VOLLEY_LOG", "VOLLEY_LOG_LEVEL"
_LEVELS = ("debug", "info", "warning", "error")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given as ``extra``."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: ``time``, ``level``, ``logger``, ``message``, and whatever else it carries.

    Records of queries carry ``query``, those of stages also ``stage``, ``name``, ``tasks``, ``rows``, ``bytes`` and
    ``seconds``, those of tasks ``task`` and ``worker``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        made = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _USUAL},
        }
        if record.exc_info:
            made["exception"] = self.formatException(record.exc_info)
        return json.dumps(made, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as a line of text, with what it carries behind its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        more = "".join(f" {name}={value}" for name, value in vars(record).items() if name not in _USUAL)
        return super().format(record) + more


def configure_from_environment(stream: IO[str] | None = None) -> None:
    """Write Volley's records to a stream (standard error) where ``VOLLEY_LOG`` is ``json`` or ``text``.

    ``VOLLEY_LOG_LEVEL`` is ``debug``, ``info`` (where absent), ``warning`` or ``error``.

    Raises
    ------
    ConfigError
        Where either has another value.
    """
    form = os.environ.get(FORMAT, "")
    if not form:
        return
    level = os.environ.get(LEVEL, "info").lower()
    if form not in ("json", "text"):
        raise ConfigError(f"{FORMAT}={form} is no form of logs; set json or text, or unset it")
    if level not in _LEVELS:
        raise ConfigError(f"{LEVEL}={level} is no level; set one of {', '.join(_LEVELS)}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("volley")
    logger.handlers = [handler]  # once, however often this is called
    logger.propagate = False
    logger.setLevel(level.upper())
