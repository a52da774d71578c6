"""What random chains of frame methods found that pandas does otherwise, each as one case."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import PlanError

DATA = pd.DataFrame(
    {
        "k": [1, 1, 2, 3, 3, 2],
        "i": [3, -1, 2, 5, 4, 7],
        "f": [0.5, None, -2.5, None, 1.5, -0.0],
        "g": ["x", "y", "x", "z", None, "y"],
        "b": [True, False, True, True, False, False],
        "t": pd.to_datetime(
            ["2024-03-30 20:00", "2024-03-31 04:47", None, "2024-10-27 02:30", "2024-01-01 00:00", "2024-02-29 00:00"]
        )
        .tz_localize("UTC")
        .tz_convert("Europe/Rome"),
    }
)


def is_own(made):
    return type(made).__module__.startswith("volley")


def of_groups(made):
    """Return pandas' values of groups without the labels of rows, as a frame."""
    return made if is_own(made) else made.droplevel(-1).to_frame()


CHAINS = {
    "rows by a column that was left out": lambda f: f[["k", "f"]][f.g == "x"],
    "rows by it, behind other steps": lambda f: f[["k", "i"]].sort_values("i").rename(columns={"i": "j"}).loc[f.f > 0],
    "a column by one that was left out": lambda f: f[["k"]].assign(z=f.i * 2, y=lambda d: d.z + 1),
    "values by a condition on one that was left out": lambda f: f[["i", "f"]].where(f.g == "x", 0),
    "values masked by one that was left out": lambda f: f[["i"]].mask(f.b),
    "names of one column in a list": lambda f: f.groupby("k")[["i"]].agg(["min", "max"]),
    "items in their order": lambda f: f.filter(items=["g", "no", "k", "i"]),
    "index columns come first": lambda f: f.set_index("i").reset_index(),
    "lengths of days where clocks change": lambda f: f.assign(
        z=f.t - pd.Timedelta(hours=30), y=f.t + pd.Timedelta(days=1)
    ),
    "columns of rows that have keys": lambda f: f.pivot_table(index="g", columns="k", values="f", aggfunc="sum"),
    "no rows of nulls alone": lambda f: f.pivot_table(index="i", columns="b", values="f", aggfunc="min"),
    "no rows of nulls alone, without columns": lambda f: f.pivot_table(index="i", values="f", aggfunc="mean"),
    "values in order": lambda f: f.pivot_table(index="k", columns="b", values=["i", "f"], aggfunc="sum"),
    "a pivot keeps nulls": lambda f: f[["i", "b", "f"]].pivot(index="i", columns="b", values="f"),
    "fractions are cut off": lambda f: f[["f"]].dropna().astype("int64"),
    "truths as texts": lambda f: f.assign(z=f.b.astype(str)),
    "whether any number is not 0": lambda f: (f.f.any(), f.i.all(), f[["f", "b"]].any().to_dict(), (f.i * 0).any()),
    "whether any number of a group is not 0": lambda f: f.groupby("k")[["i", "b"]].all(),
    "shares of a column called count": lambda f: (
        f.rename(columns={"k": "count"})["count"]
        .value_counts(normalize=True)
        .reset_index()[["count"]]
        .sort_values("count")
    ),
    "too few values have no skewness": lambda f: f.groupby("k")[["i"]].skew().reset_index().query("i > 0"),
    "standard errors": lambda f: f.groupby("g")[["i", "f"]].sem(),
    "each value equal to a constant": lambda f: f[["k", "i", "g"]] == 2,
    "each value not equal to a constant": lambda f: f[["k", "i", "f"]].fillna(0) != 2,
    "filled for one row only": lambda f: f.assign(z=f.f.ffill(limit=1), y=f.f.bfill(limit=2))[["z", "y"]],
    "filled in groups for one row only": lambda f: f.assign(z=f.groupby("b").f.ffill(limit=1)),
    "all columns filled": lambda f: f[["f", "g"]].ffill(limit=1),
    "all but the last rows": lambda f: (f.head(-2), f.tail(-2), f.i.head(-4))[0],
    "all but the first rows": lambda f: f.tail(-4),
    "more than there are": lambda f: f.head(-100),
    "several rows of groups": lambda f: f.groupby("b").nth([0, -1]),
    "numbers of groups beside rows of none": lambda f: f.assign(z=f.groupby(["b", "g"]).ngroup()),
    "the least moment of no rows": lambda f: f[f.k > 9].assign(z=lambda d: (d.t - d.t.min()).dt.total_seconds())[["z"]],
    "pieces of nothing": lambda f: f[f.g.isna()].g.str.split(",", expand=True),
    "halves go to even digits": lambda f: f.assign(
        z=(f.f * 1.0).round(), y=(f.i / 4).round(1), x=(f.i * 12.5).round(-1)
    ),
    "greatest values of groups": lambda f: of_groups(f.groupby("k").i.nlargest(1)),
    "least values of groups": lambda f: of_groups(f.groupby("b").f.nsmallest(3)),
    "distinct values of groups": lambda f: [
        sorted(values)
        for values in (f.groupby("b").k.unique().to_pandas()["k"] if is_own(f) else f.groupby("b").k.unique())
    ],
    "spreads of populations": lambda f: (f.i.std(ddof=0), f.f.var(ddof=0), f[["i"]].std(ddof=0).to_dict()),
    "spreads of populations across columns": lambda f: f.assign(z=f[["k", "i"]].std(axis=1, ddof=0)),
    "functions that are aggregates": lambda f: (
        f.i.agg(np.mean),
        dict(f.i.agg(["min", np.max])),
        dict(f.i.agg({"a": "sum"})),
    ),
    "functions that are aggregates, of a frame": lambda f: f[["k", "i"]].agg(np.sum).to_dict(),
    "functions in lists, of a frame": lambda f: f[["k", "i"]].agg([np.sum, "mean"]).to_dict(),
    "functions of columns": lambda f: f[["k", "i"]].agg(lambda column: column.max() - column.min()).to_dict(),
    "rows of aggregates": lambda f: f.agg(most=("i", "max"), least=("i", "min")).to_dict(),
    "a method by name": lambda f: f.i.apply("sum"),
    "distinct values as a list": lambda f: sorted(f.i.unique().tolist()),
    "conditions as functions": lambda f: f.i.where(lambda x: x > 2, lambda x: -x),
    "masks as functions": lambda f: f.i.mask(lambda x: x > 2),
    "columns below each other": lambda f: (pd if isinstance(f, pd.DataFrame) else vl).concat([f.i, f.i]).to_frame(),
    "least values among nulls": lambda f: f.f.nsmallest(5),
    "separators that are regular expressions": lambda f: f.assign(z=f.g.str.split("x|y").str.len()),
}


def flat(name):
    return "_".join(part for part in map(str, name) if part) if isinstance(name, tuple) else str(name)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "encoded"])
def test_chains_give_what_pandas_gives(name, encoded):
    table = pa.Table.from_pandas(DATA, preserve_index=False)
    if encoded:
        table = table.set_column(3, "g", table["g"].cast(pa.string()).dictionary_encode())
        frame = vl.concat([vl.DataFrame(table.slice(0, 2)), vl.DataFrame(table.slice(2))])
    else:
        frame = vl.DataFrame(table)
    ours, theirs = CHAINS[name](frame), CHAINS[name](DATA)
    if not hasattr(ours, "to_pandas"):
        assert ours == theirs
        return
    ours = ours.to_pandas()
    theirs = theirs if any(label is not None for label in theirs.index.names) else theirs.reset_index(drop=True)
    if isinstance(theirs, pd.Series):
        pd.testing.assert_series_equal(ours, theirs, check_dtype=False)
        return
    theirs = theirs.set_axis([flat(label) for label in theirs.columns], axis=1)
    theirs = theirs.astype({name: object for name in theirs if ours[name].dtype == object})
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False)


def test_decimals_are_cut_to_whole_numbers():
    frame = vl.DataFrame({"d": [Decimal("1.75"), Decimal("-1.75"), None]})
    assert frame.d.astype("int64").to_list() == [1, -1, None]
    assert frame.astype({"d": int}).d.to_list() == [1, -1, None]


def test_what_a_function_of_moving_rows_finds_missing_is_null():
    made = vl.DataFrame(DATA).f.rolling(2, min_periods=1).apply(lambda values: values[-1], raw=True)
    theirs = DATA.f.rolling(2, min_periods=1).apply(lambda values: values[-1], raw=True)
    assert made.isna().to_list() == theirs.isna().tolist()
    assert np.isnan(theirs).any()


def test_columns_are_not_carried_along_where_that_would_change_rows():
    frame = vl.DataFrame(DATA)
    with pytest.raises(PlanError, match="its column 'g' was replaced or dropped"):
        frame[["k"]].drop_duplicates().filter(frame.g == "x")
    with pytest.raises(PlanError, match="belongs to another frame"):
        frame.groupby("k").i.sum().filter(frame.g == "x")
    with pytest.raises(PlanError, match="looks at rows around each row"):
        frame[["k"]][frame.k > 1].assign(z=frame.i.shift(1))
