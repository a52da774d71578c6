"""The whole slice on a device whose tables cannot be opened: nothing above the kernels may look into one."""

import pyarrow as pa
import pytest

import volley as vl
from tests.support.opaque_device import OpaqueDevice, TableOpened
from volley.engine.kernels.devices import open_device


@pytest.fixture
def session():
    return vl.Session(device=OpaqueDevice(open_device("cpu")), threads=2)


@pytest.fixture
def frames(session):
    with session:
        orders = vl.DataFrame(
            {
                "id": list(range(200)),
                "who": [i % 7 if i % 11 else None for i in range(200)],
                "price": [float(i % 13) for i in range(200)],
                "tag": [f"t{i % 3}" for i in range(200)],
            }
        )
        people = vl.DataFrame({"who": [0, 1, 2, 3, 99], "name": ["ann", "bob", "cy", "di", "zoe"]})
    return orders, people


def doubled(table):
    return pa.table({"double": pa.compute.multiply(table["price"], 2.0)})


SLICE = {
    "scan": lambda o, p: o,
    "filter and project": lambda o, p: o[o.price > 3].assign(z=o.price * 2, s=o.tag.str.upper()),
    "group": lambda o, p: o.groupby(["who", "tag"]).agg(n=("id", "size"), m=("price", "mean"), s=("price", "std")),
    "count distinct": lambda o, p: o.groupby("tag").agg(n=("who", "nunique")),
    "inner join": lambda o, p: o.merge(p, on="who").sort_values("id"),
    "left join": lambda o, p: o.merge(p, on="who", how="left").sort_values("id"),
    "semi join": lambda o, p: o.merge(p, on="who", how="semi").sort_values("id"),
    "anti join": lambda o, p: o.merge(p, on="who", how="anti").sort_values("id"),
    "sort": lambda o, p: o.sort_values(["price", "id"], ascending=[False, True]),
    "top-k": lambda o, p: o.sort_values(["price", "id"]).limit(5),
    "limit": lambda o, p: o.limit(5, 7),
    "distinct": lambda o, p: o[["tag"]].drop_duplicates().sort_values("tag"),
    "distinct on": lambda o, p: o.drop_duplicates("tag").sort_values("tag"),
    "union": lambda o, p: vl.concat([o, o]),
    "windows": lambda o, p: o.assign(
        before=o.id.shift(),
        total=o.groupby("who")["price"].transform("mean"),
        place=o.price.rank(),
        s=o.id.rolling(5).std(),
    ),
    "map batches": lambda o, p: o.map_batches(doubled, {"double": "float64"}, reads=["price"], keeps=True),
}


@pytest.mark.parametrize("name", SLICE)
def test_the_slice_runs_without_opening_a_table(frames, name):
    made = SLICE[name](*frames)
    plain = vl.Session(device="cpu", threads=2)
    expected = vl.DataFrame.from_plan(made.plan, plain).to_arrow()
    assert made.to_arrow().equals(expected)
    assert made.to_arrow().num_rows > 0


def test_streaming_folding_and_writing(frames, tmp_path):
    orders, _ = frames
    assert sum(batch.num_rows for batch in orders.iter_batches()) == 200
    assert orders.fold(lambda: 0, lambda n, table: n + table.num_rows, lambda a, b: a + b) == 200
    orders.to_parquet(tmp_path / "orders.parquet")
    assert vl.read_parquet(str(tmp_path / "orders.parquet")).to_arrow().equals(orders.to_arrow())


def test_the_opaque_device_does_refuse():
    device = OpaqueDevice(open_device("cpu"))
    rows = pa.record_batch({"x": [1, 2]})
    frame = vl.DataFrame(rows)
    table = device.from_arrow(rows, frame.schema)
    with pytest.raises(TableOpened):
        pa.table(table)
    with pytest.raises(TableOpened):
        table.columns  # noqa: B018  # the access itself must fail
