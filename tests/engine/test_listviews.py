"""Arrow's list views, as other libraries give them: values in any order, twice, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from volley.engine import dtypes
from volley.engine.listviews import has_list_views, lists_of

INT = pa.int32()
VIEW, LARGE = pa.list_view(INT), pa.large_list_view(pa.string_view())
TYPES = {
    "view": VIEW,
    "large": LARGE,
    "views": pa.list_view(VIEW),
    "list": pa.list_(VIEW),
    "large list": pa.large_list(LARGE),
    "fixed": pa.list_(VIEW, 2),
    "struct": pa.struct([("a", VIEW), ("b", INT)]),
    "map": pa.map_(pa.string(), VIEW),
    "deep": pa.list_view(pa.struct([("a", pa.list_(LARGE))])),
}


def out_of_order() -> pa.Array:
    """Return views of the last values, the first, none, some that a null hides, and one that others have too."""
    starts, lengths = (pa.array(numbers, INT) for numbers in ([3, 0, 0, 2, 1], [2, 2, 0, 3, 1]))
    hidden = pa.array([False, False, False, True, False])
    return pa.ListViewArray.from_arrays(starts, lengths, pa.array([1, 2, 3, 4, 5]), mask=hidden)


def a_value(kind: pa.DataType, random: np.random.Generator) -> Any:
    """Return a random value of a type, or None."""
    types, few = pa.types, int(random.integers(4))
    if not few:
        return None
    if types.is_integer(kind):
        return few
    if types.is_struct(kind):
        return {f.name: a_value(f.type, random) for f in kind}
    if types.is_map(kind):
        return [(f"k{i}", a_value(kind.item_type, random)) for i in range(few)]
    if types.is_nested(kind):
        count = kind.list_size if types.is_fixed_size_list(kind) else few - 1
        return [a_value(kind.value_type, random) for _ in range(count)]
    return "some text " * few


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("start", [0, 3, 10, 40])
def test_views_at_any_depth_become_lists(kind: pa.DataType, start: int) -> None:
    random = np.random.default_rng(start)
    views = pa.array([a_value(kind, random) for _ in range(40)], kind).slice(start, 25)
    lists = lists_of(views)
    lists.validate(full=True)
    assert lists.to_pylist() == views.to_pylist()
    assert has_list_views(kind)
    assert not has_list_views(lists.type)


def test_values_in_any_order_are_taken_as_the_views_say() -> None:
    views = out_of_order()
    wanted = [[4, 5], [1, 2], [], None, [2]]
    assert lists_of(views).to_pylist() == wanted
    assert lists_of(views[1:4]).to_pylist() == wanted[1:4]
    codes = pa.DictionaryArray.from_arrays(pa.array([4, 0, None, 0]), views)
    assert lists_of(codes).to_pylist() == [[2], [4, 5], None, [4, 5]]


def test_what_has_no_views_is_left_as_it_is() -> None:
    lists = pa.array([[1], None], pa.list_(INT))
    assert lists_of(lists) is lists


def test_frames_take_them() -> None:
    views = pa.chunked_array([out_of_order(), out_of_order()[1:]])
    texts = pa.array(["a", None, "a text that is longer than others"] * 3, pa.string_view())
    frame = vl.from_arrow(pa.table({"n": range(9), "v": views, "t": texts, "b": texts.cast(pa.binary_view())}))
    assert [str(f.dtype) for f in frame.schema] == ["int64", "list(int64)", "string", "binary"]
    assert vl.sql(
        "select n, len(v) k, v from frame where n <> 1 order by n desc", frame=frame
    ).to_arrow().to_pydict() == {
        "n": [8, 7, 6, 5, 4, 3, 2, 0],
        "k": [1, None, 0, 2, 1, None, 0, 2],
        "v": [[2], None, [], [1, 2], [2], None, [], [4, 5]],
    }
    assert vl.sql("select unnest(v) x from frame where n in (0, 8)", frame=frame).to_arrow().to_pydict() == {
        "x": [4, 5, 2]
    }
    counted = (
        vl.sql("select t, count(*) n from frame group by t order by n desc, t", frame=frame).to_arrow().to_pydict()
    )
    assert counted["n"] == [3, 3, 3]


def test_functions_may_return_them() -> None:
    def listed(table: pa.Table) -> pa.Table:
        return pa.table({"v": out_of_order()})

    frame = vl.DataFrame({"n": [1, 2, 3, 4, 5]}).map_batches(listed, {"v": dtypes.list_(dtypes.int64)})
    assert frame.to_arrow().to_pydict() == {"v": [[4, 5], [1, 2], [], None, [2]]}


def test_files_may_hold_them(tmp_path: Path) -> None:
    table = pa.table({"v": out_of_order(), "t": pa.array(list("abcde"), pa.string_view())})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    frame = vl.read_ipc(tmp_path / "a.arrow")
    assert frame.to_arrow().to_pydict() == table.to_pydict()
    frame.to_parquet(tmp_path / "a.parquet")
    assert vl.read_parquet(tmp_path / "a.parquet").to_arrow().to_pydict() == table.to_pydict()
