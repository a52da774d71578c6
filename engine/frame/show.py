"""How frames and columns look in a terminal and in a notebook: their first rows, and the types of their columns.

A frame that has not run is run once for its first rows, which it then remembers: a notebook asks for text and for HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import VolleyError
from ..plan import Scan
from .memory import MemorySource

if TYPE_CHECKING:
    import pyarrow as pa

    from .frame import DataFrame

ROWS, COLUMNS, WIDTH = 10, 24, 32
"""Most rows and columns shown, and most characters of a cell."""


@dataclass(frozen=True, slots=True)
class First:
    """The first rows of a frame as text.

    Attributes
    ----------
    names, types
        Of the columns shown, which are those at both ends if there are many.
    rows
        Cells by row; the last ones are dots where there are more.
    size
        How many rows and columns there are, in words.
    """

    names: list[str]
    types: list[str]
    rows: list[list[str]]
    size: str


def _remembered(frame: DataFrame) -> First:
    """Return the first rows of a frame, which it keeps."""
    try:
        return frame._first  # noqa: SLF001  # kept for this module alone
    except AttributeError:
        made = _first(frame)
        object.__setattr__(frame, "_first", made)  # frames are immutable but for this
        return made


def _first(frame: DataFrame) -> First:
    """Run the plan of a frame for its first rows, unless they are in memory."""
    source = frame.plan.source if isinstance(frame.plan, Scan) else None
    names = frame.columns
    gap = len(names) > COLUMNS
    shown = [*names[: COLUMNS // 2], *names[-COLUMNS // 2 :]] if gap else names
    if isinstance(source, MemorySource):
        table: pa.Table = source.table
    else:
        table = frame.select(*shown).limit(ROWS + 1).collect()
    more = table.num_rows > ROWS
    columns: list[list[Any]] = [table[name].slice(0, ROWS).to_pylist() for name in shown]
    rows = [[_cell(value) for value in line] for line in zip(*columns, strict=True)]
    types = [str(frame.schema[name].dtype) for name in shown]
    if gap:
        shown, types = _with_gap(shown), _with_gap(types)
        rows = [_with_gap(row) for row in rows]
    if more:
        rows.append(["…"] * len(shown))
    counted = f"{table.num_rows:,} rows" if isinstance(source, MemorySource) or not more else f"first {ROWS} rows"
    return First(shown, types, rows, f"{counted} x {len(names)} columns")


def _with_gap(cells: Sequence[str]) -> list[str]:
    return [*cells[: COLUMNS // 2], "…", *cells[COLUMNS // 2 :]]


def as_text(frame: DataFrame, *, types: bool) -> str:
    """Return the first rows as a small table, with or without a line of types; or why there are none."""
    try:
        first = _remembered(frame)
    except VolleyError as error:
        fields = "\n".join(f"  {field.name}: {field.dtype}" for field in frame.schema)
        return f"DataFrame with {len(frame.schema)} columns; running it failed: {error}\n{fields}"
    heading = [first.names, first.types] if types else [first.names]
    body = [*heading, *first.rows]
    widths = [max(map(len, cells)) for cells in zip(*body, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in body]
    return "\n".join([*lines, f"[{first.size}]"])


def as_html(frame: DataFrame) -> str:
    """Return the same as an HTML table for notebooks."""
    try:
        first = _remembered(frame)
    except VolleyError as error:
        cells = "".join(f"<tr><td>{escape(f.name)}</td><td>{escape(str(f.dtype))}</td></tr>" for f in frame.schema)
        return (
            f"<table><thead><tr><th>column</th><th>type</th></tr></thead><tbody>{cells}</tbody></table>"
            f"<small>running it failed: {escape(str(error))}</small>"
        )
    heading = "".join(
        f"<th>{escape(name)}<br><small>{escape(kind)}</small></th>"
        for name, kind in zip(first.names, first.types, strict=True)
    )
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in first.rows)
    return (
        f"<table><thead><tr>{heading}</tr></thead><tbody>{lines}</tbody></table>"
        f"<small>{escape(first.size.replace(' x ', ' × '))}</small>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    text = f"{value:.6g}" if isinstance(value, float) else _shown(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _shown(value: Any) -> str:
    """Return a value on one line: its breaks as they are escaped, nulls, times and decimals in lists as elsewhere."""
    if isinstance(value, str):
        return value.translate(_BREAKS)
    if isinstance(value, list):
        return f"[{', '.join(map(_part, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_part(part)}' for name, part in value.items())}}}"
    return str(value)


def _part(value: Any) -> str:
    if value is None:
        return "null"
    return repr(value) if isinstance(value, str | float | bytes) else _shown(value)


_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
