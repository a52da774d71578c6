"""Column names inside a plan: every column of a statement gets a name of its own, so that joins never clash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Names:
    """Hands out names that no other column of the statement has."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._next: dict[str, int] = {}

    def are_fresh(self, wanted: Sequence[str]) -> bool:
        """Hand out the names as they are, if all of them are still free; return whether they were."""
        free = self._used.isdisjoint(wanted)
        if free:
            self._used.update(wanted)
        return free

    def fresh(self, wanted: str) -> str:
        """Return ``wanted`` where it is still free, else ``wanted_1``, ``wanted_2`` and so on."""
        if wanted not in self._used:
            self._used.add(wanted)
            return wanted
        number = self._next.get(wanted, 0) + 1
        while f"{wanted}_{number}" in self._used:
            number += 1
        self._next[wanted] = number
        name = f"{wanted}_{number}"
        self._used.add(name)
        return name


def deduplicated(names: Iterable[str]) -> list[str]:
    """Return the names with ``_1``, ``_2``, … after those that occurred before (a later ``a_1`` keeps its name)."""
    wanted = list(names)
    taken = set(wanted)
    seen: set[str] = set()
    result = []
    for name in wanted:
        unique, number = name, 0
        while unique in seen or (number and unique in taken):
            number += 1
            unique = f"{name}_{number}"
        seen.add(unique)
        result.append(unique)
    return result
