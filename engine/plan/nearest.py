"""Joins by order: each row beside the nearest one of other rows, as ASOF joins and ``merge_asof`` ask for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import dtypes
from ..dtypes import INT64_DIGITS, DataType, Kind
from ..expr import Column, Expr, NamedExpr, SortKey, call, case, columns_of, literal
from ..records import dataclass
from ..schema import Schema
from .frame import CURRENT_ROW, UNBOUNDED_PRECEDING, Frame, FrameUnit
from .nodes import Join, JoinKind, Plan, Project, Union, check_keys, filtered, keys_text, nullable
from .window import NamedWindow, Window, window_call

_SO_FAR = Frame(unit=FrameUnit.ROWS, start=UNBOUNDED_PRECEDING, end=CURRENT_ROW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """What a row and the nearest one are paired by.

    Attributes
    ----------
    on
        Pairs of a left and a right expression that must be equal.
    left, right
        The two sides of the inequality, of one type.
    function
        Its name: ``greater_equal``, ``greater``, ``less_equal`` or ``less``.
    nulls_equal
        Whether keys that are null equal each other.
    """

    on: tuple[tuple[Expr, Expr], ...]
    left: Expr
    right: Expr
    function: str
    nulls_equal: bool = False

    @property
    def backward(self) -> bool:
        """Whether the nearest row lies before, rather than after."""
        return self.function.startswith("greater")

    @property
    def strict(self) -> bool:
        """Whether a row at the same place does not count."""
        return not self.function.endswith("equal")

    @property
    def condition(self) -> Expr:
        """The inequality."""
        return call(self.function, self.left, self.right)

    @property
    def exprs(self) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        """What is computed of the left rows, and of the right ones."""
        return (*(a for a, _ in self.on), self.left), (*(b for _, b in self.on), self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestJoin(Plan):
    """Each left row beside the nearest right row of equal keys; with ``outer`` also those that have none.

    Of right rows at one place the last one counts where they lie before the left row, the first where they lie after
    it. Gives the left columns, then the right ones; names must not clash. The type of the two places is one of those
    that `has_places` tells.
    """

    left: Plan
    right: Plan
    nearest: Nearest
    outer: bool

    def _derive(self) -> Schema:
        for exprs, side in zip(self.nearest.exprs, self.children, strict=True):
            side.schema.check(columns_of(*exprs))
        check_keys(zip(*self.nearest.exprs, strict=True))
        found = tuple(map(nullable, self.right.schema)) if self.outer else self.right.schema.fields
        return Schema((*self.left.schema, *found))

    @property
    def children(self) -> tuple[Plan, ...]:
        """Left and right input."""
        return (self.left, self.right)

    def with_children(self, children: tuple[Plan, ...]) -> NearestJoin:
        """Return this join of other inputs."""
        return self._over(children, left=children[0], right=children[1])

    @property
    def detail(self) -> str:
        """Kind, keys and inequality."""
        keys = keys_text(self.nearest.on, nulls_equal=self.nearest.nulls_equal)
        return f"{'left' if self.outer else 'inner'} on {keys} nearest {self.nearest.condition}"


def has_places(dtype: DataType) -> bool:
    """Return whether values of a type are numbers or moments of at most 64 bits."""
    if dtype.is_decimal:
        return dtype.precision <= INT64_DIGITS
    return (dtype.is_numeric or dtype.is_temporal or dtype.kind is Kind.BOOL) and dtype.kind is not Kind.INTERVAL


def nearest_join(left: Plan, right: Plan, nearest: Nearest, *, outer: bool, fresh: Callable[[str], str]) -> Plan:
    """Return each left row beside the nearest right row; with ``outer`` also those that have none.

    ``fresh`` makes names that neither side has.
    """
    if has_places(nearest.left.dtype):
        return NearestJoin(left=left, right=right, nearest=nearest, outer=outer)
    return _by_windows(left, right, nearest, outer=outer, fresh=fresh)


def numbered(plan: Plan, name: str) -> tuple[Plan, Column]:
    """Return a plan with the number of each row, in the order of the rows."""
    number = Column(name=name, dtype=dtypes.int64)
    window = NamedWindow(name=name, call=window_call("row_number"))
    return Window(input=plan, functions=(window,), keeps_order=True), number


def _by_windows(left: Plan, right: Plan, nearest: Nearest, *, outer: bool, fresh: Callable[[str], str]) -> Plan:
    """Lay the rows of both sides behind one another in the order of the inequality, of any type.

    Each left row remembers the last right row before it, which is then fetched by its number.
    """
    compared = nearest.exprs[1][-1:] if nearest.nulls_equal else nearest.exprs[1]
    right, number = numbered(filtered(right, map(_is_known, compared)), fresh("row"))
    keys = [Column(name=fresh("key"), dtype=own.dtype) for own, _ in nearest.on]
    place = Column(name=fresh("place"), dtype=nearest.left.dtype)
    side, candidate = (Column(name=fresh(name), dtype=dtypes.int64) for name in ("side", "candidate"))
    # Of two rows at one place the one that counts comes first.
    last, first = literal(1), literal(0)
    mine, other = (first, last) if nearest.strict else (last, first)
    own = [Column(name=f.name, dtype=f.dtype) for f in left.schema]
    nothing = [literal(None, column.dtype) for column in own]
    columns = (*own, *keys, place, side, candidate)
    rows = Union(
        inputs=(
            _projected(left, columns, [*own, *nearest.exprs[0], mine, literal(None, dtypes.int64)]),
            _projected(right, columns, [*nothing, *nearest.exprs[1], other, number]),
        )
    )
    turned = not nearest.backward
    remembered = window_call("last_value", candidate, frame=_SO_FAR, ignore_nulls=True)
    matched = Column(name=fresh("matched"), dtype=dtypes.int64)
    order = (SortKey(expr=place, descending=turned), SortKey(expr=side), SortKey(expr=candidate, descending=turned))
    functions = (NamedWindow(name=matched.name, call=remembered),)
    window = Window(input=rows, functions=functions, partition_by=tuple(keys), order_by=order)
    found: Expr = matched
    for column in (place,) if nearest.nulls_equal else (*keys, place):
        found = case([(_is_known(column), found)])
    wanted = Column(name=fresh("wanted"), dtype=dtypes.int64)
    looking = _projected(filtered(window, [call("equal", side, mine)]), [*own, wanted], [*own, found])
    return Join(left=looking, right=right, kind=JoinKind.LEFT if outer else JoinKind.INNER, on=((wanted, number),))


def _is_known(expr: Expr) -> Expr:
    return call("is_not_null", expr)


def _projected(plan: Plan, columns: Sequence[Column], exprs: Sequence[Expr]) -> Plan:
    pairs = zip(columns, exprs, strict=True)
    return Project(input=plan, exprs=tuple(NamedExpr(name=column.name, expr=expr) for column, expr in pairs))
