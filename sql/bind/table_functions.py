"""Functions in FROM: files with options, and series of whole numbers and of moments."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal
from ...engine.intervals import Interval
from ...engine.records import dataclass
from ..parse import SqlText
from .file_options import file_options
from .literals import interval
from .operands import unwrapped

_NODES: dict[type[exp.Expr], str] = {exp.ReadParquet: "parquet", exp.ReadCSV: "csv"}
_NAMES = {
    "parquet_scan": "parquet", "read_csv_auto": "csv", "read_json": "json", "read_json_auto": "json",
    "read_ndjson": "json", "read_ndjson_auto": "json", "read_ipc": "ipc", "read_arrow": "ipc", "read_orc": "orc",
}  # fmt: skip

_INSTEAD = {
    "glob": "select distinct filename from read_csv('*.csv', filename = true) names the files that have rows",
    "read_text": "read the file in Python, and give its text as a parameter",
    "read_blob": "read the file in Python, and give its bytes as a parameter",
    "parquet_schema": "write describe from 't.parquet'",
    "parquet_metadata": "pyarrow.parquet.read_metadata tells it in Python",
    "sniff_csv": "write describe from 't.csv'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCall:
    """Files to read as one table, their format, the options given for it, and the columns where not all are wanted."""

    paths: tuple[str, ...]
    format: str
    options: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The whole numbers from a start to an end that is not among them."""

    name: str
    start: int
    stop: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Timestamps in steps of a length of time."""

    name: str
    values: tuple[dt.datetime, ...]


def table_function(
    source: SqlText,
    node: exp.Expr,
    constant: Callable[[exp.Expr, str], Expr],
    value: Callable[[exp.Expr, str], Literal],
) -> FileCall | Series | Moments:
    """Return what a function in FROM stands for.

    ``constant`` binds an expression that reads no column, and ``value`` computes it as well.
    """
    if isinstance(node, exp.GenerateSeries):
        return _series(source, node, constant)
    name = str(node.name).lower() if isinstance(node, exp.Anonymous) else ""
    form = _NODES.get(type(node)) or _NAMES.get(name)
    if form is None:
        known = ("read_parquet", "read_csv", "range", "generate_series", *_NAMES)
        near = suggestion(source.written(node), known)
        hint = f"{near[2:]}" if "did you mean" in near and name not in _INSTEAD else ""
        what = f"the table function {source.written(node)}{f' ({hint})' if hint else ''}"
        raise source.unsupported(node, what, _INSTEAD.get(name, ""))
    arguments = [*([node.this] if isinstance(node.this, exp.Expr) else []), *node.expressions]
    if not arguments:
        raise source.error(node, f"{source.written(node)} needs a quoted path, or a list of them")
    listed = unwrapped(arguments[0])
    items = listed.expressions if isinstance(listed, exp.Array) else [listed]
    paths = [_text(source, item, value) for item in items]
    options, only = file_options(source, form, arguments[1:])
    return FileCall(paths=tuple(paths), format=form, options=options, only=only)


def _text(source: SqlText, node: exp.Expr, value: Callable[[exp.Expr, str], Literal]) -> str:
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    path = None if node.find(exp.Column, exp.Subquery) is not None else value(node, "a path").value
    if not isinstance(path, str):
        raise source.unsupported(node, "a path that is not a quoted text, or made of such and of parameters")
    return path


def _series(source: SqlText, node: exp.GenerateSeries, constant: Callable[[exp.Expr, str], Expr]) -> Series | Moments:
    exclusive = bool(node.args.get("is_end_exclusive"))
    name = "range" if exclusive else "generate_series"
    step_node = unwrapped(node.args["step"]) if node.args.get("step") is not None else None
    if isinstance(step_node, exp.Interval):
        first, last = (_moment(source, node.args[key], constant, name) for key in ("start", "end"))
        values = moments_between(source, node, first, last, interval(source, step_node), exclusive=exclusive)
        return Moments(name=name, values=tuple(values))
    bounds = []
    for key, default in (("start", 0), ("end", 0), ("step", 1)):
        part = node.args.get(key)
        value = Literal(value=default, dtype=dtypes.int64) if part is None else constant(part, name)
        if not isinstance(value, Literal) or not isinstance(value.value, int) or isinstance(value.value, bool):
            raise source.unsupported(part or node, f"{name} of anything but constant whole numbers")
        bounds.append(value.value)
    start, stop, step = bounds
    if step == 0:
        raise source.error(node, f"the step of {name} must not be 0")
    return Series(name=name, start=start, stop=stop if exclusive else stop + (1 if step > 0 else -1), step=step)


_MOST_MOMENTS = 1_000_000


def _moment(source: SqlText, node: exp.Expr, constant: Callable[[exp.Expr, str], Expr], name: str) -> dt.datetime:
    value = constant(node, name)
    moment = value.value if isinstance(value, Literal) else None
    if isinstance(moment, dt.datetime) and moment.tzinfo is None:
        return moment
    if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
        return dt.datetime.combine(moment, dt.time())
    raise source.unsupported(node, f"{name} from or to anything but a constant date or timestamp without a zone")


def moments_between(
    source: SqlText, node: exp.Expr, start: dt.datetime, stop: dt.datetime, step: Interval, *, exclusive: bool
) -> Iterator[dt.datetime]:
    """Yield the moments of a series; each is a step later than the one before, whose day may have been clipped."""
    parts = (step.months, step.days, step.microseconds)
    if not any(parts) or (min(parts) < 0 < max(parts)):
        raise source.error(node, "the step of a series must go one way, and not be 0")
    forward, current, count = max(parts) > 0, start, 0
    while (current < stop if forward else current > stop) or (current == stop and not exclusive):
        yield current
        count += 1
        if count > _MOST_MOMENTS:
            raise source.unsupported(node, f"a series of more than {_MOST_MOMENTS:,} moments")
        current = _later(current, step)


def _later(moment: dt.datetime, step: Interval) -> dt.datetime:
    month = moment.year * 12 + moment.month - 1 + step.months
    year, month = month // 12, month % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    moved = moment.replace(year=year, month=month, day=day)
    return moved + dt.timedelta(days=step.days, microseconds=step.microseconds)
