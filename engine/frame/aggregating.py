"""The spellings of ``agg``: names, functions, lists and dictionaries of them, as pairs of a column and an aggregate."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..dtypes import DataType, float64, string
from ..errors import PlanError
from ..expr import AggregateCall, Column, NamedAggregate, NamedExpr, aggregate
from ..plan import MapBatches, Plan, Project
from ..schema import Field, Schema
from .applied import GroupCall, OfGroups
from .compiled import compiled_groups
from .reducing import reduction
from .timed import Timed, apart, with_times
from .udf import UserFunction

How: TypeAlias = str | Callable[[Any], Any]
Pairs: TypeAlias = dict[str, tuple[str, How]]

_KNOWN: Mapping[Any, str] = {
    builtins.sum: "sum",
    builtins.min: "min",
    builtins.max: "max",
    builtins.any: "any",
    builtins.all: "all",
    builtins.len: "size",
    builtins.list: "list",
    np.sum: "sum",
    np.mean: "mean",
    np.min: "min",
    np.max: "max",
    np.prod: "product",
    np.std: "std_pop",
    np.var: "var_pop",
    np.any: "any",
    np.all: "all",
}
"""Functions that are aggregates of the catalogue; numpy's spread is that of a population."""


def known(how: How) -> How:
    """Return the aggregate's name where a function is one of the catalogue, else what was given."""
    try:
        return _KNOWN.get(how, how)
    except TypeError:  # no key of a dictionary
        return how


def known_names(funcs: Iterable[How]) -> list[str]:
    """Return several aggregates by their names; `PlanError` where one is no aggregate."""
    names = [known(one) for one in funcs]
    if odd := [one for one in names if not isinstance(one, str)]:
        raise PlanError(f"several aggregates at once are given by their names, not by {odd[0]!r}")
    return [one for one in names if isinstance(one, str)]


def of_freedom(name: str, ddof: int) -> str:
    """Return the aggregate of a spread with so many degrees of freedom less; `PlanError` where there is none."""
    if ddof not in (0, 1):
        raise PlanError(f"{name} takes ddof=1, of a sample, or ddof=0, of a population, not {ddof!r}")
    return name if ddof else f"{name}_pop"


def named(how: How) -> str:
    """Return what an aggregate is called in the name of a column."""
    return how if isinstance(how, str) else str(getattr(how, "__name__", "aggregate"))


def spelled(spec: Any, columns: Sequence[str], *, single: bool) -> Pairs:
    """Return what a positional argument of ``agg`` asks for.

    Parameters
    ----------
    spec
        A name or function (for all columns), a list of them, or a dictionary of columns and either.
    columns
        The columns that it is for where it names none.
    single
        Whether one column was chosen, whose name the results then do without.
    """
    if spec is None:
        return {}
    if is_how(spec):
        return {column: (column, spec) for column in columns}
    if isinstance(spec, Mapping):
        made: Pairs = {}
        for column, given in spec.items():
            made |= {column: (column, given)} if is_how(given) else _listed(given, column, f"{column}_")
        return made
    if not isinstance(spec, Iterable):
        raise PlanError(f"agg takes names of aggregates, functions, lists and dictionaries of them, not {spec!r}")
    return {
        out: pair
        for column in columns
        for out, pair in _listed(spec, column, "" if single and len(columns) == 1 else f"{column}_").items()
    }


def _listed(given: Iterable[Any], column: str, prefix: str) -> Pairs:
    """Return the aggregates of a list, which may hold pairs of a name and an aggregate."""
    made: Pairs = {}
    for one in given:
        name, how = one if isinstance(one, tuple) else (named(one), one)
        out = f"{prefix}{name}"
        if out in made:
            raise PlanError(f"agg makes two columns {out!r}; name them, such as agg(first=({column!r}, …))")
        made[out] = (column, how)
    return made


def is_how(given: Any) -> bool:
    """Return whether this says how to aggregate a column: by a name or a function."""
    return isinstance(given, str) or callable(given)


@dataclass(frozen=True, slots=True)
class Aggregates:
    """Aggregates of groups, some of them by users' functions, which get the group's values as a list first."""

    native: tuple[NamedAggregate, ...]
    users: tuple[GroupCall, ...]
    names: tuple[str, ...]
    timed: Mapping[str, Timed] = field(default_factory=dict)

    def finished(self, plan: Plan, keys: tuple[str, ...]) -> Plan:
        """Return the plan with the users' functions applied, keys first and then the aggregates as asked for."""
        plan = with_times(plan, self.timed)
        if not self.users:
            return plan
        lists = tuple(own.lists for own in self.users)
        added = MapBatches(
            input=plan,
            label=", ".join(own.label for own in self.users),
            function=OfGroups(keys, self.users),
            adds=tuple(own.result for own in self.users),
            reads=(*keys, *dict.fromkeys(lists)),
            keeps=True,
        )
        kept = (Column(name=name, dtype=added.schema[name].dtype) for name in (*keys, *self.names))
        return Project(input=added, exprs=tuple(NamedExpr(name=column.name, expr=column) for column in kept))


def aggregates(pairs: Pairs, schema: Schema) -> Aggregates:
    """Return the aggregates that pairs of columns and names or functions ask for."""
    made: dict[str, AggregateCall | Timed] = {}
    users: list[GroupCall] = []
    for name, pair in pairs.items():
        column, how = _pair(name, pair)
        argument = Column(name=column, dtype=schema[column].dtype)
        if isinstance(how, str):
            made[name] = reduction(how, argument)
            continue
        lists = f"__{name}_values"
        made[lists] = aggregate("list", argument)
        user = how if isinstance(how, UserFunction) else UserFunction(how, dtype=_returned_by(how))
        users.append(_group_call(user, lists, argument, name))
    native, timed = apart(made)
    return Aggregates(native, tuple(users), tuple(pairs), timed)


def _returned_by(how: Callable[[Any], Any]) -> DataType | None:
    """Return the type of what a function that is known gives: a text, where it is a text's ``join``."""
    return string if isinstance(getattr(how, "__self__", None), str) else None


def _group_call(user: UserFunction, lists: str, argument: Column, name: str) -> GroupCall:
    found = compiled_groups(user.function, argument.dtype.kind) if user.compile else None
    if isinstance(found, str):
        raise PlanError(f"{user.label} is to be compiled for groups of {argument.dtype}, and cannot be: {found}")
    dtype = returned(user) if found is None else user.declared or found.dtype
    return GroupCall(
        label=user.label,
        function=user.function,
        lists=lists,
        name=argument.name,
        result=Field(name, dtype),
        kind=None if found is None else argument.dtype.kind,
    )


def _pair(name: str, given: Any) -> tuple[str, How]:
    """Return the column and the aggregate that a keyword of ``agg`` asks for: a tuple, or pandas' ``NamedAgg``."""
    pair = (given.column, given.aggfunc) if hasattr(given, "aggfunc") else given
    if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and is_how(pair[1])):
        raise PlanError(f'{name}= must be a pair of column and aggregate, e.g. {name}=("price", "sum")')
    return pair[0], known(pair[1])


def returned(user: UserFunction) -> DataType:
    """Return the type of what a function of groups returns: a float unless it says otherwise."""
    return user.declared or float64
