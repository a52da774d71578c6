"""The groups of a regular expression of RE2, read without running it."""

from __future__ import annotations


def named_groups(pattern: str) -> tuple[str, list[str]]:
    """Give every capturing group of a regular expression a name.

    Returns
    -------
    pattern, names
        The expression with all groups named, inside a group of its own, and the names: of the whole, then of each
        group from left to right.
    """
    names, parts = ["g0"], []
    position, in_class = 0, False
    while position < len(pattern):
        here = pattern[position]
        if here == "\\":
            parts.append(pattern[position : position + 2])
            position += 2
            continue
        if in_class:
            in_class = here != "]"
        elif here == "[":
            # A bracket right after the opening one (or its ^) stands for itself.
            width = 2 if pattern[position + 1 : position + 2] == "^" else 1
            width += pattern[position + width : position + width + 1] == "]"
            parts.append(pattern[position : position + width])
            position, in_class = position + width, True
            continue
        elif here == "(" and _captures(pattern[position + 1 :]):
            names.append(f"g{len(names)}")
            parts.append(f"(?P<{names[-1]}>")
            position += 1 + _name_width(pattern[position + 1 :])
            continue
        parts.append(here)
        position += 1
    return f"(?P<g0>{''.join(parts)})", names


def _captures(rest: str) -> bool:
    return not rest.startswith("?") or rest.startswith(("?P<", "?<"))


def _name_width(rest: str) -> int:
    return rest.index(">") + 1 if rest.startswith("?") and ">" in rest else 0
