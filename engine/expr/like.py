"""Patterns of LIKE, taken apart without matching anything."""

from __future__ import annotations

from ..errors import ExecutionError


def like_parts(pattern: str, escape: str | None) -> tuple[list[str], list[str]]:
    """Split a pattern at its wildcards.

    Returns
    -------
    parts, wildcards
        The literal texts, and the wildcards between them (one fewer).

    Raises
    ------
    ExecutionError
        If the pattern ends in its escape character.
    """
    parts, wildcards = [""], []
    characters = iter(pattern)
    for character in characters:
        if escape and character == escape:
            literal = next(characters, None)
            if literal is None:
                raise ExecutionError(f"LIKE pattern {pattern!r} ends in its escape character {escape!r}")
            parts[-1] += literal
        elif character in "%_":
            wildcards.append(character)
            parts.append("")
        else:
            parts[-1] += character
    return parts, wildcards
