"""``merge``: pandas' joins as plan nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType, common_type
from ..errors import PlanError, TypeMismatch, suggestion
from ..expr import Column, Expr, NamedExpr, call, case, cast, literal
from ..plan import Join, JoinKind, Plan, Project
from ..schema import Schema

if TYPE_CHECKING:
    from .frame import DataFrame

_LEFT, _RIGHT = "__from_left", "__from_right"
HOW = ("inner", "left", "right", "outer", "semi", "anti", "cross")


@dataclass(frozen=True, slots=True)
class Sides:
    """Both inputs with names made unique, and what the output is made of."""

    left: Plan
    right: Plan
    on: tuple[tuple[Expr, Expr], ...]
    shared: tuple[tuple[str, str], ...]
    left_names: dict[str, str]
    right_names: dict[str, str]


def merged(
    left: DataFrame,
    right: DataFrame,
    *,
    how: str,
    on: str | Sequence[str] | None,
    left_on: str | Sequence[str] | None,
    right_on: str | Sequence[str] | None,
    suffixes: tuple[str, str],
) -> DataFrame:
    """Return the join of two frames; see `DataFrame.merge`."""
    if how not in HOW:
        raise PlanError(f"how={how!r} is no kind of join{suggestion(how, HOW)}")
    keys = [] if how == "cross" else _keys(left, right, on, left_on, right_on)
    sides = sides_of(left, right, keys, suffixes)
    return left.with_plan(_plan(how, sides))


def as_frame(frame: DataFrame | None, other: Any) -> DataFrame:
    """Return another frame, also of a pandas or Polars one or an Arrow table, in the session of the first."""
    if hasattr(other, "with_plan"):
        made: DataFrame = other
        return made
    is_column = type(other).__module__.startswith("pandas") and not hasattr(other, "columns")
    if is_column or frame is None or not (hasattr(other, "__arrow_c_stream__") or hasattr(other, "__dataframe__")):
        raise TypeMismatch(f"this needs frames, such as vl.DataFrame(…), not a {type(other).__name__}")
    return type(frame)(other, session=frame.session)


def told(
    left: DataFrame,
    right: DataFrame,
    how: str,
    keys: tuple[str | Sequence[str] | None, ...],
    suffixes: tuple[str, str],
    name: str,
) -> DataFrame:
    """Return a join beside a column that says which side each row comes from."""
    on, left_on, right_on = keys
    marked = left.assign(**{_LEFT: 1}), right.assign(**{_RIGHT: 1})
    made = merged(*marked, how=how, on=on, left_on=left_on, right_on=right_on, suffixes=suffixes)
    if _LEFT not in made.schema or _RIGHT not in made.schema:
        raise PlanError(f"merge(indicator=…) is for joins that keep columns of both sides, not for how={how!r}")
    sides = [(made[_LEFT].isna().expr, literal("right_only")), (made[_RIGHT].isna().expr, literal("left_only"))]
    side = made[_LEFT].derive(case(sides, literal("both")))
    return made.assign(**{name: side}).drop(columns=[_LEFT, _RIGHT])


def _keys(
    left: DataFrame,
    right: DataFrame,
    on: str | Sequence[str] | None,
    left_on: str | Sequence[str] | None,
    right_on: str | Sequence[str] | None,
) -> list[tuple[str, str]]:
    if on is not None and (left_on is not None or right_on is not None):
        raise PlanError("give either on, or left_on and right_on")
    if (left_on is None) != (right_on is None):
        raise PlanError("left_on and right_on go together")
    if on is None and left_on is None:
        names = [name for name in left.schema.names if name in right.schema]
        if not names:
            raise PlanError("the frames share no column to join on; give on, or left_on and right_on")
        return [(name, name) for name in names]
    lefts, rights = _listed(left_on if on is None else on), _listed(right_on if on is None else on)
    if len(lefts) != len(rights):
        raise PlanError(f"left_on names {len(lefts)} columns and right_on {len(rights)}")
    left.schema.select(lefts)
    right.schema.select(rights)
    return list(zip(lefts, rights, strict=True))


def _listed(names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def sides_of(left: DataFrame, right: DataFrame, keys: list[tuple[str, str]], suffixes: tuple[str, str]) -> Sides:
    """Name every column uniquely: shared keys and clashing names of the right side get inner names."""
    shared = [name for name, other in keys if name == other]
    clashing = set(left.schema.names) & set(right.schema.names) - set(shared)
    left_names = {n: n + suffixes[0] if n in clashing else n for n in left.schema.names}
    right_names = {n: n + suffixes[1] if n in clashing else n for n in right.schema.names if n not in shared}
    taken = set(left_names.values()) | set(right_names.values())
    if len(taken) != len(left_names) + len(right_names):
        raise PlanError(f"suffixes {suffixes} do not make the column names distinct; choose others")
    inner = {n: _fresh(f"__right_{n}", taken) for n in shared}
    left_plan = _renamed(left.plan, left_names)
    right_plan = _renamed(right.plan, {n: inner.get(n) or right_names[n] for n in right.schema.names})
    on = []
    for key, other in keys:
        one, two = left.schema[key].dtype, right.schema[other].dtype
        dtype = _key_type(key, one, other, two)
        on.append((_cast(left_names[key], one, dtype), _cast(inner.get(other) or right_names[other], two, dtype)))
    pairs = tuple((left_names[name], inner[name]) for name in shared)
    return Sides(left_plan, right_plan, tuple(on), pairs, left_names, right_names)


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _key_type(left: str, one: DataType, right: str, other: DataType) -> DataType:
    dtype = common_type(one, other)
    if dtype is None:
        raise TypeMismatch(f"cannot join {left!r} ({one}) with {right!r} ({other}); convert one with astype")
    return dtype


def _cast(name: str, dtype: DataType, target: DataType) -> Expr:
    return cast(Column(name=name, dtype=dtype), target)


def _renamed(plan: Plan, names: dict[str, str]) -> Plan:
    if all(old == new for old, new in names.items()):
        return plan
    exprs = tuple(NamedExpr(name=new, expr=_column(plan.schema, old)) for old, new in names.items())
    return Project(input=plan, exprs=exprs)


def _column(schema: Schema, name: str) -> Column:
    return Column(name=name, dtype=schema[name].dtype)


def _plan(how: str, sides: Sides) -> Plan:
    match how:
        case "semi" | "anti":
            joined = Join(left=sides.left, right=sides.right, kind=JoinKind(how), on=sides.on)
            originals = {new: old for old, new in sides.left_names.items()}
            return _renamed(joined, originals)
        case "right":
            swapped = tuple((theirs, ours) for ours, theirs in sides.on)
            joined = Join(left=sides.right, right=sides.left, kind=JoinKind.LEFT, on=swapped)
            return _chosen(joined, sides, keys_from_right=True)
        case "outer":
            return _outer(sides)
        case _:
            kind = JoinKind.LEFT if how == "left" else JoinKind.INNER
            joined = Join(left=sides.left, right=sides.right, kind=kind, on=sides.on)
            return _chosen(joined, sides, keys_from_right=False)


def _chosen(joined: Plan, sides: Sides, *, keys_from_right: bool) -> Plan:
    """Give each shared key once, then the other columns in the order left, right."""
    source = dict(sides.shared) if keys_from_right else {}
    names = {name: source.get(name, name) for name in (*sides.left_names.values(), *sides.right_names.values())}
    exprs = tuple(
        NamedExpr(
            name=name, expr=cast(_column(joined.schema, inner), _left_type(sides, name, joined.schema[inner].dtype))
        )
        for name, inner in names.items()
    )
    return Project(input=joined, exprs=exprs)


def _left_type(sides: Sides, name: str, dtype: DataType) -> DataType:
    """Return the common type of both sides for a shared key, whichever side it is taken from."""
    for left, right in sides.shared:
        if left == name:
            return common_type(sides.left.schema[left].dtype, sides.right.schema[right].dtype) or dtype
    return dtype


def _outer(sides: Sides) -> Plan:
    """All pairs, and the rows of both sides without a partner; a shared key is that of either side."""
    joined = Join(left=sides.left, right=sides.right, kind=JoinKind.FULL, on=sides.on)
    others = dict(sides.shared)
    exprs = []
    for name in (*sides.left_names.values(), *sides.right_names.values()):
        expr: Expr = _column(joined.schema, name)
        if name in others:
            other = _column(joined.schema, others[name])
            dtype = _left_type(sides, name, expr.dtype)
            expr = call("coalesce", cast(expr, dtype), cast(other, dtype))
        exprs.append(NamedExpr(name=name, expr=expr))
    return Project(input=joined, exprs=tuple(exprs))
