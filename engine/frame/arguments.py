"""Arguments of pandas' methods: those that mean nothing here are passed over, others are errors that say what to write.

Python itself refuses what a method does not take, with a `TypeError` of its own. It is looked at only then, so that
calls that are right cost nothing.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from ..errors import ArgumentNotFound, TypeMismatch, suggestion

Kind = TypeVar("Kind", bound=type)
Given = ParamSpec("Given")
Made = TypeVar("Made")

_ROWS = (0, "index", "rows", None)
_COLUMNS = (1, "columns")
_OF_COLUMNS = ("drop", "rename", "set_axis", "filter", "rename_axis", "add_prefix", "add_suffix")
_OF_NUMBERS = ("sum", "mean", "std", "var", "median", "quantile", "prod", "sem", "skew", "kurt", "corr", "cov")

_MEANINGLESS: Mapping[str, tuple[Any, ...]] = {
    "axis": _ROWS,
    "copy": (True, False, None),
    "errors": ("raise",),
    "expand": (False,),
    "group_keys": (True, False),
    "include_groups": (False,),
    "ignore_index": (True, False),
    "inplace": (False,),
    "kind": ("quicksort", "heapsort", None),
    "level": (None,),
    "limit": (None,),
    "min_count": (0,),
    "observed": (True, False),
    "skipna": (True,),
    "sort": (False,),
    "verify_integrity": (False,),
}
"""Values of arguments with which a method does what it does without them: rows have no labels, classes no type."""

_WRITE = "rows have no labels here, and none are written; leave it out"
_INSTEAD: Mapping[str, str] = {
    "inplace": "frames are immutable; keep what the method returns: frame = frame.{method}(…)",
    "level": "there are no index levels; name the columns",
    "method": "use ffill() or bfill(), or interpolate()",
    "key": "sort by a column made for it: frame.assign(key=frame.x.str.lower()).sort_values('key').drop(columns='key')",
    "expand": "name the columns: frame.assign(first=pieces.list.get(0), second=pieces.list.get(1))",
    "keys": "mark the rows first: vl.concat([a.assign(source='a'), b.assign(source='b')])",
    "include": "choose the columns first: frame.select_dtypes(…).describe()",
    "errors": "try_cast gives null where a value does not convert: frame.sql('select try_cast(x as int) from self')",
    "skipna": "nulls are passed over; to see whether there are any, use isna().any()",
    "index": _WRITE,
    "index_label": _WRITE,
    "raw": "leave it out",
    "ambiguous": "of a time that clocks show twice it is the later instant; leave it out",
    "nonexistent": "a time that clocks pass over is moved on by as much; leave it out",
    "left_index": "use join, which compares columns marked as index, or name them in left_on",
    "right_index": "use join, which compares columns marked as index, or name them in right_on",
    "ascending": "it is least first; sort_values(ascending=False) turns it round",
    "freq": "shift by rows; moments move by frame.t + pd.Timedelta(days=1)",
    "include_groups": "functions never get the keys; leave it out",
    "validate": "count first: frame.duplicated(['key']).any()",
}


_ROW_BY_ROW = "only columns are gone through; a function of rows goes across them: frame.apply(function, axis=1)"
_OF_METHODS: Mapping[tuple[str, str], str] = {
    ("drop", "labels"): "choose the rows that stay: frame[frame.x != 3]",
    ("drop", "axis"): "rows have no labels here; choose those that stay: frame[frame.x != 3]",
    ("dropna", "axis"): "choose the columns: frame[['a', 'b']]; frame.isna().any() tells which have nulls",
    ("concat", "axis"): "put columns beside each other with assign, or merge the frames on a key",
    **{(method, "axis"): _ROW_BY_ROW for method in ("cumsum", "cumprod", "cummax", "cummin", "rank", "ffill", "bfill")},
    **{(method, "axis"): _ROW_BY_ROW for method in ("diff", "shift", "pct_change", "interpolate")},
}
"""What to write instead of an argument of one method."""


def whole(number: Any, method: str) -> int:
    """Return a number of rows.

    Raises
    ------
    TypeMismatch
        If it is no whole number.
    """
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeMismatch(f"{method} takes a whole number of rows, such as {method}(3), not {number!r}")
    return operator.index(number)


def explained(kind: Kind) -> Kind:
    """Make a class's public methods, inherited ones too, say what to write for an argument that they do not take."""
    made: dict[Any, Any] = {}
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if name.startswith("_") or not inspect.isfunction(member) or "_getframe" in member.__code__.co_names:
            continue
        if member not in made:
            made[member] = explaining(member, kind.__name__)
        setattr(kind, name, made[member])
    return kind


def explaining(function: Callable[Given, Made], kind: str = "vl") -> Callable[Given, Made]:
    """Return a function whose errors about arguments say what to write."""

    @functools.wraps(function)
    def call(*args: Given.args, **options: Given.kwargs) -> Made:
        try:
            return function(*args, **options)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # by what the function does, not by how it was called
            left: Any = _left_over(function, args, options, kind)
        return function(*args, **left)

    return call


def _left_over(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], kind: str
) -> dict[str, Any]:
    """Return the arguments without those that mean nothing; an error where others are not the function's."""
    signature, method = inspect.signature(function), function.__name__
    known = signature.parameters
    kept = {name: value for name, value in options.items() if name in known or not _is_meaningless(method, name, value)}
    shown = f"{kind}.{method}"
    for name in kept:
        if name not in known:
            taken = [one for one in known if one != "self"]
            instead = (_OF_METHODS.get((method, name)) or _INSTEAD.get(name, "")).format(method=method)
            hint = f"; {instead}" if instead else suggestion(name, taken) if taken else "; it takes none"
            raise ArgumentNotFound(f"{shown} has no argument {name!r} here{hint}")
    try:
        signature.bind(*args, **kept)
    except TypeError as error:
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in known.values() if p.name != "self"]
        raise ArgumentNotFound(f"{shown}: {error}; write {method}{inspect.Signature(plain)}") from None
    return kept


def _is_meaningless(method: str, name: str, value: Any) -> bool:
    if name == "axis" and method in _OF_COLUMNS:
        return any(value is one or value == one for one in _COLUMNS)
    if name == "numeric_only":
        return value is True and method in _OF_NUMBERS
    return any(value is one or (isinstance(value, str) and value == one) for one in _MEANINGLESS.get(name, ()))
