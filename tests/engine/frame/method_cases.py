"""For each of pandas' most used names that works here, what shows it: one chain run in both, per class.

A case is a function of a frame (a pandas or a Volley one), or a pair of functions, ours and theirs, where the spelling
differs: a list instead of an index, a frame instead of a Series. The columns of the frame are k (few integers), g (text
with nulls), v (floats with nulls), w (floats, all different), t (timestamps), p (booleans), and i, its row's number.
"""

from __future__ import annotations

import contextlib
import io
import sqlite3
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Case = Callable[[Any], Any] | tuple[Callable[[Any], Any], Callable[[Any], Any]]
N = ["k", "v", "w"]


def melted(made: Any, *args: Any, **options: Any) -> Any:
    """Return the molten frame with the rows that are made of one row together, as Volley gives them."""
    if not isinstance(made, pd.DataFrame):
        return made.melt(*args, **options)
    return made.melt(*args, **options, ignore_index=False).sort_index(kind="stable").reset_index(drop=True)


def written(method: str, suffix: str, read: Callable[[Any], Any], **options: Any) -> Case:
    """Return a case that writes a file by a method and reads it back."""

    def case(made: Any) -> Any:
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / f"file.{suffix}")
            own = {} if type(made).__module__.startswith("volley") else options
            getattr(made, method)(path, **own)
            return read(path)

    return case


def quiet(made: Callable[[], Any]) -> Any:
    """Return what a function makes that pandas is about to give up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made()


def stored(made: Any) -> pd.DataFrame:
    """Return what a database has after rows were written into it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        made.to_sql("rows", connection, index=False)
        return pd.read_sql_query("select * from rows", connection)


def text_of(made: Any) -> str:
    out = io.StringIO()
    made.info(buf=out)
    return "w" if "w" in out.getvalue() else ""


FRAME: dict[str, Case] = {
    "at_time": (
        lambda f: f.at_time("23:46:58", on="t"),
        lambda f: f.set_index("t", drop=False).at_time("23:46:58").reset_index(drop=True),
    ),
    "asfreq": lambda f: (
        f[["t", "v", "g"]].drop_duplicates("t").set_index("t").sort_index().asfreq("5h", method="ffill").reset_index()
    ),
    "at": lambda f: (f.set_index("i").at[3, "w"], f.at[4, "k"]),
    "between_time": (
        lambda f: f.between_time("22:00", "3:00", on="t"),
        lambda f: f.set_index("t", drop=False).between_time("22:00", "3:00").reset_index(drop=True),
    ),
    "combine_first": (
        lambda f: f[["i", "v", "g"]].set_index("i").combine_first(f.assign(i=f.i + 7)[["i", "v", "w"]].set_index("i")),
        lambda f: (
            f[["i", "v", "g"]]
            .set_index("i")
            .combine_first(f.assign(i=f.i + 7)[["i", "v", "w"]].set_index("i"))[["v", "g", "w"]]
        ),
    ),
    "droplevel": lambda f: f.set_index(["k", "i"]).droplevel("k"),
    "first_valid_index": lambda f: (f[["v"]].first_valid_index(), f.set_index("w").first_valid_index()),
    "last_valid_index": lambda f: (f[["v"]].last_valid_index(), f[["w", "v"]].set_index("w").last_valid_index()),
    "reindex_like": lambda f: f[["k", "w", "i"]].reindex_like(f[["w", "k"]].head(60)),
    "reorder_levels": lambda f: f.set_index(["k", "p", "i"]).reorder_levels(["i", "k", "p"]),
    "swaplevel": lambda f: f.set_index(["k", "p", "i"]).swaplevel(),
    "take": lambda f: f.take([3, 0, 3, 7]).reset_index(drop=True),
    "truncate": lambda f: f.set_index("i").truncate(5, 20),
    "tz_convert": lambda f: f.set_index("t").tz_localize("UTC").tz_convert("Europe/Rome"),
    "tz_localize": lambda f: f.set_index("t").tz_localize("UTC"),
    "xs": lambda f: f.set_index(["k", "i"]).xs(2),
    "T": lambda f: f[N].T,
    "abs": lambda f: f[N].abs(),
    "add": lambda f: f[N].add(1),
    "add_prefix": lambda f: f.add_prefix("a_"),
    "add_suffix": lambda f: f.add_suffix("_a"),
    "agg": lambda f: f.agg({"k": "sum", "w": "mean"}),
    "aggregate": lambda f: f[["k", "w"]].aggregate(["min", "max"]),
    "all": lambda f: f[["p"]].all(),
    "any": lambda f: f[["p"]].any(),
    "apply": lambda f: f[N].apply(lambda c: c.max() - c.min()),
    "assign": lambda f: f.assign(z=f.w * 2, y=lambda d: d.z + 1),
    "astype": lambda f: f[["k"]].astype("float64"),
    "bfill": lambda f: f[["g", "v"]].bfill(),
    "boxplot": lambda f: type(f[N].boxplot()).__name__,
    "clip": lambda f: f[N].clip(-1, 1),
    "columns": lambda f: list(f.columns),
    "copy": lambda f: f.copy(),
    "corr": lambda f: f[N].corr(),
    "corrwith": lambda f: f[N].corrwith(f.w),
    "count": lambda f: f.count(),
    "cov": lambda f: f[N].cov(),
    "cummax": lambda f: f[N].cummax(),
    "cummin": lambda f: f[N].cummin(),
    "cumprod": lambda f: f[N].cumprod(),
    "cumsum": lambda f: f[N].cumsum(),
    "describe": lambda f: f[N].describe(),
    "diff": lambda f: f[N].diff(2),
    "div": lambda f: f[N].div(2),
    "divide": lambda f: f[N].divide({"k": 2, "v": 4, "w": 8}),
    "drop": lambda f: f.drop(columns=["k"]),
    "drop_duplicates": lambda f: f.drop_duplicates(["k", "g"]).sort_values("w"),
    "dropna": lambda f: f.dropna(subset=["v"]),
    "dtypes": (lambda f: [str(t) for t in f[N].dtypes.values()], lambda f: [str(t) for t in f[N].dtypes]),
    "duplicated": lambda f: f.duplicated(["k", "g"]),
    "empty": lambda f: (f.empty, f[f.w > 1e9].empty),
    "eq": lambda f: f[["k", "w"]].eq(1),
    "equals": lambda f: (f.equals(f.copy()), f.equals(f[f.w > 0])),
    "eval": lambda f: f.eval("z = w * 2 + k"),
    "expanding": lambda f: f[N].expanding().mean(),
    "explode": (
        lambda f: f.assign(s=f.g.str.split("y"))[["i", "s"]].explode("s"),
        lambda f: f.assign(s=f.g.str.split("y"))[["i", "s"]].explode("s"),
    ),
    "ffill": lambda f: f[["g", "v"]].ffill(),
    "fillna": lambda f: f.fillna({"v": 0.5, "g": "none"}),
    "filter": lambda f: f.filter(items=["k", "w"]),
    "floordiv": lambda f: f[["k"]].floordiv(2),
    "ge": lambda f: f[["k", "w"]].ge(1),
    "get": lambda f: f.get("w"),
    "groupby": lambda f: f.groupby(["k", "g"]).agg(n=("w", "size"), m=("v", "mean")),
    "gt": lambda f: f[["k", "w"]].gt(1),
    "head": lambda f: f.head(3),
    "hist": lambda f: f[["w"]].hist().size,
    "iat": lambda f: f.iat[3, 2],
    "idxmax": lambda f: f[["i", "w"]].set_index("i").idxmax(),
    "idxmin": lambda f: f[["i", "v", "w"]].set_index("i").idxmin(),
    "iloc": lambda f: f.iloc[3:7, [0, 2]],
    "index": (lambda f: list(f.set_index("k").index), lambda f: list(f.set_index("k").index.names)),
    "info": lambda f: text_of(f[["w"]]),
    "interpolate": lambda f: f[["v"]].interpolate(),
    "isin": lambda f: f.isin([2, "x"]),
    "isna": lambda f: f.isna(),
    "isnull": lambda f: f.isnull(),
    "items": lambda f: [name for name, _ in f.items()],
    "iterrows": (
        lambda f: [(n, row["k"]) for n, row in f.iterrows()],
        lambda f: [(n, row["k"]) for n, row in f.iterrows()],
    ),
    "itertuples": lambda f: [(row.Index, row.k) for row in f.itertuples()],
    "join": lambda f: f[["i", "w"]].join(f[["i", "v"]].set_index("i"), on="i").sort_values("i"),
    "keys": lambda f: list(f.keys()),
    "kurt": lambda f: f[N].kurt(),
    "kurtosis": lambda f: f[N].kurtosis(),
    "le": lambda f: f[["k", "w"]].le(1),
    "loc": lambda f: f.loc[f.w > 0, ["k", "w"]],
    "lt": lambda f: f[["k", "w"]].lt(1),
    "map": (lambda f: f[["w"]].map(lambda x: x / 2), lambda f: f[["w"]].map(lambda x: x / 2)),
    "mask": lambda f: f[N].mask(f.w > 0),
    "max": lambda f: f[N].max(),
    "mean": lambda f: f[N].mean(),
    "median": lambda f: f[N].median(),
    "melt": lambda f: melted(f, id_vars=["k"], value_vars=["v", "w"]),
    "merge": lambda f: f[["i", "k"]].merge(f[["i", "w"]], on="i").sort_values("i"),
    "min": lambda f: f[N].min(),
    "mod": lambda f: f[["k"]].mod(2),
    "mode": lambda f: f[["k", "g"]].mode(),
    "mul": lambda f: f[N].mul(3),
    "multiply": lambda f: f[N].multiply(3),
    "ndim": lambda f: f.ndim,
    "ne": lambda f: f[["k", "w"]].ne(1),
    "nlargest": lambda f: f.nlargest(3, "w"),
    "notnull": lambda f: f.notnull(),
    "nsmallest": lambda f: f.nsmallest(3, "w"),
    "nunique": lambda f: f.nunique(),
    "pct_change": lambda f: f[["w"]].pct_change(),
    "pipe": lambda f: f.pipe(lambda d, n: d.head(n), 2),
    "pivot": lambda f: f[["i", "p", "w"]].pivot(index="i", columns="p", values="w"),
    "pivot_table": lambda f: f.pivot_table(values="w", index="k", columns="g", aggfunc="mean"),
    "plot": lambda f: type(f[["i", "w"]].plot(x="i")).__name__,
    "pow": lambda f: f[N].pow(2),
    "prod": lambda f: f[["w"]].prod(),
    "product": lambda f: f[["w"]].product(),
    "quantile": lambda f: f[N].quantile(0.3),
    "query": lambda f: f.query("w > 0 and k in [1, 2]"),
    "rank": lambda f: f[N].rank(),
    "reindex": lambda f: f.reindex(columns=["w", "k"]),
    "rename": lambda f: f.rename(columns={"k": "key"}),
    "rename_axis": lambda f: f[["i", "w"]].set_index("i").rename_axis("row"),
    "replace": lambda f: f[["k", "w"]].replace({1: 100}),
    "reset_index": lambda f: f.set_index("k").reset_index(),
    "resample": lambda f: f[["t", "v", "w"]].resample("D", on="t").mean().reset_index(),
    "ewm": lambda f: f[N].ewm(span=4, min_periods=2).mean(),
    "rolling": lambda f: f[N].rolling(3, min_periods=1).sum(),
    "round": lambda f: f[["w"]].round(2),
    "sample": lambda f: len(f.sample(7)),
    "select_dtypes": lambda f: f.select_dtypes("number"),
    "sem": lambda f: f[N].sem(),
    "set_axis": (lambda f: f[N].set_axis(["a", "b", "c"]), lambda f: f[N].set_axis(["a", "b", "c"], axis=1)),
    "set_index": lambda f: f.set_index(["k", "i"]),
    "shape": lambda f: f.shape,
    "shift": lambda f: f[["k", "v"]].shift(2),
    "size": lambda f: f.size,
    "skew": lambda f: f[N].skew(),
    "sort_index": lambda f: f.set_index("w").sort_index(ascending=False),
    "sort_values": lambda f: f.sort_values(["k", "w"], ascending=[False, True]),
    "squeeze": lambda f: f[["w"]].squeeze(axis=1),
    "stack": lambda f: f[["k", "w"]].stack(),
    "std": lambda f: f[N].std(),
    "style": lambda f: type(f[N].style).__name__,
    "sub": lambda f: f[N].sub(1),
    "subtract": lambda f: f[N].subtract(1),
    "sum": lambda f: f[N].sum(),
    "tail": lambda f: f.tail(3),
    "to_csv": lambda f: written("to_csv", "csv", pd.read_csv, index=False)(f[N]),
    "to_dict": (lambda f: f[N].to_dict("records")[:2], lambda f: f[N].to_dict("records")[:2]),
    "to_feather": lambda f: written("to_feather", "feather", pd.read_feather)(f[["k", "w"]]),
    "to_html": lambda f: f[["k"]].to_html(),
    "to_json": (
        written("to_json", "json", lambda path: pd.read_json(path, lines=True)[["k", "w"]]),
        lambda f: f[["k", "w"]],
    ),
    "to_latex": lambda f: f[["k"]].to_latex(),
    "to_numpy": lambda f: f[N].to_numpy(),
    "to_parquet": written("to_parquet", "parquet", pd.read_parquet, index=False),
    "to_pickle": lambda f: written("to_pickle", "pickle", pd.read_pickle)(f[N]),
    "to_records": lambda f: f[["k", "w"]].to_records(index=False).tolist(),
    "to_sql": lambda f: stored(f[N]),
    "to_stata": lambda f: written("to_stata", "dta", pd.read_stata)(f[N]),
    "to_string": lambda f: f[["k"]].to_string(),
    "transform": lambda f: f[N].transform(lambda c: c - c.min()),
    "transpose": lambda f: f[N].transpose(),
    "unstack": lambda f: f[["i", "k", "w"]].set_index(["i", "k"]).unstack(),
    "value_counts": (
        lambda f: f.value_counts(["k", "g"]).sort_values(["k", "g"]).to_pandas()["count"].tolist(),
        lambda f: f.value_counts(["k", "g"]).sort_index().tolist(),
    ),
    "values": lambda f: f[N].values,
    "var": lambda f: f[N].var(),
    "where": lambda f: f[N].where(f.w > 0),
}

SERIES: dict[str, Case] = {
    "argsort": lambda f: f.w.argsort(),
    "asfreq": lambda f: f.drop_duplicates("t").set_index("t").sort_index().w.asfreq("D", method="bfill").tolist(),
    "at_time": lambda f: f.set_index("t").w.at_time("10:06").tolist(),
    "between_time": lambda f: f.set_index("t").w.between_time("22:00", "3:00").tolist(),
    "combine": lambda f: f.w.combine(f.k, max),
    "compare": lambda f: f.k.compare(f.i).reset_index(drop=True),
    "droplevel": lambda f: f.set_index(["k", "i"]).w.droplevel("k").tolist(),
    "factorize": lambda f: [list(map(int, f.g.factorize()[0].tolist())), list(f.g.factorize(sort=True)[1])],
    "first_valid_index": lambda f: (f.g.first_valid_index(), f.set_index("w").v.first_valid_index()),
    "last_valid_index": lambda f: (f.g.last_valid_index(), f.set_index("w").v.last_valid_index()),
    "reindex": lambda f: f.set_index("i").w.reindex([50, 3, 7]).tolist(),
    "reorder_levels": lambda f: f.set_index(["k", "i"]).w.reorder_levels(["i", "k"]).tolist(),
    "repeat": lambda f: f.g.repeat(f.k),
    "resample": lambda f: f.set_index("t").w.resample("2D").mean().reset_index()["w"].to_numpy(),
    "reset_index": lambda f: f.set_index("k").w.reset_index(name="z"),
    "searchsorted": lambda f: int(f.w.sort_values().searchsorted(0.5)),
    "sort_index": lambda f: f.set_index("w").v.sort_index(ascending=False).reset_index(drop=True),
    "swaplevel": lambda f: f.set_index(["k", "i"]).w.swaplevel().tolist(),
    "take": lambda f: f.w.take([3, 0, 7]),
    "to_dict": lambda f: (f.w.to_dict(), f.set_index("i").w.to_dict()),
    "truncate": lambda f: f.set_index("i").w.truncate(5, 20).tolist(),
    "tz_convert": lambda f: f.set_index("t").tz_localize("UTC").w.tz_convert("Asia/Tokyo").tolist(),
    "tz_localize": lambda f: f.set_index("t").w.tz_localize("UTC").tolist(),
    "xs": lambda f: f.set_index(["k", "i"]).w.xs(2).tolist(),
    "T": lambda f: f.w.T,
    "abs": lambda f: f.w.abs(),
    "add": lambda f: f.w.add(f.k),
    "agg": (lambda f: f.w.agg(["min", "max"]), lambda f: f.w.agg(["min", "max"]).to_dict()),
    "aggregate": lambda f: f.w.aggregate("sum"),
    "all": lambda f: (f.p.all(), (f.w < 1e9).all()),
    "any": lambda f: (f.p.any(), (f.w > 1e9).any()),
    "apply": lambda f: f.w.apply(lambda x: x * 2.0 + 1.0),
    "argmax": lambda f: f.w.argmax(),
    "argmin": lambda f: f.v.argmin(),
    "astype": lambda f: f.k.astype("float64"),
    "autocorr": lambda f: f.v.autocorr(2),
    "between": lambda f: f.w.between(-1, 1),
    "bfill": lambda f: f.v.bfill(),
    "cat": (
        lambda f: (f.g.astype("category").cat.categories, f.g.astype("category").cat.codes.to_list()),
        lambda f: (f.g.astype("category").cat.categories.tolist(), f.g.astype("category").cat.codes.tolist()),
    ),
    "clip": lambda f: f.w.clip(-1, 1),
    "combine_first": lambda f: f.v.combine_first(f.w),
    "copy": lambda f: f.w.copy(),
    "corr": lambda f: f.v.corr(f.w),
    "count": lambda f: f.v.count(),
    "cov": lambda f: f.v.cov(f.w),
    "cummax": lambda f: f.v.cummax(),
    "cummin": lambda f: f.v.cummin(),
    "cumprod": lambda f: f.v.cumprod(),
    "cumsum": lambda f: f.v.cumsum(),
    "describe": lambda f: f.w.describe(),
    "diff": lambda f: f.w.diff(),
    "div": lambda f: f.w.div(2),
    "divide": lambda f: f.w.divide(2),
    "dot": lambda f: f.w.dot(f.k),
    "drop": lambda f: f.set_index("i").w.drop([0, 7]).tolist(),
    "drop_duplicates": lambda f: f.k.drop_duplicates(keep="last"),
    "dropna": lambda f: f.v.dropna(),
    "dt": lambda f: f.t.dt.month,
    "dtype": lambda f: str(f.w.dtype),
    "dtypes": lambda f: str(f.w.dtypes),
    "duplicated": lambda f: f.k.duplicated(),
    "empty": lambda f: (f.w.empty, f[f.w > 1e9].w.empty),
    "eq": lambda f: f.k.eq(2),
    "equals": lambda f: (f.w.equals(f.w), f.w.equals(f.v)),
    "expanding": lambda f: f.v.expanding(2).max(),
    "explode": lambda f: f.g.str.split("y").explode(),
    "ffill": lambda f: f.v.ffill(),
    "fillna": lambda f: f.v.fillna(0),
    "floordiv": lambda f: f.k.floordiv(2),
    "ge": lambda f: f.w.ge(0),
    "groupby": (lambda f: f.w.groupby(f.k).sum().to_pandas()["w"], lambda f: f.w.groupby(f.k).sum()),
    "gt": lambda f: f.w.gt(0),
    "head": lambda f: f.w.head(3),
    "hist": lambda f: type(f.w.hist()).__name__,
    "iat": lambda f: f.w.iat[3],
    "idxmax": lambda f: f.set_index("i").w.idxmax(),
    "idxmin": lambda f: f.set_index("i").v.idxmin(),
    "iloc": lambda f: (f.w.iloc[3], f.w.iloc[-1]),
    "info": lambda f: text_of(f.w),
    "interpolate": lambda f: f.v.interpolate(),
    "isin": lambda f: f.g.isin(["x"]),
    "isna": lambda f: f.v.isna(),
    "isnull": lambda f: f.v.isnull(),
    "item": lambda f: f.w[f.w == f.w.max()].item() if isinstance(f, pd.DataFrame) else f[f.w == f.w.max()].w.item(),
    "items": lambda f: list(f.w.items()),
    "kurt": lambda f: f.v.kurt(),
    "kurtosis": lambda f: f.w.kurtosis(),
    "le": lambda f: f.w.le(0),
    "loc": lambda f: f.w.loc[f.k == 2],
    "lt": lambda f: f.w.lt(0),
    "map": lambda f: f.k.map({1: "one", 2: "two"}),
    "mask": lambda f: f.w.mask(f.k == 1),
    "max": lambda f: f.v.max(),
    "mean": lambda f: f.v.mean(),
    "median": lambda f: f.v.median(),
    "min": lambda f: f.v.min(),
    "mod": lambda f: f.k.mod(2),
    "mode": (lambda f: f.k.mode(), lambda f: f.k.mode()[0]),
    "mul": lambda f: f.w.mul(f.k),
    "multiply": lambda f: f.w.multiply(2),
    "name": lambda f: f.w.name,
    "ndim": lambda f: f.w.ndim,
    "ne": lambda f: f.k.ne(2),
    "nlargest": lambda f: f.w.nlargest(3),
    "notnull": lambda f: f.v.notnull(),
    "nsmallest": lambda f: f.w.nsmallest(3),
    "nunique": lambda f: f.g.nunique(),
    "pct_change": lambda f: f.w.pct_change(),
    "pipe": lambda f: f.w.pipe(lambda s, n: s + n, 3),
    "plot": lambda f: type(f.w.plot()).__name__,
    "pow": lambda f: f.w.pow(2),
    "prod": lambda f: f.w.prod(),
    "product": lambda f: f.w.product(),
    "quantile": lambda f: f.v.quantile(0.3),
    "rank": lambda f: f.v.rank(method="dense"),
    "rename": lambda f: f.w.rename("z").name,
    "replace": lambda f: f.k.replace([1, 2], 7),
    "ewm": lambda f: f.v.ewm(com=1.5, adjust=False).mean(),
    "rolling": lambda f: f.v.rolling(3, min_periods=2, center=True).std(),
    "round": lambda f: f.w.round(2),
    "sample": lambda f: len(f.w.sample(7)),
    "sem": lambda f: f.v.sem(),
    "shape": lambda f: f.w.shape,
    "shift": lambda f: f.v.shift(-2),
    "size": lambda f: f.w.size,
    "skew": lambda f: f.v.skew(),
    "sort_values": lambda f: f.w.sort_values(ascending=False),
    "squeeze": (lambda f: f[f.w == f.w.max()].w.squeeze(), lambda f: f.w[f.w == f.w.max()].squeeze()),
    "std": lambda f: f.v.std(),
    "str": lambda f: f.g.str.upper(),
    "sub": lambda f: f.w.sub(f.k),
    "subtract": lambda f: f.w.subtract(1),
    "sum": lambda f: f.v.sum(),
    "tail": lambda f: f.w.tail(3),
    "to_csv": lambda f: written("to_csv", "csv", pd.read_csv, index=False)(f.w),
    "to_frame": lambda f: f.w.to_frame(),
    "to_json": (
        lambda f: written("to_json", "json", lambda path: pd.read_json(path, lines=True)["w"])(f.w),
        lambda f: f.w,
    ),
    "to_latex": lambda f: f.k.to_latex(),
    "to_list": lambda f: f.w.to_list(),
    "to_numpy": lambda f: f.v.to_numpy(),
    "to_pickle": lambda f: written("to_pickle", "pickle", pd.read_pickle)(f.w),
    "to_sql": lambda f: stored(f.w),
    "to_string": lambda f: f.k.to_string(),
    "tolist": lambda f: f.w.tolist(),
    "transform": lambda f: f.w.transform("cumsum"),
    "transpose": lambda f: f.w.transpose(),
    "unique": lambda f: sorted(f.k.unique()),
    "unstack": lambda f: (
        f[["i", "k", "w"]].set_index(["i", "k"]).w.unstack()
        if isinstance(f, pd.DataFrame)
        else f[["i", "k", "w"]].set_index(["i", "k"]).unstack()["w"]
    ),
    "value_counts": (
        lambda f: f.k.value_counts().sort_values("k").to_pandas()["count"].tolist(),
        lambda f: f.k.value_counts().sort_index().tolist(),
    ),
    "values": lambda f: f.v.values,
    "var": lambda f: f.v.var(),
    "where": lambda f: f.w.where(f.k == 1),
}

GROUPS: dict[str, Case] = {
    "corrwith": lambda f: quiet(lambda: f[["k", *N[1:]]].groupby("k").corrwith(f.w)),
    "agg": lambda f: f.groupby("k").agg(s=("w", "sum"), n=("g", "nunique")),
    "aggregate": lambda f: f.groupby("k").aggregate({"w": "max"}),
    "all": lambda f: f[["k", "p"]].groupby("k").all(),
    "any": lambda f: f[["k", "p"]].groupby("k").any(),
    "apply": (
        lambda f: f.groupby("k").apply(lambda d: (d.v * d.w).sum(), float).to_pandas().iloc[:, 0],
        lambda f: f.groupby("k").apply(lambda d: (d.v * d.w).sum()),
    ),
    "bfill": lambda f: f.groupby("k")[["v", "w"]].bfill(),
    "count": lambda f: f.groupby("k").count(),
    "cummax": lambda f: f.groupby("k").v.cummax(),
    "cummin": lambda f: f.groupby("k").v.cummin(),
    "cumprod": lambda f: f.groupby("k").v.cumprod(),
    "cumsum": lambda f: f.groupby("k").v.cumsum(),
    "describe": (
        lambda f: f.groupby("k")[["v", "w"]].describe(),
        lambda f: f.groupby("k")[["v", "w"]].describe().pipe(lambda d: d.set_axis(["_".join(c) for c in d], axis=1)),
    ),
    "diff": lambda f: f.groupby("k").w.diff(),
    "expanding": (
        lambda f: f.groupby("k").v.expanding().mean(),
        lambda f: f.groupby("k").v.expanding().mean().droplevel(0).sort_index(),
    ),
    "ffill": lambda f: f.groupby("k")[["v", "w"]].ffill(),
    "first": lambda f: f.assign(c=f.k * 2)[["k", "c"]].groupby("k").first(),
    "head": lambda f: f.groupby("k").head(2),
    "idxmax": lambda f: f[["i", "k", "w"]].set_index("i").groupby("k").idxmax(),
    "idxmin": lambda f: f[["i", "k", "w"]].set_index("i").groupby("k").idxmin(),
    "kurt": lambda f: f.groupby("k")[["v", "w"]].kurt(),
    "last": lambda f: f.assign(c=f.k * 2)[["k", "c"]].groupby("k").last(),
    "max": lambda f: f.groupby("k")[["v", "w"]].max(),
    "mean": lambda f: f.groupby("k")[["v", "w"]].mean(),
    "median": lambda f: f.groupby("k")[["v", "w"]].median(),
    "min": lambda f: f.groupby("k")[["v", "w"]].min(),
    "ndim": lambda f: (f.groupby("k").ndim, f.groupby("k").w.ndim),
    "nunique": lambda f: f.groupby("k")[["g", "v"]].nunique(),
    "pct_change": lambda f: f.groupby("k").w.pct_change(),
    "pipe": lambda f: f.groupby("k").pipe(lambda g: g.ngroups),
    "prod": lambda f: f.groupby(["k", "g", "p"])[["v"]].prod(min_count=2),
    "quantile": (
        lambda f: f.groupby("k")[["v", "w"]].quantile([0.3, 0.9]),
        lambda f: f.groupby("k")[["v", "w"]].quantile([0.3, 0.9]).rename_axis(["k", "quantile"]),
    ),
    "resample": lambda f: f.groupby("k").resample("D", on="t")[["v", "w"]].mean(),
    "rank": lambda f: f.groupby("k").v.rank(),
    "ewm": (
        lambda f: f.groupby("k").v.ewm(halflife=2).mean(),
        lambda f: f.groupby("k").v.ewm(halflife=2).mean().droplevel(0).sort_index(),
    ),
    "rolling": (
        lambda f: f.groupby("k").v.rolling(3, min_periods=1).sum(),
        lambda f: f.groupby("k").v.rolling(3, min_periods=1).sum().droplevel(0).sort_index(),
    ),
    "sample": lambda f: len(f.groupby("k").sample(2)),
    "sem": lambda f: f.groupby("k")[["v", "w"]].sem(),
    "shift": lambda f: f.groupby("k").v.shift(1),
    "size": (lambda f: f.groupby("k").size().to_pandas()["size"], lambda f: f.groupby("k").size()),
    "skew": lambda f: f.groupby("k")[["v", "w"]].skew(),
    "std": lambda f: f.groupby("k")[["v", "w"]].std(),
    "sum": lambda f: f.groupby(["k", "g", "p"])[["v", "w"]].sum(min_count=4),
    "tail": lambda f: f.groupby("k").tail(1),
    "corr": (
        lambda f: f.groupby("k")[["v", "w"]].corr().to_pandas().rename_axis(["k", None]),
        lambda f: f.groupby("k")[["v", "w"]].corr(),
    ),
    "cov": (
        lambda f: f.groupby("k")[["v", "w"]].cov().to_pandas().rename_axis(["k", None]),
        lambda f: f.groupby("k")[["v", "w"]].cov(),
    ),
    "filter": lambda f: f.groupby("k").filter(lambda g: g.w.mean() > 0),
    "transform": lambda f: f.groupby("k").v.transform(lambda x: (x - x.mean()) / x.std()),
    "value_counts": (
        lambda f: f.groupby("k").g.value_counts().sort_values(["k", "g"]).to_pandas()["count"].tolist(),
        lambda f: f.groupby("k").g.value_counts().sort_index().tolist(),
    ),
    "var": lambda f: f.groupby("k")[["v", "w"]].var(),
}
CASES: dict[str, dict[str, Case]] = {"DataFrame": FRAME, "Series": SERIES, "GroupBy": GROUPS}


def outcome(case: Case, frame: Any) -> Any:
    """Return what a case makes of a frame, in pandas."""
    function = case if callable(case) else case[0 if type(frame).__module__.startswith("volley") else 1]
    made = function(frame)
    return made.to_pandas() if type(made).__module__.startswith("volley") else made


def assert_same(ours: Any, theirs: Any) -> None:
    """Compare two outcomes; rows without labels count as numbered."""
    if isinstance(theirs, pd.DataFrame | pd.Series):
        if (
            isinstance(theirs.index, pd.RangeIndex | pd.Index)
            and theirs.index.names == [None]
            and ours.index.equals(pd.RangeIndex(len(ours)))
        ):
            theirs = theirs.reset_index(drop=True)
        if isinstance(theirs, pd.Series):
            pd.testing.assert_series_equal(ours, theirs, check_dtype=False, check_names=False, check_index_type=False)
            return
        theirs, ours = (d.set_axis([_flat(c) for c in d.columns], axis=1) for d in (theirs, ours))
        theirs = theirs.astype({c: object for c in theirs if ours[c].dtype == object})
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False, check_column_type=False)
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float))
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key, one in theirs.items():
            assert_same(ours[key], one)
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs)
    else:
        assert ours == theirs


def _flat(label: Any) -> str:
    return "_".join(map(str, label)) if isinstance(label, tuple) else str(label)
