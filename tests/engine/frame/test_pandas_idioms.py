"""Lines that people who know pandas write without thinking: each gives what pandas gives."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import ConfigError, PlanError, TypeMismatch, UserFunctionError, VolleyError

DATA = pd.DataFrame(
    {
        "k": ["b", "a", "b", None, "a", "b"],
        "n": [1, 2, 3, 4, 5, 6],
        "x": [1.5, None, -2.0, 4.0, 0.0, 1.5],
        "s": ["Smith, John", " two  words ", "a,b,c", None, "", "Ana"],
        "p": [True, False, True, True, False, False],
        "t": pd.to_datetime(["2024-01-30", "2024-01-31", "2024-02-02", "2024-02-02", "2024-03-01", "2024-03-05"]),
    }
)
BY_K = ["k"]

SAME = {
    # texts
    "a piece of a text": lambda f: f.s.str.split(",").str[0],
    "the last piece": lambda f: f.s.str.split(",").str[-1],
    "a piece by get": lambda f: f.s.str.split(",").str.get(1),
    "number of pieces": lambda f: f.s.str.split(",").str.len(),
    "pieces joined": lambda f: f.s.str.split(",").str.join("-"),
    "words": lambda f: f.s.dropna().str.split(),
    "number of words": lambda f: f.s.str.split().str.len(),
    "a text cut once": lambda f: f.s.str.split(",", n=1).str[1],
    "contains": lambda f: f[f.s.str.contains("smith", case=False, na=False)],
    "contains no pattern": lambda f: f[f.s.str.contains(",", regex=False, na=True)],
    "starts with one of": lambda f: f[f.s.str.startswith(("S", "A"), na=False)],
    "ends with": lambda f: f[f.s.str.endswith("n", na=False)],
    "matches": lambda f: f[f.s.str.match(r"ana", case=False, na=False)],
    # aggregates and values for others
    "named aggregates of one column": lambda f: (
        f.groupby("k").n.agg(total="sum", most=max, number="count").reset_index()
    ),
    "each value for its own": lambda f: f.n.replace([1, 2], [10, 20]),
    "values for one": lambda f: f.n.replace([1, 2], 0),
    # choices
    "where of numpy": lambda f: f.assign(z=np.where(f.n > 2, "hi", "lo")).z,
    "where of columns": lambda f: f.assign(z=np.where(f.n > 2, f.n, -f.n)).z,
    "select of numpy": lambda f: f.assign(z=np.select([f.n > 4, f.n > 2], ["hi", "mid"], default="lo")).z,
    "unique of numpy": lambda f: np.unique(f.n).tolist(),
    # counts
    "shares": lambda f: f.k.value_counts(normalize=True),
    "least first": lambda f: f.n.where(f.n < 3, 3).value_counts(ascending=True).head(3),
    "quantiles": lambda f: f.x.quantile([0.25, 0.5]),
    "quantiles of columns": lambda f: f[["n", "x"]].quantile([0.25, 0.5]),
    # across columns
    "sum across": lambda f: f[["n", "x"]].sum(axis=1),
    "mean across": lambda f: f[["n", "x"]].mean(axis=1),
    "least across": lambda f: f[["n", "x"]].min(axis=1),
    "greatest across": lambda f: f[["n", "x"]].max(axis="columns"),
    "deviation across": lambda f: f.assign(y=f.n * 2.0)[["n", "x", "y"]].std(axis=1),
    "middle across": lambda f: f.assign(y=f.n * 2.0)[["n", "x", "y"]].median(axis=1),
    "number across": lambda f: f[["s", "x"]].count(axis=1),
    "any across": lambda f: f.assign(q=f.n > 2)[["p", "q"]].any(axis=1),
    "all across": lambda f: f.assign(q=f.n > 2)[["p", "q"]].all(axis=1),
    "a sum of some columns beside them": lambda f: f.assign(u=f.n, z=f[["n", "x"]].sum(axis=1), y=f.n * 2)[["n", "z"]],
    "rows with any null": lambda f: f[f[["k", "x"]].isna().any(axis=1)],
    "rows with a null of all columns": lambda f: f[f.isna().any(axis=1)].n,
    "a column of a choice of columns": lambda f: f.assign(z=f[["n", "x"]].rename(columns={"n": "m"}).m + 1).z,
    "truths across": lambda f: f.isna()[["k", "x"]].sum(axis=1),
    # groups
    "lists of groups": lambda f: f.groupby("k").n.agg(list),
    "lists by apply": lambda f: f.groupby("k").n.apply(list),
    "texts joined": lambda f: f[f.n != 4].groupby("k").s.agg(" / ".join),
    "a function of values": lambda f: f.groupby("k").n.apply(lambda s: s.max() - s.min()),
    "names of groups": lambda f: [key for key, _ in f.groupby("k")],
    "tuples of groups": lambda f: [key for key, _ in f.groupby(["k"])],
    "groups as rows": lambda f: [len(rows) for _, rows in f.groupby("k")],
    "aggregates of one column by name": lambda f: f.groupby("k").n.agg(lo="min", hi="max", mid=np.mean),
    "spread of a population": lambda f: f.groupby("k").n.std(ddof=0),
    "spreads of populations": lambda f: f.groupby("k")[["n", "x"]].var(ddof=0),
    "numbers of groups": lambda f: f[["k", "n"]].assign(z=f.groupby("k").ngroup()),
    "numbers of groups with nulls": lambda f: f[["k", "s"]].assign(z=f.groupby(["k", "s"], dropna=False).ngroup()),
    "table of one function": lambda f: f.pivot_table(index="k", values="n", aggfunc="sum"),
    "table of means": lambda f: f.pivot_table(index="k", values=["n", "x"]),
    # times
    "months of the index": lambda f: f[["t", "n"]].set_index("t").resample("MS").sum(),
    "weeks of one column": lambda f: f.resample("W", on="t").n.sum(),
    "ends of months": lambda f: f.resample("ME", on="t")[["n", "x"]].max(),
    "months of one column": lambda f: f.resample("MS", on="t").n.sum(),
    "months of one column by name": lambda f: f.resample("MS", on="t")["n"].max(),
    "moving sums of one column": lambda f: f[["t", "n"]].rolling("3D", on="t").n.sum()[:2],
    "moving sums of some columns": lambda f: f[["n", "x"]].rolling(2)[["n"]].sum(),
    "values by a condition": lambda f: f.n[f.x > 1],
    "values by a slice": lambda f: f.n[1:3],
    # frames
    "a column that may be missing": lambda f: f.drop(columns=["k", "zz"], errors="ignore").n,
    "frames of other columns": lambda f: concat(f)([f[["n"]], f[["n", "p"]]], join="outer")[["n"]],
    "columns of all": lambda f: concat(f)([f[["n"]], f[["n", "p"]]], join="inner"),
    "where rows come from": lambda f: (
        f[["n", "p"]]
        .merge(f[f.n > 3][["n", "x"]], on="n", how="left", indicator=True)[["n", "_merge"]]
        .sort_values("n")
    ),
    "where rows of both come from": lambda f: (
        f[f.n < 5][["n"]].merge(f[f.n > 3][["n", "x"]], how="outer", indicator="side")[["n", "side"]].sort_values("n")
    ),
}


def concat(frame):
    return vl.concat if isinstance(frame, vl.DataFrame) else pd.concat


def plain(made):
    """Return rows as lists, missing values as None, labels in front where they have a name."""
    if isinstance(made, pd.Series):
        made = made.to_frame()
    if not isinstance(made, pd.DataFrame):
        return made
    kept = made.reset_index(drop=made.index.name is None)
    rows = kept.astype(object).itertuples(index=False, name=None)
    return [[None if np.isscalar(v) and pd.isna(v) else v for v in map(unpacked, row)] for row in rows]


def unpacked(value):
    return value.tolist() if isinstance(value, np.ndarray) else value


def rounded(value):
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize("name", SAME)
def test_gives_what_pandas_gives(name):
    ours, theirs = (SAME[name](made) for made in (vl.DataFrame(DATA), DATA))
    ours = ours.to_pandas() if isinstance(ours, vl.DataFrame | vl.Series) else ours
    assert rounded(plain(ours)) == rounded(plain(theirs))


@pytest.mark.parametrize("other", [DATA, pa.table(DATA[["n", "x"]])], ids=["pandas", "arrow"])
def test_frames_of_others_are_joined_and_appended(other):
    frame = vl.DataFrame(DATA[["n", "x"]])
    some = other[["n", "x"]] if isinstance(other, pd.DataFrame) else other
    assert len(frame.merge(some, on="n")) == 6
    assert len(vl.concat([some, frame])) == 12


def test_times_and_numbers_of_texts():
    frame = vl.DataFrame(
        {"d": ["2024-01-31", "x", None], "n": ["1.5", "2", "?"], "e": ["31.01.2024", "1.2.2024", None]}
    )
    assert str(vl.to_datetime(frame.d, errors="coerce").to_list()[:2]) == "[datetime.datetime(2024, 1, 31, 0, 0), None]"
    assert [t and t.month for t in vl.to_datetime(frame.e, "%d.%m.%Y").to_list()] == [1, 2, None]
    assert vl.to_numeric(frame.n, errors="coerce").to_list() == [1.5, 2.0, None]
    assert vl.to_numeric(vl.DataFrame({"n": [1]}).n).dtype.is_integer
    with pytest.raises(VolleyError, match=r"cannot cast '\?'"):
        vl.to_numeric(frame.n).to_list()
    with pytest.raises(PlanError, match="errors='raise' or 'coerce'"):
        vl.to_numeric(frame.n, errors="ignore")
    with pytest.raises(TypeMismatch, match="to_datetime takes a column"):
        vl.to_datetime("2024-01-01")


def test_what_pandas_asks_of_writers_and_is_so_anyway(tmp_path):
    frame = vl.DataFrame(DATA[["n"]])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    frame.to_json(tmp_path / "a.json", orient="records", lines=True)
    assert [len(vl.read_csv(tmp_path / "a.csv")), len(vl.read_json(tmp_path / "a.json"))] == [6, 6]
    with pytest.raises(ConfigError, match="csv has no option 'index'; rows have no labels here"):
        frame.to_csv(tmp_path / "b.csv", index=True)
    with pytest.raises(ConfigError, match="csv has no option 'sep'; write delimiter=';'"):
        vl.read_csv(tmp_path / "a.csv", sep=";")


WRONG = {
    "drop takes the names of columns, not 0; rows have no labels": lambda f: f.drop(0),
    "choose the rows that stay: frame[frame.x != 3]": lambda f: f.drop(index=[0]),
    "choose the columns: frame[['a', 'b']]": lambda f: f.dropna(axis=1),
    "only columns are gone through": lambda f: f.cumsum(axis=1),
    "put columns beside each other with assign": lambda f: vl.concat([f, f], axis=1),
    "concat takes a list of frames": lambda f: vl.concat(f, f),
    "not a Series": lambda f: vl.concat([f, pd.Series([1])]),
    "Series.cummax has no argument 'skip' here; it takes none": lambda f: f.n.cummax(skip=1),
    "ascending is True or False, or a list of them": lambda f: f.sort_values("n", ascending="desc"),
    "head takes a whole number of rows, such as head(3), not 'a'": lambda f: f.head("a"),
    "tail takes a whole number of rows": lambda f: f.groupby("k").tail(1.5),
    "limit takes a whole number of rows": lambda f: f.limit("3"),
    "nth takes a whole number of rows": lambda f: f.groupby("k").nth("a"),
    "nth needs a number of a row": lambda f: f.groupby("k").nth([]),
    "limit is a number of rows above 0, not 0": lambda f: f.ffill(limit=0),
    "str.split takes a text to split at, not 1; n=1 is how many times": lambda f: f.s.str.split(1),
    "places in a text are whole numbers": lambda f: f.s.str.slice("a"),
    "a place in a text is a whole number or a slice": lambda f: f.s.str[None],
    "isin takes a list of constants": lambda f: f.n.isin(1),
    "map takes a dictionary of values or a function": lambda f: f.n.map("x"),
    "several aggregates at once are given by their names": lambda f: f.n.agg(["min", lambda x: x]),
    "several aggregates at once are given by": lambda f: f.agg(["min", lambda x: x]),
    "agg takes names of aggregates, or a list": lambda f: f.n.agg(3),
    "agg takes names of aggregates, or lists": lambda f: f.agg(3),
    "agg takes one argument, or rows by pairs": lambda f: f.agg("sum", n=("n", "sum")),
    "frame.groupby('k').x.transform('mean')": lambda f: f.groupby("k").fillna(0),
    "nlargest is about one column of the groups": lambda f: f.groupby("k").nlargest(2),
    "groups keep its order": lambda f: f.groupby("k").sort_values("n"),
    "frame.empty tells whether it has no rows": lambda f: f or 1,
    "frames as wholes have no arithmetic": lambda f: f == f,
    "isin takes constants; for the values of another column": lambda f: f.n.isin(f.n),
    "isin looks for plain values; 'l' is list(string)": lambda f: f.assign(l=f.s.str.split(",")).l.isin([["a"]]),
    "2 values are to become 1 others": lambda f: f.n.replace([1, 2], [3]),
    "there is no quantile to compute": lambda f: f.groupby("k").n.quantile([]),
    "a key called 'quantile' cannot stand beside": lambda f: (
        f.rename(columns={"k": "quantile"}).groupby("quantile").n.quantile([0.1])
    ),
    "column 'a' needs a list of values, not 1": lambda _: vl.DataFrame({"a": 1}),
    "column 'a' is of no one type": lambda _: vl.DataFrame({"a": [1, "x"]}),
    "a column is of no one type": lambda _: vl.DataFrame(pd.DataFrame({"a": [1, "x"]}, dtype=object)),
    "columns share the name 'a'": lambda _: vl.DataFrame(pd.DataFrame([[1, 2]], columns=["a", "a"])),
    "cannot make a frame of a list; give a dictionary of columns": lambda _: vl.DataFrame([[1, 2]]),
    "a ndarray cannot be used as a constant": lambda f: f.assign(z=np.arange(6)),
    "rename takes one dictionary or function": lambda f: f.rename(columns=["a"]),
    "groupby takes names of columns and columns, not a int": lambda f: f.groupby(3),
    "has 2 groups; findall takes one": lambda f: f.s.str.findall("(.)(.)"),
    "std takes ddof=1, of a sample, or ddof=0, of a population, not 2": lambda f: f.groupby("k").n.std(ddof=2),
    "resample needs its column of times": lambda f: f.resample("D"),
    "their number of days already": lambda f: f.n.dt.days,
    "moving rows have no aggregate 'summ'; did you mean 'sum'": lambda f: f.n.rolling(2).agg(["summ"]),
    "agg takes names of aggregates, lists of them": lambda f: f.rolling(2).agg({}),
    "these are the moving rows of one column": lambda f: f.n.rolling(2).agg({"n": "sum"}),
    "apply takes a function of values, not 'sum'": lambda f: f.n.rolling(2).apply("sum"),
    "apply has no engine 'jax'": lambda f: f.n.rolling(2).apply(len, engine="jax"),
    "apply(f, raw=True, engine='numba')": lambda f: f.n.rolling(2).apply(len, engine="numba"),
    "is to be compiled, and cannot be": lambda f: f.n.rolling(2).apply(repr, raw=True, engine="numba"),
    "between_time needs its column of times: between_time(…, on='t')": lambda f: f.between_time("9:00", "10:00"),
    "at_time needs timestamps; 'n' is int64": lambda f: f.at_time("9:00", on="n"),
    "'nine' is no time of day; write '9:30'": lambda f: f.at_time("nine", on="t"),
    "inclusive is one of both, left": lambda f: f.between_time("9:00", "10:00", "no", on="t"),
    "combine_first meets rows by columns marked as index": lambda f: f.combine_first(f),
    "no column 'kk' is marked as index; did you mean 'k'": lambda f: f.set_index(["k", "n"]).xs(1, level="kk"),
    "xs got 2 labels for 1 columns": lambda f: f.set_index("k").xs((1, 2)),
    "droplevel leaves one column marked as index": lambda f: f.set_index("k").droplevel("k"),
    "reindex needs labels of rows, or columns=": lambda f: f.set_index("k").reindex(),
    "labels of 'n' are int64": lambda f: f.set_index("n").reindex(["a", 1]),
    "corrwith takes a column of the frame": lambda f: f.groupby("k").corrwith(f),
    "there is no row number -7: the frame has 6": lambda f: f.take([-7]),
    "side is 'left' or 'right', not 'up'": lambda f: f.n.searchsorted(1, side="up"),
    "'n' is marked as index itself": lambda f: f.set_index("n").n.sort_index(),
    "this needs frames": lambda f: f.merge({"n": [1]}),
    "join='outer' fills them with null": lambda f: vl.concat([f[["n"]], f[["n", "x"]]]),
    "concat takes join='outer'": lambda f: vl.concat([f], join="left"),
    "np.select has 1 conditions and 2 choices": lambda f: np.select([f.n > 1], [1, 2]),
    "a condition of np.where and np.select is a column here": lambda f: np.select(
        [np.array([True]), f.n > 1], [f.n, 1]
    ),
    "across columns needs columns of numbers": lambda f: f[["s"]].sum(axis=1),
    "axis is 0 for a value of each column": lambda f: f.sum(axis=2),
    "words can be cut off 1,000 times at most": lambda f: f.s.str.split(n=2000),
    "str.startswith needs a text to look for": lambda f: f.s.str.startswith(()),
    "index a column with a condition": lambda f: f.n["a"],
    "a place in a list is a whole number": lambda f: f.s.str.split(",").str[0:1],
    "not for how='semi'": lambda f: f.merge(f, on="n", how="semi", indicator=True),
    "Resampler has no 'nn'": lambda f: f.resample("D", on="t").zfill,
}


@pytest.mark.parametrize("message", [m for m in WRONG if "Resampler" not in m])
def test_mistakes_are_one_line_that_says_what_to_do(message):
    with pytest.raises(VolleyError) as error:
        WRONG[message](vl.DataFrame(DATA))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_function_of_another_type_is_told_to_say_so():
    with pytest.raises(UserFunctionError, match=r"say the type, such as vl.udf\(.*dtype='string'\)"):
        vl.DataFrame(DATA).groupby("k").n.agg(lambda s: str(s.max())).collect()


def test_names_of_pandas_say_what_to_use():
    with pytest.raises(AttributeError, match=r"has no attribute 'crosstab'; use frame\.pivot_table"):
        _ = vl.crosstab
    with pytest.raises(AttributeError, match=r"has no attribute 'nonsense'$"):
        _ = vl.nonsense
