"""Arguments that pandas' methods take and ours do not: passed over where they mean nothing, else explained."""

import inspect

import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import ArgumentNotFound, TypeMismatch, VolleyError

ROWS = {"k": [2, 1, 2, 1], "x": [4.0, 3.0, 2.0, 1.0], "s": ["a,b", "c", "d,e", "f"]}

MEANINGLESS = {
    "drop": lambda f: f.drop(["s"], axis=1),
    "drop columns": lambda f: f.drop("s", axis="columns"),
    "rename": lambda f: f.rename({"x": "y"}, axis=1),
    "sort_values": lambda f: f.sort_values("x", ignore_index=True, kind="quicksort"),
    "drop_duplicates": lambda f: f.drop_duplicates(subset=["s"], ignore_index=True),
    "groupby": lambda f: f.groupby("k", observed=True)[["x"]].sum(numeric_only=True),
    "groupby group_keys": lambda f: f.groupby("k", group_keys=False)[["x"]].max(),
    "sum": lambda f: f[["x"]].sum(axis=0, skipna=True).to_frame("sum"),
    "astype": lambda f: f.astype({"x": "int64"}, errors="raise"),
    "merge": lambda f: f.merge(f[["x", "k"]], on=["x", "k"], sort=False).sort_values("x"),
    "explode": lambda f: f.assign(s=f.s.str.split(",")).explode("s", ignore_index=True),
    "fillna": lambda f: f.fillna(0),
}


@pytest.mark.parametrize("name", MEANINGLESS)
def test_what_means_nothing_here_is_passed_over(name):
    ours, theirs = (MEANINGLESS[name](make(ROWS)) for make in (vl.DataFrame, pd.DataFrame))
    ours = ours.to_pandas() if isinstance(ours, vl.DataFrame) else ours
    assert ours.reset_index(drop=True).to_dict("list") == theirs.reset_index(drop=True).to_dict("list")


REFUSED = {
    "frames are immutable; keep what the method returns: frame = frame.drop": lambda f: f.drop("s", inplace=True),
    "sort_values has no argument 'acending' here; did you mean 'ascending'?": lambda f: f.sort_values(
        "x", acending=True
    ),
    "fillna has no argument 'method' here; use ffill": lambda f: f.fillna(method="ffill"),
    "merge has no argument 'left_index' here; use join": lambda f: f.merge(f, left_index=True, right_index=True),
    "drop has no argument 'axis' here": lambda f: f.drop("s", axis=0),
    "tz_localize has no argument 'ambiguous' here; of a time": lambda _: vl.DataFrame(
        {"t": [pd.Timestamp("2024")]}
    ).t.dt.tz_localize("UTC", ambiguous="NaT"),
    "GroupBy.head has no argument 'rows' here; available: n": lambda f: f.groupby("k").head(rows=3),
    "concat has no argument 'keys' here; mark the rows first": lambda f: vl.concat([f], keys=["a"]),
    "write sort_values": lambda f: f.sort_values("x", False),
    "write to_parquet": lambda f: f.to_parquet(),
    "Rolling.quantile: missing a required argument: 'q'": lambda f: f.x.rolling(2).quantile(),
    "no argument 'skipna' here; nulls are passed over": lambda f: f.x.sum(skipna=False),
}


@pytest.mark.parametrize("message", REFUSED)
def test_others_say_what_to_write(message):
    with pytest.raises(ArgumentNotFound) as error:
        REFUSED[message](vl.DataFrame(ROWS))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, TypeError)


def test_errors_within_a_method_stay_as_they_are():
    def broken(_):
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        vl.DataFrame(ROWS).pipe(broken)
    with pytest.raises(TypeMismatch):
        vl.DataFrame(ROWS).x.fillna("a")


def test_methods_keep_their_signatures_and_names():
    sort = vl.DataFrame.sort_values
    assert list(inspect.signature(sort).parameters) == [
        "self",
        "by",
        "ascending",
        "na_position",
        "stable",
        "kind",
        "key",
    ]
    assert sort.__name__ == "sort_values"
    assert (vl.DataFrame.isna, vl.DataFrame.collect) == (vl.DataFrame.isnull, vl.DataFrame.to_arrow)


def test_every_refusal_is_one_of_volley():
    frame = vl.DataFrame(ROWS)
    for thing in (frame, frame.x, frame.s.str, frame.groupby("k")):
        for name in dir(type(thing)):
            member = inspect.getattr_static(type(thing), name)
            if name.startswith("_") or not inspect.isfunction(member) or "kwargs" in str(inspect.signature(member)):
                continue
            if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(member).parameters.values()):
                continue
            if name in ("query", "eval"):  # look at their caller's variables
                continue
            with pytest.raises(VolleyError):
                getattr(thing, name)(no_such_argument=1)
