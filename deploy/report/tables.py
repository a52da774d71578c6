"""Tables of the report: columns of text or figures, wide ones scroll inside their own frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .markup import Child, Markup, tag


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``kind`` is text, figure (right-aligned, even digits) or drawing."""

    title: Child
    kind: str = "text"


def table(columns: Sequence[Column], rows: Iterable[Sequence[Child]], *, kind: str = "") -> Markup:
    """Return a table with a heading row; the first cell of a row is its heading."""
    head = tag("tr", (tag("th", column.title, scope="col", class_=column.kind) for column in columns))
    return frame(tag("thead", head), tag("tbody", (_row(columns, row) for row in rows)), kind=kind)


def frame(*parts: Markup, kind: str = "") -> Markup:
    """Return the table element around parts made by hand."""
    return tag("div", tag("table", *parts, class_=kind or None), class_="scroll")


def _row(columns: Sequence[Column], cells: Sequence[Child]) -> Markup:
    first, *rest = (
        tag("th" if index == 0 else "td", cell, class_=column.kind, scope="row" if index == 0 else None)
        for index, (column, cell) in enumerate(zip(columns, cells, strict=True))
    )
    return tag("tr", first, rest)
