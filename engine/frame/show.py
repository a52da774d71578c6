"""How frames look in a terminal and in a notebook: rows if they are in memory, names and types if not."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ..plan import Scan
from .memory import MemorySource

if TYPE_CHECKING:
    from .frame import DataFrame

ROWS, WIDTH = 10, 32


def as_text(frame: DataFrame) -> str:
    """Return a small table, or the schema of a frame that has not run."""
    rows = _rows(frame)
    if rows is None:
        fields = "\n".join(f"  {field.name}: {field.dtype}" for field in frame.schema)
        return f"DataFrame with {len(frame.schema)} columns, not run yet (head() or collect() runs it)\n{fields}"
    header, body, total = rows
    widths = [max(len(line[n]) for line in [header, *body]) for n in range(len(header))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in [header, *body]]
    return "\n".join([*lines, f"[{total:,} rows x {len(header)} columns]"])


def as_html(frame: DataFrame) -> str:
    """Return the same as an HTML table for notebooks."""
    rows = _rows(frame)
    if rows is None:
        cells = "".join(f"<tr><td>{escape(f.name)}</td><td>{escape(str(f.dtype))}</td></tr>" for f in frame.schema)
        return f"<table><thead><tr><th>column</th><th>type</th></tr></thead><tbody>{cells}</tbody></table>"
    header, body, total = rows
    types = "".join(
        f"<th>{escape(name)}<br><small>{escape(str(frame.schema[name].dtype))}</small></th>" for name in header
    )
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
    return (
        f"<table><thead><tr>{types}</tr></thead><tbody>{lines}</tbody></table>"
        f"<small>{total:,} rows × {len(header)} columns</small>"
    )


def _rows(frame: DataFrame) -> tuple[list[str], list[list[str]], int] | None:
    """Return header, first rows as text and the number of rows of a frame in memory; None of any other."""
    plan = frame.plan
    if not (isinstance(plan, Scan) and isinstance(plan.source, MemorySource)):
        return None
    table = plan.source.table
    columns: list[list[Any]] = [column.slice(0, ROWS).to_pylist() for column in table.columns]
    body = [[_cell(value) for value in line] for line in zip(*columns, strict=True)]
    if table.num_rows > ROWS:
        body.append(["…"] * table.num_columns)
    return list(table.column_names), body, table.num_rows


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
