"""Writing HTML and SVG: every text is escaped unless it is ``Markup`` already."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is markup already and must not be escaped again."""

    __slots__ = ()


Child = str | Iterable["Child"] | None
Attribute = str | int | float | bool | None

_VOID = {"meta", "br", "hr", "img", "link", "path", "line", "rect", "circle", "polyline"}


def tag(element: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return one element.

    Parameters
    ----------
    element
        Its name.
    children
        Texts (escaped), ``Markup`` (kept), None (dropped), or sequences of these.
    attributes
        ``class_`` stands for ``class``, ``stroke_width`` for ``stroke-width``; None and False are left out, True is
        a bare attribute, numbers are written with at most two decimals.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    inner = join(*children)
    if not inner and element in _VOID:
        return Markup(f"<{element}{written}/>")
    return Markup(f"<{element}{written}>{inner}</{element}>")


def join(*children: Child) -> Markup:
    """Return the children one after the other."""
    return Markup("".join(_child(child) for child in children))


def decimal(value: float) -> str:
    """Return a number for a drawing: at most two decimals, no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return html.escape(child, quote=False)
    return "".join(_child(part) for part in child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if name == "viewbox":
        name = "viewBox"
    if value is True:
        return f" {name}"
    text = decimal(value) if isinstance(value, int | float) else value
    return f' {name}="{html.escape(text)}"'
