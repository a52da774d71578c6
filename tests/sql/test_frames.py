"""SQL over frames: where names are looked up, and that planning runs nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import ReadError, SqlError
from volley.engine.plan import MapBatches
from volley.sql import query


def test_results_mix_with_the_frame_api() -> None:
    flights = vl.DataFrame({"dest": ["SFO", "LAX", "SFO"], "delay": [10, 20, 30]})
    frame = vl.sql("select dest, avg(delay) as mean from flights group by dest", flights=flights)
    assert frame[frame["mean"] > 20.0].to_arrow().num_rows == 0
    assert sorted(frame.to_arrow()["mean"].to_pylist()) == [20.0, 20.0]


def test_names_are_looked_up_among_arguments_then_registered_then_variables() -> None:
    one = vl.DataFrame({"who": ["variable"]})
    assert vl.sql("select who from one").to_arrow()["who"].to_pylist() == ["variable"]
    with vl.Session():
        vl.register("one", vl.DataFrame({"who": ["registered"]}))
        assert vl.sql("select who from ONE").to_arrow()["who"].to_pylist() == ["registered"]
        given = vl.DataFrame({"who": ["argument"]})
        assert vl.sql("select who from one", one=given).to_arrow()["who"].to_pylist() == ["argument"]
        vl.unregister("one")
    assert one.columns == ["who"]


def test_pandas_and_arrow_tables_are_tables() -> None:
    p = pd.DataFrame({"a": [1, 2]})
    q = pa.table({"a": [2, 3]})  # noqa: F841  # the query names it
    assert vl.sql("select p.a from p join q on p.a = q.a").to_arrow().to_pylist() == [{"a": 2}]
    assert vl.sql("select sum(a) as n from q", q=p).to_arrow().to_pylist() == [{"n": 3}]


def test_a_variable_that_is_no_table_is_not_found() -> None:
    number = 3
    with pytest.raises(SqlError, match="unknown table 'number'"):
        vl.sql("select * from number")
    assert number == 3


def test_binding_runs_nothing() -> None:
    def fail(_: object) -> object:
        raise AssertionError("the plan was run")

    frame = vl.DataFrame({"a": [1, 2]})
    function = MapBatches(input=frame.plan, label="fail", function=fail, adds=(), keeps=True)
    lazy = frame.with_plan(function)  # noqa: F841  # the query names it
    assert vl.sql("select count(*) as n from lazy where a in (select a from lazy)").columns == ["n"]


def test_any_name_can_be_a_table_in_a_mapping() -> None:
    tables = {"params": vl.DataFrame({"a": [1]}), "my table": vl.DataFrame({"a": [5]})}
    text = 'select p.a + m.a as n from params p, "my table" m'
    assert query(text, tables).to_arrow().to_pylist() == [{"n": 6}]


def test_quoted_paths_read_files(tmp_path: Path) -> None:
    vl.DataFrame({"dest": ["SFO", "LAX"], "n": [1, 2]}).to_parquet(str(tmp_path / "f.parquet"))
    text = f"select n from '{tmp_path}/*.parquet' where dest = $dest"
    assert vl.sql(text, params={"dest": "LAX"}).to_arrow().to_pylist() == [{"n": 2}]
    assert vl.sql(f"select f.n from '{tmp_path}/f.parquet' order by 1").to_arrow()["n"].to_pylist() == [1, 2]
    with pytest.raises(ReadError, match=r"nothing\.parquet"):
        vl.sql(f"select * from '{tmp_path}/nothing.parquet'")


def test_the_name_stays_a_function_once_the_package_is_loaded() -> None:
    import volley.sql.parse  # noqa: F401  # the import that would put a module in the function's place

    assert vl.sql("select 1 as one").to_arrow().to_pylist() == [{"one": 1}]
