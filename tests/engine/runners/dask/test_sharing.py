"""No task does much more than its share of a join with one frequent key; a worker keeps little of what has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

import volley as vl
from tests.support.clusters import in_small_tasks
from volley.engine.exchange import BucketStore
from volley.engine.exchange.transfer import Exchange
from volley.engine.kernels.devices import open_device
from volley.engine.runners.dask import coordinator, placement
from volley.engine.runners.dask.placement import Slots
from volley.engine.runners.dask.work import Bench

ROWS = 80_000


def test_a_key_with_half_of_the_rows_is_shared_out(
    cluster: vl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    in_small_tasks(monkeypatch)
    monkeypatch.setattr(placement, "HANDING_BYTES", 0)  # for kilobytes what is for megabytes
    monkeypatch.setattr(cluster.cluster, "slots", lambda: Slots(2, 8))  # plan as for eight threads
    for part in range(8):
        keys = [7 if n % 2 else n for n in range(part, ROWS, 8) for _ in range(2)]
        vl.from_arrow(pa.table({"k": keys})).to_parquet(tmp_path / "left" / f"{part}.parquet")
    vl.from_arrow(pa.table({"k": list(range(ROWS))})).to_parquet(tmp_path / "right.parquet")
    frame = vl.read_parquet(tmp_path / "left").merge(vl.read_parquet(tmp_path / "right.parquet"), on="k")
    run = cluster.run(frame.plan)
    joining = run.metrics.stages[-1]
    made = [span.rows for span in run.metrics.spans if span.stage == joining.number]
    assert sum(made) == sum(table.num_rows for table in run.tables) == 2 * ROWS
    assert max(made) < 0.2 * sum(made)  # half of the rows have one key


def test_a_worker_remembers_the_queries_stopped_last() -> None:
    device = open_device("cpu")
    bench = Bench(device, Exchange(device, BucketStore(device), cast("Any", None), ""))
    for number in range(2_500):
        bench.stop(f"client/{number}")
    assert bench.stopped("client/2499")
    assert len(bench._stopped) == 1_000
