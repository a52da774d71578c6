"""What the catalogue says of a function: names, type rule, null rule, options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeAlias

from ...dtypes import DataType
from ...records import dataclass
from ..rules import Rule, Types

Typed: TypeAlias = Callable[[Types, Mapping[str, Any]], DataType | None]


class Nulls(Enum):
    """What a function makes of null arguments."""

    PROPAGATE = "any null argument gives null"
    LOGIC = "three-valued logic"
    HANDLED = "defined by the function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A scalar function.

    Attributes
    ----------
    name
        Catalogue name, used in plans and by kernels.
    rule
        Argument types to parameter and result types.
    sql
        SQL spellings, lower case (operators are spelled as such).
    frame
        Spelling on frames and columns, for the documentation.
    summary
        One line for the documentation.
    nulls
        Null rule.
    options
        Names of constant options a call must carry.
    typed
        For results whose type the options decide: from parameter types and options to the result type; None where
        they do not fit. It also refuses options that no value can be computed with.
    raises
        Whether some values of the right type make it raise (beyond an overflow).
    """

    name: str
    rule: Rule
    sql: tuple[str, ...]
    frame: str
    summary: str
    nulls: Nulls = Nulls.PROPAGATE
    options: tuple[str, ...] = ()
    typed: Typed | None = None
    raises: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """An aggregate function; nulls are ignored by each of them.

    Attributes
    ----------
    partial
        Names of the primitive accumulators that carry it between phases (see ``volley.engine.kernels.specs``).
    options
        Names of constant options a call must carry.
    """

    name: str
    rule: Rule
    sql: tuple[str, ...]
    frame: str
    summary: str
    partial: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFunction:
    """A function of a row's place in its partition; every aggregate is a window function as well.

    Attributes
    ----------
    framed
        Whether it sees the frame only; else it sees the partition.
    offset
        What the constant that a call carries means; empty where it carries none.
    options
        Names of further constants that a call must carry.
    """

    name: str
    rule: Rule
    sql: tuple[str, ...]
    frame: str
    summary: str
    framed: bool = False
    offset: str = ""
    options: tuple[str, ...] = ()

    @property
    def counts_from_one(self) -> bool:
        """Whether the constant is a count that starts at 1, rather than a distance of either sign."""
        return self.offset in ("n", "buckets")


def function(
    name: str,
    rule: Rule,
    sql: str,
    frame: str,
    summary: str,
    *,
    nulls: Nulls = Nulls.PROPAGATE,
    options: tuple[str, ...] = (),
    typed: Typed | None = None,
    raises: bool = False,
) -> Function:
    """Return the entry of a scalar function; ``sql`` holds its spellings, separated by spaces."""
    return Function(
        name=name,
        rule=rule,
        sql=tuple(sql.split()),
        frame=frame,
        summary=summary,
        nulls=nulls,
        options=options,
        typed=typed,
        raises=raises,
    )


def aggregate(
    name: str, rule: Rule, sql: str, frame: str, summary: str, *partial: str, options: tuple[str, ...] = ()
) -> Aggregate:
    """Return the entry of an aggregate carried by the accumulators ``partial``."""
    return Aggregate(
        name=name,
        rule=rule,
        sql=tuple(sql.split()),
        frame=frame,
        summary=summary,
        partial=partial,
        options=options,
    )


def window(
    name: str,
    rule: Rule,
    frame: str,
    summary: str,
    *,
    sql: str | None = None,
    framed: bool = False,
    offset: str = "",
    options: tuple[str, ...] = (),
) -> WindowFunction:
    """Return the entry of a window function, which SQL knows by its name unless ``sql`` says otherwise."""
    return WindowFunction(
        name=name,
        rule=rule,
        sql=tuple((name if sql is None else sql).split()),
        frame=frame,
        summary=summary,
        framed=framed,
        offset=offset,
        options=options,
    )
