"""A column with the path of the file that a row is from, in every format."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import volley as vl
from volley import io
from volley.engine.errors import ConfigError
from volley.engine.plan import Scan

FORMS = ("parquet", "csv", "json", "ipc", "orc")


def written(root: Path, form: str) -> list[str]:
    """Write two partitions of a table; returns the files' paths."""
    paths = []
    for key in (1, 2):
        path = root / f"k={key}" / f"part.{form}"
        path.parent.mkdir(parents=True)
        vl.from_arrow(pa.table({"a": [key, key * 10], "b": ["x", None]})).write(str(path), format=form)
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("form", FORMS)
def test_each_row_says_its_file(tmp_path: Path, form: str) -> None:
    paths = written(tmp_path, form)
    source = io.open_source(str(tmp_path / "*" / f"*.{form}"), filename=True)
    frame = vl.DataFrame.from_plan(Scan(source=source))
    assert frame.columns == ["a", "b", "filename", "k"]
    rows = frame.sort_values("a").to_dict()
    assert rows["filename"] == [paths[0], paths[1], paths[0], paths[1]]
    assert rows["a"] == [1, 2, 10, 20]
    only = frame[frame.filename == paths[1]]
    assert sorted(only.to_dict()["a"]) == [2, 20]
    assert frame.groupby("filename").agg(n=("a", "size")).sort_values("filename").to_dict()["n"] == [2, 2]
    assert sorted(frame[["filename"]].to_dict()["filename"]) == [paths[0], paths[0], paths[1], paths[1]]


def test_as_in_duckdb(tmp_path: Path) -> None:
    written(tmp_path, "parquet")
    where = tmp_path / "**" / "*.parquet"
    for query in (
        f"select * from read_parquet('{where}', filename = true) order by a",
        f"select a, source from read_parquet('{where}', filename = 'source') where source like '%k=2%' order by a",
        f"select count(distinct filename) as n, max(filename) as m from read_parquet(['{where}'], filename = true)",
        f"select filename from read_parquet('{where}', filename = true) where k = 1 and a > 1",
    ):
        theirs = duckdb.sql(query).to_arrow_table()
        ours = vl.sql(query).to_arrow()
        assert ours.column_names == theirs.column_names
        assert ours.to_pylist() == theirs.to_pylist()


def test_a_column_of_that_name_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "a.csv")
    vl.from_arrow(pa.table({"Filename": ["mine"]})).to_csv(path)
    assert vl.read_csv(path, filename="from").to_dict() == {"Filename": ["mine"], "from": [path]}
    assert vl.read_csv(path, filename=False).columns == ["Filename"]
    with pytest.raises(ConfigError, match="has a column 'filename' already; write filename='another name'"):
        vl.read_csv(path, filename=True)
    with pytest.raises(ConfigError, match="filename is true, or the name"):
        vl.read_csv(path, filename=3)
    with pytest.raises(ConfigError, match="did you mean 'filename'"):
        io.open_source(path, filenam=True)
