"""Recursion: a query that reads its own rows, computed round after round until a round gives nothing new."""

from __future__ import annotations

from ..errors import TypeMismatch
from ..records import dataclass, replace
from ..schema import Field, Schema
from .nodes import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingTable(Plan):
    """Stands inside a recursion's step for the rows of the round before; ``table`` names the recursion."""

    table: str
    fields: tuple[Field, ...]

    def _derive(self) -> Schema:
        return Schema(self.fields)

    @property
    def detail(self) -> str:
        """The recursion's name."""
        return self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion(Plan):
    """The rows of ``seed``, then those that ``step`` makes of the rows of the round before, until it makes none.

    Attributes
    ----------
    table
        Name by which the step's `WorkingTable` nodes know this recursion; unique in the plan.
    distinct
        Whether a row that has been given already is dropped, which also ends a recursion that runs in circles.
    keys
        Columns of which each combination keeps one row, the last that was made; the rows are given at the end. With
        ``distinct`` rows that are just as they are known are dropped from a round.
    known
        Name by which the step's `WorkingTable` nodes know these rows, those of all rounds before.
    """

    seed: Plan
    step: Plan
    table: str
    distinct: bool = False
    keys: tuple[str, ...] = ()
    known: str = ""

    def _derive(self) -> Schema:
        first, second = self.seed.schema, self.step.schema
        if [(f.name, f.dtype) for f in first] != [(f.name, f.dtype) for f in second]:
            raise TypeMismatch(f"the two parts of a recursion differ: ({first}) and ({second})")
        nullable = [a.nullable or b.nullable for a, b in zip(first, second, strict=True)]
        return Schema(tuple(Field(f.name, f.dtype, n) for f, n in zip(first, nullable, strict=True)))

    @property
    def children(self) -> tuple[Plan, ...]:
        """Seed and step."""
        return (self.seed, self.step)

    def with_children(self, children: tuple[Plan, ...]) -> Recursion:
        """Return the recursion of another seed and step."""
        return replace(self, seed=children[0], step=children[1])

    @property
    def detail(self) -> str:
        """Its name, whether rows are kept apart, and the keys of which each keeps its last row."""
        keys = f" by {', '.join(self.keys)}" if self.keys else ""
        return f"{self.table}{' distinct' if self.distinct else ''}{keys}"
