"""Random chains of frame methods, each step done by Volley and by pandas at once.

A step says which columns it can take; after a step that promises no order of rows, both sides are compared as bags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

import volley as vl
from tests.support.pairs import Pair, pairs

Step: TypeAlias = Callable[[st.DrawFn, Pair], Pair]


class NoSuchStep(Exception):
    """The frame has no column that a step could take."""


# ------------------------------------------------------------------------------------------ columns by kind
def _is(pair: Pair, name: str, kind: str) -> bool:
    dtype = pair.theirs[name].dtype
    arrow = dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else pa.null()
    match kind:
        case "number":
            return pa.types.is_integer(arrow) or pa.types.is_floating(arrow)
        case "integer":
            return pa.types.is_integer(arrow)
        case "text":
            return pa.types.is_string(arrow) or pa.types.is_large_string(arrow)
        case "time":
            return pa.types.is_timestamp(arrow)
        case "bool":
            return pa.types.is_boolean(arrow)
        case "key":
            return not pa.types.is_floating(arrow)
    return True


def _one(draw: st.DrawFn, pair: Pair, kind: str) -> str:
    fit = [name for name in pair.theirs.columns if _is(pair, name, kind)]
    if not fit:
        raise NoSuchStep
    return draw(st.sampled_from(fit))


def _some(draw: st.DrawFn, pair: Pair, kind: str = "any", most: int = 3) -> list[str]:
    fit = [name for name in pair.theirs.columns if _is(pair, name, kind)]
    if not fit:
        raise NoSuchStep
    return draw(st.lists(st.sampled_from(fit), min_size=1, max_size=min(most, len(fit)), unique=True))


def _ordered(pair: Pair) -> None:
    if not pair.ordered:
        raise NoSuchStep


# ------------------------------------------------------------------------------------------ steps
def select(draw: st.DrawFn, pair: Pair) -> Pair:
    names = _some(draw, pair, most=6)
    return pair.then(f"[{names}]", lambda f: f[names])


def rename(draw: st.DrawFn, pair: Pair) -> Pair:
    name = _one(draw, pair, "any")
    new = f"{name}{name[-1]}"
    if new in pair.theirs.columns:
        raise NoSuchStep
    return pair.then(f"rename {name}", lambda f: f.rename(columns={name: new}))


def drop(draw: st.DrawFn, pair: Pair) -> Pair:
    if len(pair.theirs.columns) < 2:
        raise NoSuchStep
    name = _one(draw, pair, "any")
    return pair.then(f"drop {name}", lambda f: f.drop(columns=[name]))


def compare(draw: st.DrawFn, pair: Pair) -> Pair:
    name, value = _one(draw, pair, "number"), draw(st.integers(-3, 3))
    sign = draw(st.sampled_from(["lt", "le", "gt", "ge", "eq", "ne"]))
    return _kept(pair.then(f"{name} {sign} {value}", lambda f: f[getattr(f[name], sign)(value)]))


def isin(draw: st.DrawFn, pair: Pair) -> Pair:
    name, values = _one(draw, pair, "integer"), draw(st.lists(st.integers(-2, 2), max_size=3))
    return _kept(pair.then(f"{name} isin {values}", lambda f: f[f[name].isin(values)]))


def notna(draw: st.DrawFn, pair: Pair) -> Pair:
    name, which = _one(draw, pair, "any"), draw(st.sampled_from(["isna", "notna"]))
    return _kept(pair.then(f"{name} {which}", lambda f: f[getattr(f[name], which)()]))


def between(draw: st.DrawFn, pair: Pair) -> Pair:
    name, low = _one(draw, pair, "number"), draw(st.integers(-3, 3))
    side = draw(st.sampled_from(["both", "left", "right", "neither"]))
    return _kept(pair.then(f"{name} between {low}", lambda f: f[f[name].between(low, low + 2, inclusive=side)]))


def either(draw: st.DrawFn, pair: Pair) -> Pair:
    a, b = _one(draw, pair, "number"), _one(draw, pair, "number")
    return _kept(pair.then(f"{a} > 0 or not {b} < 1", lambda f: f[(f[a] > 0) | ~(f[b] < 1)]))


def arithmetic(draw: st.DrawFn, pair: Pair) -> Pair:
    a, b = _one(draw, pair, "number"), _one(draw, pair, "number")
    what = draw(st.sampled_from(["add", "sub", "mul"]))
    return pair.then(f"z = {a} {what} {b}", lambda f: f.assign(z=getattr(f[a], what)(f[b])))


def number_method(draw: st.DrawFn, pair: Pair) -> Pair:
    name = _one(draw, pair, "number")
    what, made = draw(
        st.sampled_from(
            [
                ("abs", lambda c: c.abs()),
                ("clip", lambda c: c.clip(-1, 2)),
                ("negate", lambda c: -c),
                ("fillna", lambda c: c.fillna(1)),
                ("where", lambda c: c.where(c > 0)),
                ("mask", lambda c: c.mask(c > 0)),
                ("halved", lambda c: c / 2),
                ("replace", lambda c: c.replace(1, 3)),
            ]
        )
    )
    return pair.then(f"y = {name} {what}", lambda f: f.assign(y=made(f[name])))


def text_method(draw: st.DrawFn, pair: Pair) -> Pair:
    name = _one(draw, pair, "text")
    what, made = draw(
        st.sampled_from(
            [
                ("upper", lambda c: c.str.upper()),
                ("len", lambda c: c.str.len()),
                ("slice", lambda c: c.str[:1]),
                ("contains", lambda c: c.str.contains("b", regex=False)),
                ("startswith", lambda c: c.str.startswith("a")),
                ("replace", lambda c: c.str.replace("a", "oo", regex=False)),
                ("strip", lambda c: c.str.strip("a")),
                ("plus", lambda c: c + "!"),
                ("fillna", lambda c: c.fillna("none")),
            ]
        )
    )
    return pair.then(f"x = {name} {what}", lambda f: f.assign(x=made(f[name])))


def time_method(draw: st.DrawFn, pair: Pair) -> Pair:
    name = _one(draw, pair, "time")
    part = draw(st.sampled_from(["year", "month", "day", "hour", "day_of_week", "quarter", "day_of_year", "minute"]))
    return pair.then(f"u = {name} {part}", lambda f: f.assign(u=getattr(f[name].dt, part)))


def sort(draw: st.DrawFn, pair: Pair) -> Pair:
    names = _some(draw, pair)
    ascending = [draw(st.booleans()) for _ in names]
    last = draw(st.sampled_from(["first", "last"]))
    return _kept(
        pair.by(
            f"sort {names} {ascending} {last}",
            lambda f: f.sort_values(names, ascending=ascending, na_position=last, stable=True),
            lambda f: f.sort_values(names, ascending=ascending, na_position=last, kind="stable"),
            ordered=pair.ordered,
        )
    )


def ends(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    which, n = draw(st.sampled_from(["head", "tail"])), draw(st.integers(0, 6))
    first = (lambda f: f.limit(n)) if which == "head" else (lambda f: f.tail(n))
    return _kept(pair.by(f"{which} {n}", lambda f: _frame(first(f)), lambda f: getattr(f, which)(n)))


def largest(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    name, n = _one(draw, pair, "number"), draw(st.integers(1, 5))
    which = draw(st.sampled_from(["nlargest", "nsmallest"]))
    up = which == "nsmallest"
    return _kept(
        pair.by(
            f"{which} {n} {name}",
            lambda f: getattr(f.dropna(subset=[name]), which)(n, name),
            lambda f: f.dropna(subset=[name]).sort_values(name, ascending=up, kind="stable").head(n),
        )
    )


def drop_duplicates(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    names, keep = _some(draw, pair), draw(st.sampled_from(["first", "last"]))
    return _kept(pair.then(f"distinct {names} {keep}", lambda f: f.drop_duplicates(names, keep=keep), ordered=False))


def dropna(draw: st.DrawFn, pair: Pair) -> Pair:
    names, how = _some(draw, pair), draw(st.sampled_from(["any", "all"]))
    return _kept(pair.then(f"dropna {names} {how}", lambda f: f.dropna(subset=names, how=how)))


def along(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    name = _one(draw, pair, "number")
    what, made = draw(
        st.sampled_from(
            [
                ("shift", lambda c: c.shift(1)),
                ("lead", lambda c: c.shift(-2)),
                ("diff", lambda c: c.diff()),
                ("cumsum", lambda c: c.cumsum()),
                ("cummax", lambda c: c.cummax()),
                ("ffill", lambda c: c.ffill()),
                ("bfill", lambda c: c.bfill()),
            ]
        )
    )
    return pair.then(f"w = {name} {what}", lambda f: f.assign(w=made(f[name])))


def rolling(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    name = _one(draw, pair, "number")
    what = draw(st.sampled_from(["sum", "mean", "min", "max", "count"]))
    size, least = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    least, center = min(size, least), draw(st.booleans())
    return pair.by(
        f"v = {name} rolling({size}, {least}, {center}) {what}",
        lambda f: f.assign(v=getattr(f[name].rolling(size, least, center=center), what)()),
        lambda f: f.assign(
            v=pd.Series(
                getattr(f[name].astype("float64").rolling(size, least, center=center), what)(), dtype="float64[pyarrow]"
            )
        ),
    )


def rank(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    name = _one(draw, pair, "number")
    method = draw(st.sampled_from(["average", "min", "max", "first", "dense"]))
    up = draw(st.booleans())
    return pair.by(
        f"q = {name} rank {method} {up}",
        lambda f: f.assign(q=f[name].rank(method, ascending=up)),
        lambda f: f.assign(q=_double(f[name].astype("float64").rank(method=method, ascending=up))),
    )


_AGGREGATES = ("sum", "min", "max", "mean", "count", "size", "nunique", "std", "median", "first", "last")


def grouped(draw: st.DrawFn, pair: Pair) -> Pair:
    keys = _some(draw, pair, "key", 2)
    values = [name for name in pair.theirs.columns if name not in keys and _is(pair, name, "number")]
    if not values:
        raise NoSuchStep
    chosen = draw(st.lists(st.sampled_from(_AGGREGATES), min_size=1, max_size=3, unique=True))
    if not pair.ordered:
        chosen = [one for one in chosen if one not in ("first", "last")] or ["sum"]
    named = {f"a{len(pair.steps)}{n}": (draw(st.sampled_from(values)), one) for n, one in enumerate(chosen)}
    dropna = draw(st.booleans())

    def theirs(frame: pd.DataFrame) -> pd.DataFrame:
        made = frame.groupby(keys, as_index=False, dropna=dropna).agg(**named)
        return _counted(made, [n for n, (_, one) in named.items() if one in ("count", "size", "nunique")])

    return _kept(
        pair.by(
            f"groupby {keys} {named} dropna={dropna}",
            lambda f: f.groupby(keys, as_index=False, dropna=dropna).agg(**named),
            theirs,
            ordered=False,
        )
    )


def transformed(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    key, name = _one(draw, pair, "key"), _one(draw, pair, "number")
    if key == name:
        raise NoSuchStep
    what = draw(st.sampled_from(["sum", "max", "cumsum", "shift", "cumcount", "mean"]))

    def made(frame: Any) -> Any:
        if what == "cumcount":
            return frame.groupby(key).cumcount()
        group = frame.groupby(key)[name]
        return getattr(group, what)() if what in ("cumsum", "shift") else group.transform(what)

    kept = pair.then(f"{key} notna", lambda f: f[f[key].notna()])
    done = kept.by(
        f"p = {what} of {name} by {key}", lambda f: f.assign(p=made(f)), lambda f: f.assign(p=_arrow(made(f)))
    )
    return _kept(done)


def merged(draw: st.DrawFn, pair: Pair) -> Pair:
    key, value = _one(draw, pair, "key"), _one(draw, pair, "number")
    if key == value or "m" in pair.theirs.columns:
        raise NoSuchStep
    how = draw(st.sampled_from(["inner", "left", "right", "outer"]))

    def step(frame: Any, columns: dict[str, Any]) -> Any:
        side = frame[frame[value] > 0].groupby(key, as_index=False, sort=False).agg(m=(value, "max"))
        return frame.merge(side, on=key, how=how, **columns)

    # pandas joins null with null, which Volley does as SQL has it: not
    kept = pair.then(f"{key} notna", lambda f: f[f[key].notna()])
    return _kept(kept.then(f"merge {how} on {key}", lambda f: step(f, {}), ordered=False))


def stacked(draw: st.DrawFn, pair: Pair) -> Pair:
    _ordered(pair)
    if len(pair.theirs) > 40:
        raise NoSuchStep
    name = _one(draw, pair, "any")
    return pair.by(
        f"concat with nulls of {name}",
        lambda f: vl.concat([f, f[f[name].isna()]]),
        lambda f: pd.concat([f, f[f[name].isna()]], ignore_index=True),
    )


def melted(draw: st.DrawFn, pair: Pair) -> Pair:
    names = _some(draw, pair, "integer")
    ids = [name for name in pair.theirs.columns if name not in names][:1]
    if {"value", "variable"} & set(pair.theirs.columns) or len({str(pair.theirs[n].dtype) for n in names}) > 1:
        raise NoSuchStep
    return pair.by(
        f"melt {names}",
        lambda f: f.melt(ids, names),
        lambda f: f.melt(ids, names).astype({"variable": "string[pyarrow]"}).astype({"variable": ARROW_TEXT}),
        ordered=False,
    )


def cast(draw: st.DrawFn, pair: Pair) -> Pair:
    name = _one(draw, pair, "integer")
    kind, theirs = draw(st.sampled_from([("float64", "double[pyarrow]"), ("string", "string[pyarrow]")]))
    wanted = ARROW_TEXT if kind == "string" else theirs
    return pair.by(f"{name} as {kind}", lambda f: f.astype({name: kind}), lambda f: f.astype({name: wanted}))


ARROW_TEXT = pd.ArrowDtype(pa.string())
STEPS: tuple[Step, ...] = (
    select,
    rename,
    drop,
    compare,
    isin,
    notna,
    between,
    either,
    arithmetic,
    number_method,
    text_method,
    time_method,
    sort,
    ends,
    largest,
    drop_duplicates,
    dropna,
    along,
    rolling,
    rank,
    grouped,
    transformed,
    merged,
    stacked,
    melted,
    cast,
)


def _kept(pair: Pair) -> Pair:
    """Number pandas' rows anew, as Volley does not number them."""
    return replace(pair, theirs=pair.theirs.reset_index(drop=True))


def _frame(made: Any) -> vl.DataFrame:
    return made if isinstance(made, vl.DataFrame) else vl.from_arrow(made)


def _double(column: pd.Series) -> pd.Series:
    return column.astype("double[pyarrow]")


def _arrow(column: pd.Series) -> pd.Series:
    return column if isinstance(column.dtype, pd.ArrowDtype) else column.astype("int64[pyarrow]")


def _counted(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(names, "int64[pyarrow]"))


@st.composite
def chains(draw: st.DrawFn, *, most: int = 4, nan: bool = False) -> Pair:
    """Draw a table and one to four steps."""
    pair = draw(pairs(nan=nan))
    for _ in range(draw(st.integers(1, most))):
        step = draw(st.sampled_from(STEPS))
        try:
            pair = step(draw, pair)
        except NoSuchStep:
            continue
    return pair
