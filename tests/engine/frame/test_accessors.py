"""``.str``, ``.dt``, ``.list`` and ``.struct``: every method against pandas or Python."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import MethodNotFound, PlanError, TypeMismatch
from volley.engine.frame import Series
from volley.engine.frame.accessors import TextAccessor
from volley.engine.frame.datetimes import DatetimeAccessor

TEXTS = [
    *(
        "",
        "a",
        "abc",
        "ABC",
        "Abc Def",
        "aBC",
        "été",
        "ÉTÉ là",
        "12",
        "1²",
        "½",
        "٣",
        "a1",
        " ",
        "\t\n",
        "-7",
        "+12.5",
        "ab-ab",
    ),
    *("prefix_x", "x_suffix", "dog  house", "...", "日本", "x"),
    None,
]
FRAME = vl.DataFrame({"s": TEXTS})
PANDAS = pd.Series(TEXTS, dtype=object)

TEXT_CASES = {
    "isalpha": [()],
    "isalnum": [()],
    "isdecimal": [()],
    "isdigit": [()],
    "isnumeric": [()],
    "isspace": [()],
    "isascii": [()],
    "islower": [()],
    "isupper": [()],
    "istitle": [()],
    "center": [(1,), (4,), (5, "*"), (9, "-")],
    "zfill": [(0,), (3,), (6,)],
    "removeprefix": [("",), ("a",), ("prefix_",), ("日",)],
    "removesuffix": [("",), ("c",), ("_suffix",), ("ab-ab",)],
    "rfind": [("",), ("a",), ("b",), ("ab",), ("本",)],
    "find": [("a",), ("ab",)],
    "get": [(0,), (1,), (-1,), (-3,)],
    "slice": [(1,), (-2,), (0, -1), (-3, -1), (1, 2), (-1, 1), (2, 1), (None, None, -1)],
    "slice_replace": [(0, 1, "#"), (1, None, "#"), (2, 3, "")],
    "translate": [(str.maketrans("ab", "xy"),), (str.maketrans("a", "b", "c"),)],
    "pad": [(4, "both", "*"), (4, "left", "*"), (4, "right")],
    "lower": [()],
    "upper": [()],
    "strip": [(), ("a",)],
    "lstrip": [(), ("a",)],
    "rstrip": [(), ("c",)],
    "len": [()],
    "startswith": [("a",)],
    "endswith": [("c",)],
    "title": [()],
    "capitalize": [()],
    "repeat": [(0,), (3,)],
    "count": [("a",)],
    "rjust": [(4, "*")],
    "ljust": [(4, "*")],
    "contains": [("b",)],
    "fullmatch": [("a.c",)],
    "match": [("a",)],
    "split": [("b",), (), ("a.",), ("[ab]+",)],
    "rsplit": [("b",), ()],
    "swapcase": [()],
    "casefold": [()],
}
OTHERWISE = {  # methods whose answer is checked elsewhere, or that pandas has not
    *("replace", "extract", "like", "reverse", "md5", "sha256", "to_datetime", "cat"),
    *("encode", "decode", "findall", "partition", "rpartition", "get_dummies"),
}


def plain(values):
    return [None if value is None or value != value else value for value in values]


@pytest.mark.parametrize(("method", "args"), [(m, a) for m, cases in TEXT_CASES.items() for a in cases])
def test_text_as_in_pandas(method, args):
    ours = getattr(FRAME.s.str, method)(*args).to_list()
    theirs = plain(getattr(PANDAS.str, method)(*args).tolist())
    assert ours == theirs


def test_every_method_of_text_is_tested():
    own = {name for name in dir(TextAccessor) if not name.startswith("_")}
    assert own - TEXT_CASES.keys() - OTHERWISE == set()


def test_slices_by_brackets():
    assert FRAME.s.str[-2:].to_list() == plain(PANDAS.str[-2:])
    assert FRAME.s.str[::-1].to_list() == plain(PANDAS.str[::-1])
    assert FRAME.s.str[0].to_list() == plain(PANDAS.str[0])
    with pytest.raises(PlanError, match="step is 1"):
        FRAME.s.str[::2]
    with pytest.raises(PlanError, match="single ones or by None"):
        FRAME.s.str.translate({"a": "bc"})
    with pytest.raises(PlanError, match="'left', 'right' or 'both'"):
        FRAME.s.str.pad(3, "up")


MOMENTS = pd.Series(
    pd.to_datetime(
        [
            *("2024-02-29 23:59:59.123456", "2023-12-31", "1969-07-20 20:17:40", "2000-02-28 00:00:01", "2024-03-31"),
            *("2021-01-01", "1900-01-01 12:00", "2024-12-30 05:06:07.000001", "2025-06-30", "2024-04-01"),
            None,
        ],
        format="ISO8601",
    ).astype("datetime64[us]")
)
TIMES = vl.DataFrame({"t": pa.array(MOMENTS, pa.timestamp("us"))})
PROPERTIES = [
    *(
        "year",
        "quarter",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "microsecond",
        "day_of_week",
        "dayofweek",
        "weekday",
    ),
    *("day_of_year", "dayofyear", "days_in_month", "daysinmonth", "date", "time", "is_month_start", "is_month_end"),
    *("is_quarter_start", "is_quarter_end", "is_year_start", "is_year_end", "is_leap_year"),
]
FREQUENCIES = ["D", "h", "min", "s", "ms", "us"]
METHODS = {
    "floor": [(unit,) for unit in FREQUENCIES],
    "round": [(unit,) for unit in FREQUENCIES],
    "ceil": [(unit,) for unit in FREQUENCIES],
    "normalize": [()],
    "day_name": [()],
    "month_name": [()],
    "strftime": [("%Y/%j",)],
    "tz_localize": [("Europe/Paris",)],
}


def missing_as_none(values):
    return [None if pd.isna(value) else value for value in values]


@pytest.mark.filterwarnings("ignore:Series.dt")
@pytest.mark.parametrize("name", PROPERTIES)
def test_parts_of_times_as_in_pandas(name):
    ours = getattr(TIMES.t.dt, name).to_list()
    theirs = missing_as_none(getattr(MOMENTS.dt, name))
    assert [o for o, m in zip(ours, MOMENTS, strict=True) if not pd.isna(m)] == theirs[: len(ours) - 1]
    assert ours[-1] is None


@pytest.mark.parametrize(("name", "args"), [(n, a) for n, cases in METHODS.items() for a in cases])
def test_methods_of_times_as_in_pandas(name, args):
    ours = getattr(TIMES.t.dt, name)(*args).to_list()
    assert ours == missing_as_none(getattr(MOMENTS.dt, name)(*args))


@pytest.mark.parametrize(("unit", "period"), [("YS", "Y"), ("quarter", "Q"), ("MS", "M"), ("W", "W-SUN")])
def test_starts_of_long_units(unit, period):
    starts = MOMENTS.dt.to_period(period).dt.start_time
    assert TIMES.t.dt.floor(unit).to_list() == missing_as_none(starts)
    ends = MOMENTS.dt.to_period(period).dt.end_time.dt.ceil("D")
    expected = starts.where(starts == MOMENTS, ends)
    assert TIMES.t.dt.ceil(unit).to_list() == missing_as_none(expected)


def test_iso_calendar_zones_and_units():
    theirs = MOMENTS.dt.isocalendar()
    ours = TIMES.t.dt.isocalendar().to_dict()
    assert ours == {name: missing_as_none(theirs[name]) for name in ("year", "week", "day")}
    assert TIMES.t.dt.week.to_list() == ours["week"]
    zoned = TIMES.t.dt.tz_localize("Asia/Tokyo")
    assert (TIMES.t.dt.tz, zoned.dt.tz, zoned.dt.unit) == (None, "Asia/Tokyo", "us")
    assert zoned.dt.tz_convert("UTC").to_list()[1] == dt.datetime(2023, 12, 30, 15, tzinfo=ZoneInfo("UTC"))
    assert str(TIMES.t.dt.as_unit("ns").dtype) == "timestamp(ns)"
    assert vl.DataFrame({"d": [dt.date(2024, 5, 17)]}).d.dt.ceil("h").to_list() == [
        dt.datetime.fromisoformat("2024-05-17")
    ]
    assert TIMES.t.dt.timestamp().to_list()[1] == MOMENTS[1].timestamp()
    with pytest.raises(PlanError, match="times have no unit 'fortnight'; use one of year"):
        TIMES.t.dt.floor("fortnight")


def test_lengths_of_durations():
    frame = TIMES.assign(d=TIMES.t - dt.datetime.fromisoformat("2024-01-01 12:00"))
    theirs = (MOMENTS - pd.Timestamp(2024, 1, 1, 12)).dt
    assert frame.d.dt.total_seconds().to_list() == pytest.approx(missing_as_none(theirs.total_seconds()))
    assert frame.d.dt.days.to_list() == missing_as_none(theirs.days)
    assert frame.d.dt.seconds.to_list() == missing_as_none(theirs.seconds)
    with pytest.raises(TypeMismatch, match="only differences of times have a length"):
        TIMES.t.dt.total_seconds()
    with pytest.raises(TypeMismatch, match="year does not accept"):
        frame.d.dt.year  # noqa: B018 - the access itself is refused


def test_every_method_of_times_is_tested():
    own = {name for name in dir(DatetimeAccessor) if not name.startswith("_")}
    elsewhere = {
        "tz",
        "unit",
        "as_unit",
        "isocalendar",
        "week",
        "timestamp",
        "tz_convert",
        "total_seconds",
        "days",
        "seconds",
    }
    assert own - set(PROPERTIES) - METHODS.keys() - elsewhere == set()


def test_lists_and_structs_come_apart():
    frame = vl.DataFrame({"k": [1, 2, 3, 4], "l": [[1, 2], [], None, [3]], "p": [{"a": 1, "b": "x"}, None, None, None]})
    theirs = pd.DataFrame({"k": [1, 2, 3, 4], "l": [[1, 2], [], None, [3]]}).explode("l")
    ours = frame[["k", "l"]].explode("l").to_dict()
    assert ours == {"k": theirs.k.tolist(), "l": missing_as_none(theirs.l)}
    assert frame.l.list.flatten().to_list() == ours["l"]
    both = frame.assign(m=frame.l).set_index("k").explode(["l", "m"])
    assert (both.l.to_list(), both.m.to_list(), both.index) == (ours["l"], ours["l"], ("k",))
    assert {name: str(t) for name, t in frame.p.struct.dtypes.items()} == {"a": "int64", "b": "string"}
    assert frame.p.struct.explode().to_dict() == {"a": [1, None, None, None], "b": ["x", None, None, None]}
    with pytest.raises(TypeMismatch, match="only lists can be unnested; 'k' is int64"):
        frame.explode("k")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda f: f.s.str.wrap(3), r"\.str has no 'wrap' here; use vl\.udf"),
        (lambda f: f.s.str.extractall("(a)"), r"\.str has no 'extractall' here; use findall"),
        (lambda f: f.s.str.uper(), r"\.str has no 'uper' here; did you mean 'upper'"),
        (lambda f: f.t.dt.nanosecond, r"\.dt has no 'nanosecond' here; use microsecond"),
        (lambda f: f.t.dt.yaer, r"\.dt has no 'yaer' here; did you mean 'year'"),
        (lambda f: f.l.list.quantil(0.5), r"\.list has no 'quantil' here; did you mean 'quantile'"),
        (lambda f: f.p.struct.fields, r"\.struct has no 'fields' here; did you mean 'field'"),
        (lambda f: f.s.cat.as_ordered(), r"\.cat has no 'as_ordered' here"),
    ],
)
def test_missing_methods_say_what_to_use(wrong, message):
    frame = vl.DataFrame({"s": ["a"], "t": [dt.datetime.fromisoformat("2024-01-01")], "l": [[1]], "p": [{"a": 1}]})
    with pytest.raises(MethodNotFound, match=message):
        wrong(frame)


@pytest.mark.parametrize(("accessor", "theirs"), [("str", PANDAS.str), ("dt", MOMENTS.dt)])
def test_every_name_of_pandas_works_or_names_what_to_use(accessor, theirs):
    column: Series = FRAME.s if accessor == "str" else TIMES.t
    own = getattr(column, accessor)
    for name in dir(theirs):
        if name.startswith("_") or name in dir(type(own)):
            continue
        with pytest.raises(MethodNotFound, match=r"here; (?!available|did you)"):
            getattr(own, name)


PIECES = pd.Series(["a-b-c", "x", "-", "é--ü", None, "a- b", "22-3", ""])


@pytest.mark.parametrize("method", ["partition", "rpartition"])
@pytest.mark.parametrize("sep", ["-", "--", " "])
def test_text_is_parted_in_three(method, sep):
    theirs = [list(v) if isinstance(v, tuple) else None for v in getattr(PIECES.str, method)(sep, expand=False)]
    ours = getattr(vl.DataFrame({"s": PIECES}).s.str, method)(sep, expand=False)
    assert ours.to_list() == theirs
    assert ours.str[0].to_list() == [None if v is None else v[0] for v in theirs]


@pytest.mark.parametrize("pattern", ["[a-z]", "([a-z])-", "-+", "a|(b)"])
def test_all_matches_are_found(pattern):
    theirs = [v if isinstance(v, list) else None for v in PIECES.str.findall(pattern)]
    assert vl.DataFrame({"s": PIECES}).s.str.findall(pattern).to_list() == theirs


def test_parts_need_a_separator_and_matches_one_group():
    text = vl.DataFrame({"s": PIECES}).s.str
    for wrong in (text.partition, text.rpartition):
        with pytest.raises(PlanError, match="needs a separator"):
            wrong("")
    with pytest.raises(PlanError, match="has 2 groups; findall takes one"):
        text.findall("(a)(b)")
    for wrong in (text.split, text.rsplit, text.get_dummies):
        with pytest.raises(PlanError, match="needs a separator that is not empty"):
            wrong("")


WORDS = pd.Series(
    ["a b  c ", " x", "", None, "a,b,c", "a,b", "p q r s", "a\x0bb c", "ß Abc İ", ",,", "  "], dtype=object
)


@pytest.mark.parametrize("method", ["split", "rsplit"])
@pytest.mark.parametrize("sep", [None, ",", "b"])
@pytest.mark.parametrize("n", [-1, 0, 1, 2])
def test_pieces_become_lists_and_columns(method, sep, n):
    own = getattr(vl.DataFrame({"s": WORDS}).s.str, method)
    assert own(sep, n=n).to_list() == plain(getattr(WORDS.str, method)(sep, n=n).tolist())
    theirs = getattr(WORDS.str, method)(sep, n=n, expand=True)
    wide = own(sep, n=n, expand=True)
    assert wide.columns == [str(i) for i in range(n + 1 if n > 0 else theirs.shape[1])]
    for name in theirs:
        assert wide[name].to_list() == plain(theirs[name].tolist())
    assert all(wide[i].isna().all() for i in range(theirs.shape[1], len(wide.columns)))


def test_pieces_as_columns_stand_beside_their_frame():
    frame = vl.DataFrame({"s": WORDS})
    parts = frame.s.str.split(",", n=1, expand=True)
    made = frame.assign(first=parts[0], rest=parts["1"])
    assert made.filter(frame.s == "a,b,c").to_dict() == {"s": ["a,b,c"], "first": ["a"], "rest": ["b,c"]}
    assert frame[:0].s.str.split(expand=True).columns == []
    with pytest.raises(PlanError, match="a regular expression"):
        frame.s.str.split("a|b", n=1)
    assert frame.s.str.split("a|b", n=1, regex=False).to_list()[0] == ["a b  c "]
    assert frame.s.str.partition(",", expand=True).to_pandas().shape == (11, 3)
    assert frame.s.str.rpartition(",", expand=True)["2"].to_list()[4] == "c"


def test_dummies_of_pieces():
    for sep in (",", " "):
        theirs = WORDS.str.get_dummies(sep)
        ours = vl.DataFrame({"s": WORDS}).s.str.get_dummies(sep)
        pd.testing.assert_frame_equal(ours.to_pandas(), theirs, check_dtype=False)


def test_groups_of_a_pattern_become_columns():
    text = vl.DataFrame({"s": ["a-1", None, "b-2"]}).s.str
    made = text.extract(r"(?P<letter>[a-z])-([\d(])")
    theirs = pd.Series(["a-1", None, "b-2"]).str.extract(r"(?P<letter>[a-z])-([\d(])")
    assert made.columns == ["letter", "1"] == [str(name) for name in theirs.columns]
    assert made.to_pandas()["letter"].tolist()[::2] == ["a", "b"]
    assert made[1].to_list() == ["1", None, "2"]
    assert text.extract("([a-z])", expand=True).columns == ["0"]
    assert text.extract("[(](a)|([^)]-)(?:x)?", group=2).to_list() == ["a-", None, "b-"]
    with pytest.raises(PlanError, match="has no group; write one"):
        text.extract("[a-z]", expand=True)
