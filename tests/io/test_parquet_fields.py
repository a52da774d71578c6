"""Fields of structs in Parquet: only those that are read leave the file, and their statistics prune row groups."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volley as vl

ROWS = 4_000


def records(rows=ROWS):
    """Return structs with a small field, a large one, one of several levels and one of lists; some of them null."""
    return pa.array(
        [
            None
            if i % 11 == 0
            else {
                "a": None if i % 7 == 0 else i,
                "text": f"{i:08d}" * 10,
                "deep": None if i % 5 == 0 else {"x": i * 0.5, "y": f"y{i}"},
                "many": [{"n": i, "m": "m" * 50}],
            }
            for i in range(rows)
        ]
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("nested") / "n.parquet"
    table = pa.table({"i": np.arange(ROWS), "s": records()})
    pq.write_table(table, file, row_group_size=1_000)
    return file


def read_bytes(frame):
    """Return what the run of a frame's plan counted as read from its one scan."""
    with vl.Session() as session:
        metrics = session.run(frame.plan).metrics
    return next(
        o for s in metrics.stages for name, o in s.operators.items() if name.startswith("ScanExec")
    ).stored_bytes


def stored_bytes(path, *dotted):
    footer = pq.read_metadata(path)
    chunks = [footer.row_group(g).column(c) for g in range(footer.num_row_groups) for c in range(footer.num_columns)]
    return sum(c.total_compressed_size for c in chunks if c.path_in_schema.startswith(dotted))


QUESTIONS = {
    "one field": ("s.a", ("s.a",), lambda f: f.s.struct.field("a")),
    "a field of a field": ("s.deep.x", ("s.deep.x",), lambda f: f.s.struct.field("deep").struct.field("x")),
    "a whole field": ("s.deep", ("s.deep",), lambda f: f.s.struct.field("deep")),
    "a list": ("s.many", ("s.many",), lambda f: f.s.struct.field("many")),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_only_the_asked_for_fields_are_read(path, question):
    text, dotted, of_frame = QUESTIONS[question]
    frame = vl.read_parquet(path)[["i", "s"]]
    by_frame = frame.assign(found=of_frame(frame))[["i", "found"]]
    by_sql = vl.sql(f"select i, {text} as found from f", f=frame)
    whole = pq.read_table(path, columns=["i", "s"])["s"].to_pylist()
    expected = []
    for row in whole:
        for name in text.split(".")[1:]:
            row = None if row is None else row[name]  # noqa: PLW2901 - one level further down
        expected.append(row)
    for made in (by_frame, by_sql):
        assert made.found.to_list() == expected
        assert f"fields=[{text}]" in made.explain("optimized")
        assert f"fields=[{text}]" in made.explain("physical")
        assert read_bytes(made) == stored_bytes(path, "i", *dotted)


def test_analyze_shows_how_little_is_read(path):
    frame = vl.read_parquet(path)
    narrow, wide = frame.s.struct.field("a").to_frame("a"), frame[["s"]]
    assert read_bytes(narrow) < read_bytes(wide) / 3
    assert re.search(r"fields=\[s\.a\].*read 4,000 rows", narrow.explain("analyze"))


def test_a_struct_that_is_read_as_a_whole_keeps_all_fields(path):
    frame = vl.read_parquet(path)
    both = frame.assign(a=frame.s.struct.field("a"))[["s", "a"]]
    assert "fields=" not in both.explain("optimized")
    assert both.s.to_list() == records().to_pylist()


def test_row_groups_are_pruned_by_the_statistics_of_fields(path):
    frame = vl.read_parquet(path)
    late = frame[frame.s.struct.field("deep").struct.field("x") < 400.0]
    count = vl.sql("select count(*) as n, min(i) as least from f where s.deep.x < 400.0", f=frame)
    assert "skipped 3 of 4 row groups" in late[["i"]].explain("physical")
    assert "skipped 3 of 4 row groups" in count.explain("physical")
    expected = [i for i in range(ROWS) if i % 11 and i % 5 and i * 0.5 < 400]
    assert late.i.to_list() == expected
    assert count.to_dict() == {"n": [len(expected)], "least": [expected[0]]}


def test_a_column_with_a_dot_in_its_name_is_no_field(tmp_path):
    columns = {"i": np.arange(ROWS), "s": records(), "s.a": np.arange(ROWS) * -1}
    pq.write_table(pa.table(columns), tmp_path / "n.parquet", row_group_size=1_000)
    frame = vl.read_parquet(tmp_path)
    assert frame[frame["s.a"] < -3_995]["i"].to_list() == [3996, 3997, 3998, 3999]
    assert frame[frame.s.struct.field("a") > 3_995]["i"].to_list() == [3996, 3998, 3999]
    both = frame.assign(a=frame.s.struct.field("a"))[["a", "s.a"]].to_arrow()
    assert both["s.a"].to_pylist() == columns["s.a"].tolist()
    assert both["a"].to_pylist() == [None if row is None else row["a"] for row in records().to_pylist()]


def test_files_that_lack_a_field_give_nulls(tmp_path):
    pq.write_table(pa.table({"s": pa.array([{"a": 1, "b": "x"}, None])}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"s": pa.array([{"b": "y", "c": 2.5}])}), tmp_path / "2.parquet")
    pq.write_table(pa.table({"t": [1]}), tmp_path / "3.parquet")
    frame = vl.read_parquet(tmp_path)
    assert frame.s.struct.field("a").to_list() == [1, None, None, None]
    assert vl.sql("select s.b, s.c from f", f=frame).to_dict() == {
        "b": ["x", None, "y", None],
        "c": [None, None, 2.5, None],
    }
    assert vl.sql("select count(*) as n from f where s.a is null", f=frame).to_dict() == {"n": [3]}
    assert vl.sql("select t from f where s.a = 1 or t = 1", f=frame).to_dict() == {"t": [None, 1]}


FIELDS = ("a", "b", "c")
VALUES = {"a": st.integers(-3, 3), "b": st.text("xyz", max_size=2), "c": st.lists(st.integers(0, 3), max_size=2)}
STRUCTS = st.none() | st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})
SHAPES = [
    "select i, s.{0} as u, s.{1} as v from f",
    "select max(i) as m, s.{0} as u from f group by s.{0}",
    "select f.i, f.s.{0} as u, g.s.{1} as v from f join f g on f.i = g.i where g.s.{2} is not null",
    "select i, s.{0} as u from f where s.{1} is not null order by i limit 3",
    "select x.s.{0} as u, y.n from (select i, s from f where i > 2) x, (select count(s.{1}) as n from f) y",
    "select s.{0} as u, row_number() over (partition by s.{1} is null order by i) as r from f",
    "select s.{0} as u from f union all select s.{1} from f where '{0}' = '{1}'",
    "select distinct on (s.{0}) s.{0} as u, i from f order by s.{0}, i",
    "with x as (select s, i from f) select x.s.{0} as u, (select count(y.s.{1}) from x y where y.i < x.i) as n from x",
]


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(STRUCTS, max_size=12), shape=st.sampled_from(SHAPES), order=st.permutations(FIELDS))
def test_any_query_of_fields_is_that_of_the_table_in_memory(tmp_path_factory, rows, shape, order):
    file = tmp_path_factory.mktemp("drawn") / "f.parquet"
    kind = pa.struct([("a", pa.int64()), ("b", pa.string()), ("c", pa.list_(pa.int64()))])
    table = pa.table({"i": pa.array(range(len(rows)), pa.int64()), "s": pa.array(rows, kind)})
    pq.write_table(table, file, row_group_size=5)
    query = shape.format(*order)
    try:
        expected = vl.sql(query, f=vl.from_arrow(table)).to_arrow().to_pylist()
    except vl.VolleyError:  # lists and integers have no common type
        return
    found = vl.sql(query, f=vl.read_parquet(file)).to_arrow().to_pylist()
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


COUNTS = [
    ("select count(*) as n from f", ROWS),
    ("select count(*) as n from f where i >= 0 and i < 4000", ROWS),
    ("select count(*) as n from f where i < 2000", 2_000),
    ("select count(*) as n from (select * from f limit 1500) x", 1_500),
    ("select count(*) as n from f where i < 0", 0),
]


@pytest.mark.parametrize(("query", "expected"), COUNTS)
def test_rows_are_counted_from_footers(tmp_path, query, expected):
    file = tmp_path / "f.parquet"
    pq.write_table(pa.table({"i": np.arange(ROWS), "x": np.zeros(ROWS)}), file, row_group_size=1_000)
    counted = vl.sql(query, f=vl.read_parquet(file))
    assert read_bytes(counted) == 0
    file.unlink()
    assert counted.to_dict() == {"n": [expected]}


def test_rows_of_partitions_are_counted_from_footers(tmp_path):
    vl.DataFrame({"day": [1, 1, 2], "x": [1, 2, 3]}).to_parquet(tmp_path / "days", partition_by=["day"])
    counted = vl.read_parquet(tmp_path / "days").groupby("day", as_index=False).agg(n=("day", "size"))
    assert read_bytes(counted) == 0
    assert counted.to_dict() == {"day": [1, 2], "n": [2, 1]}
