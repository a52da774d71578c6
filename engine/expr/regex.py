"""The groups of a regular expression of RE2, read without running it."""

from __future__ import annotations

from collections.abc import Iterator


def named_groups(pattern: str) -> tuple[str, list[str]]:
    """Give every capturing group of a regular expression a name.

    Returns
    -------
    pattern, names
        The expression with all groups named, inside a group of its own, and the names: of the whole, then of each
        group from left to right.
    """
    names, parts, position = ["g0"], [], 0
    for opening in _openings(pattern):
        names.append(f"g{len(names)}")
        parts.append(f"{pattern[position:opening]}(?P<{names[-1]}>")
        position = opening + 1 + _name_width(pattern[opening + 1 :])
    return f"(?P<g0>{''.join(parts)}{pattern[position:]})", names


def group_names(pattern: str) -> list[str | None]:
    """Return the own name of each capturing group from left to right, None for one without."""
    rests = [pattern[opening + 1 :] for opening in _openings(pattern)]
    return [rest[rest.index("<") + 1 : rest.index(">")] if _name_width(rest) else None for rest in rests]


def _openings(pattern: str) -> Iterator[int]:
    """Yield where capturing groups begin."""
    position, in_class = 0, False
    while position < len(pattern):
        here = pattern[position]
        if here == "\\":
            position += 1
        elif in_class:
            in_class = here != "]"
        elif here == "[":
            # A bracket right after the opening one (or its ^) stands for itself.
            position += pattern[position + 1 : position + 2] == "^"
            position += pattern[position + 1 : position + 2] == "]"
            in_class = True
        elif here == "(" and _captures(pattern[position + 1 :]):
            yield position
        position += 1


def _captures(rest: str) -> bool:
    return not rest.startswith("?") or rest.startswith(("?P<", "?<"))


def _name_width(rest: str) -> int:
    return rest.index(">") + 1 if rest.startswith("?") and ">" in rest else 0
