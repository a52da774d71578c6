"""Results in aligned columns that fit the terminal, or with one line for each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from rich.cells import cell_len

from ..engine.arrow import from_arrow_type
from .cells import is_number, rows_of

PLAN = "plan"
"""What EXPLAIN calls its only column, whose lines are shown whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a table is laid out.

    Attributes
    ----------
    width
        Columns of the terminal; None where nothing must fit.
    cell
        Characters that are shown of a value; 0 for all.
    types
        Whether a row below the names says the types.
    """

    width: int | None = None
    cell: int = 48
    types: bool = False


def aligned(table: pa.Table, layout: Layout) -> tuple[str, int]:
    """Return heading, rule and rows in columns, and how many columns were left out because the width is too small.

    The last column shown before those left out and the last of all give the reader both ends of the table.
    """
    longest = 0 if table.column_names == [PLAN] else layout.cell
    heads = [[_shortened(name, longest) for name in table.column_names]]
    if layout.types:
        heads.append([_shortened(_type_name(field.type), longest) for field in table.schema])
    rows = [[_shortened(text, longest) for text in row] for row in rows_of(table)]
    widths = [max(map(_width, column)) for column in zip(*heads, *rows, strict=True)]
    numbers = [is_number(field.type) for field in table.schema]
    kept = fitting(widths, layout.width)

    def line(cells: Sequence[str]) -> str:
        parts = ["…" if i is None else _padded(cells[i], widths[i], right=numbers[i]) for i in kept]
        return "  ".join(parts).rstrip() + "\n"

    text = "".join(map(line, [*heads, ["─" * wide for wide in widths], *rows]))
    return text, len(widths) - sum(index is not None for index in kept)


def in_lines(table: pa.Table, layout: Layout) -> str:
    """Return one line for each value, which shows wide rows whole."""
    width = max(map(_width, table.column_names), default=0)
    lines = []
    for number, row in enumerate(rows_of(table), start=1):
        lines.append(f"── row {number} ──")
        lines.extend(
            f"{_padded(name, width, right=True)}  {_shortened(text, layout.cell)}"
            for name, text in zip(table.column_names, row, strict=True)
        )
    return "".join(f"{line}\n" for line in lines)


def fitting(widths: Sequence[int], width: int | None) -> list[int | None]:
    """Return the columns to show, None standing for those left out."""
    every: list[int | None] = list(range(len(widths)))
    if width is None or len(widths) < 2 or sum(widths) + 2 * (len(widths) - 1) <= width:
        return every
    left: list[int] = []
    right: list[int] = []
    room = width - 1
    order = [i // 2 if i % 2 == 0 else len(widths) - 1 - i // 2 for i in range(len(widths))]
    for index in order:
        room -= widths[index] + 2
        if room < 0 and left:
            break
        (left if index == len(left) else right).append(index)
    return [*left, None, *sorted(right)]


def _type_name(kind: pa.DataType) -> str:
    try:
        return str(from_arrow_type(kind))
    except Exception:  # noqa: BLE001  # a type that only Arrow knows has its name there
        return str(kind)


def _padded(text: str, width: int, *, right: bool) -> str:
    room = " " * (width - _width(text))
    return room + text if right else text + room


def _width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def _shortened(text: str, longest: int) -> str:
    if longest <= 0 or (len(text) <= longest and _width(text) <= longest):
        return text
    kept, room = [], longest - 1
    for sign in text:
        room -= _width(sign)
        if room < 0:
            break
        kept.append(sign)
    return "".join(kept) + "…"
