"""Workers that run stages on GPUs: simulated ones in processes of their own, and how real ones are started."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from distributed import LocalCluster
from distributed.protocol import deserialize, serialize

import volley as vl
from tests.support.clusters import DEVICE
from tests.support.simulated_gpu import SWITCH, simulated_device
from tests.support.tpc import assert_as_duckdb, texts
from volley import ml
from volley.engine.errors import ConfigError, DeviceUnavailable, UnsupportedOperation
from volley.engine.frame import session as frames
from volley.engine.kernels.devices import open_device
from volley.engine.runners.dask import ClusterSettings, coordinator, gpu_protocol, launch, start_cluster
from volley.engine.runners.dask import cluster as room
from volley.engine.runners.dask.plugin import Comms, carries_parcels

DATA = pa.table(
    {
        "k": [n % 11 for n in range(20_000)],
        "s": [f"text {n % 7}" if n % 5 else None for n in range(20_000)],
        "x": [n / 8 for n in range(20_000)],
    }
)


@pytest.fixture(scope="module")
def session() -> Iterator[vl.Session]:
    """A session over two worker processes with a simulated GPU each."""
    protocol = os.environ.get("VOLLEY_TEST_PROTOCOL", "tcp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "1")
        with start_cluster(ClusterSettings(gpus="0,1", protocol=protocol)) as started:
            patch.undo()  # the workers keep it
            session = vl.Session(device=simulated_device(), cluster=started.scheduler_address)
            yield session
            session.close()


def test_a_session_starts_one_worker_for_each_gpu(session: vl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.cluster is not None
    assert len(session.cluster.client.nthreads()) == 2
    asked: list[ClusterSettings] = []

    @contextmanager
    def start(settings: ClusterSettings) -> Iterator[Any]:
        asked.append(settings)
        yield session.cluster.client.scheduler.address  # type: ignore[union-attr]  # checked above

    monkeypatch.setattr(room, "start_cluster", start)
    monkeypatch.setenv(SWITCH, "1")
    for where, gpus in (("local-gpu", "all"), ("local-gpu:0,1", "0,1")):
        with vl.Session(cluster=where, threads=2) as own:  # no device is named: it must be the GPU
            assert own.device.name == "gpu (simulated)"
            assert vl.DataFrame(DATA).groupby("k").size().to_arrow().num_rows == 11
        assert asked.pop() == ClusterSettings(gpus=gpus, threads=2, protocol="tcp")


def test_stages_run_on_the_workers_gpus(session: vl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)  # rows of both sides go from worker to worker
    text = """
        select a.s, count(*) n, sum(a.x) t, max(b.x) m from data a join data b on a.k = b.k and a.x = b.x
        where a.k > 3 group by a.s order by a.s nulls last
    """
    made = vl.sql(text, data=vl.DataFrame(DATA, session=session))
    assert "gpu (simulated)" in made.explain("physical")
    assert made.to_arrow().equals(vl.sql(text, data=vl.DataFrame(DATA)).to_arrow())


def test_explain_says_what_crossed_each_workers_bus(session: vl.Session) -> None:
    own = vl.DataFrame(DATA, session=session)
    metrics = session.run(own.groupby("k").agg(t=("x", "sum")).plan).metrics
    moved = [worker.bus.moved for stage in metrics.stages for worker in stage.workers.values()]
    assert None not in moved
    assert sum(one.to_device for one in moved if one) >= 16 * len(DATA), "two columns, once"
    assert sum(one.to_host for one in moved if one) >= 16 * 11, "the groups"
    assert sum(one.to_device for one in moved if one) < 3 * 16 * len(DATA)
    told = metrics.describe().splitlines()
    assert all(" to the device; " in line for line in told if "tasks, " in line and "://" in line)


@pytest.mark.cluster
@pytest.mark.parametrize("text", texts("tpch"), ids=lambda path: path.stem)
def test_tpch(session: vl.Session, tpch: Path, text: Path) -> None:
    assert_as_duckdb(text, tpch, session)


@pytest.mark.skipif(DEVICE != "cpu", reason="the workers of all tests have one")
def test_workers_without_a_gpu_are_refused(cluster: vl.Session) -> None:
    """They run the CPU's kernels, or could not load the GPU's: either is said before anything runs."""
    address = cluster.cluster.client.scheduler.address
    with (
        pytest.raises((ConfigError, DeviceUnavailable), match=r"the device is cpu on the workers and gpu|pylibcudf"),
        vl.Session(device=simulated_device(), cluster=address) as session,
    ):
        vl.DataFrame(DATA, session=session).to_arrow()


def test_a_session_on_the_cpu_has_no_workers_on_gpus() -> None:
    with pytest.raises(ConfigError, match="has workers on GPUs; leave device out"):
        vl.Session(device="cpu", cluster="local-gpu")
    with pytest.raises(ConfigError, match="'local-gpu'"):
        vl.Session(cluster="local-gpus")


# The constructor of LocalCUDACluster of dask-cuda 26.10, without what it takes for LocalCluster; compared where it is
# installed.
CUDA_CLUSTER = (
    "(CUDA_VISIBLE_DEVICES=None, n_workers=None, threads_per_worker=1, memory_limit='auto', "
    "device_memory_limit='default', enable_cudf_spill=False, cudf_spill_stats=0, local_directory=None, protocol=None, "
    "enable_tcp_over_ucx=None, enable_infiniband=None, enable_nvlink=None, enable_rdmacm=None, rmm_pool_size=None, "
    "rmm_maximum_pool_size=None, rmm_managed_memory=False, rmm_async=False, rmm_allocator_external_lib_list=None, "
    "rmm_release_threshold=None, rmm_log_directory=None, rmm_track_allocations=False, log_spilling=False, "
    "pre_import=None, **kwargs)"
)


def test_the_constructor_is_that_of_dask_cuda() -> None:
    real = pytest.importorskip("dask_cuda").LocalCUDACluster
    assert str(inspect.signature(real)) == CUDA_CLUSTER


@pytest.mark.parametrize("gpus", ["all", "0,2"])
def test_real_gpus_get_one_process_each_with_one_pool(monkeypatch: pytest.MonkeyPatch, gpus: str) -> None:
    """The options fit dask-cuda's constructor; what it hands on fits Dask's."""
    asked: dict[str, Any] = {}
    namespace: dict[str, Any] = {}
    exec(f"def constructor{CUDA_CLUSTER}: ...", namespace)
    signature = inspect.signature(namespace["constructor"])

    class Cluster:
        scheduler = SimpleNamespace(broadcast=None)
        workers: ClassVar[dict[int, Any]] = {}

        def __init__(self, **options: Any) -> None:
            asked.update(options)
            kept = signature.bind(**options).arguments.get("kwargs", {})
            inspect.signature(LocalCluster).bind(**kept)

        def sync(self, *_: object, **__: object) -> None: ...

        def close(self, timeout: float | None = None) -> None: ...

    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(launch, "_gpu_cluster", lambda: Cluster)
    with start_cluster(ClusterSettings(gpus=gpus, protocol="tcp")):
        pass
    assert asked["CUDA_VISIBLE_DEVICES"] == (None if gpus == "all" else gpus)
    assert asked["n_workers"] is None, "as many as there are devices"
    assert asked["rmm_async"] is True
    assert asked["rmm_release_threshold"] == 0.9
    assert "volley.engine.kernels.gpu.device" in asked["pre_import"]


def test_gpus_need_dask_cuda_and_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    with (
        pytest.raises((ConfigError, DeviceUnavailable), match=r"dask-cuda|NVIDIA driver"),
        start_cluster(ClusterSettings(gpus="all")),
    ):
        pass


def test_gpus_talk_ucx_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(launch, "find_spec", lambda _: object())
    assert gpu_protocol() == "ucx"
    monkeypatch.setenv(SWITCH, "1")
    assert gpu_protocol() == "tcp"
    monkeypatch.delenv(SWITCH)
    monkeypatch.setattr(launch, "find_spec", lambda _: None)
    assert gpu_protocol() == "tcp"


def test_the_memory_of_a_gpu_is_sent_over_ucx_alone() -> None:
    gpu, cpu = SimpleNamespace(name="gpu"), SimpleNamespace(name="cpu")
    assert carries_parcels("ucx://10.0.0.1:1", gpu)  # type: ignore[arg-type]
    assert not carries_parcels("tcp://10.0.0.1:1", gpu)  # type: ignore[arg-type]
    assert carries_parcels("tcp://10.0.0.1:1", cpu)  # type: ignore[arg-type]
    assert not carries_parcels("ucx://10.0.0.1:1", simulated_device()), "which has no memory that UCX could read"


def test_a_page_of_parcels_reaches_the_other_side_without_the_host(tmp_path: Path) -> None:
    """What one process answers, and another takes, through Dask's own serialisers."""
    from volley.engine.arrow import from_arrow_schema
    from volley.engine.exchange import BucketStore, OutputId
    from volley.engine.kernels.devices import register_serialization
    from volley.engine.kernels.gpu import memory

    device = simulated_device()
    register_serialization(device)
    schema = from_arrow_schema(DATA.schema)
    store = BucketStore(device, limit=None, folder=str(tmp_path))
    output = OutputId("query", 1, 0, 0)
    made = [device.from_arrow(DATA.slice(start, 900), schema) for start in (0, 900)]
    store.put(output, [made])
    with memory.counted() as ledger:
        page = store.page([output], 0, 1, 0, parcels=True)
        frames = [Comms(None, None).frame(frame) for frame in page.frames]  # type: ignore[arg-type]
        sent = [serialize(frame.data, serializers=("cuda", "dask", "pickle")) for frame in frames]
        assert [header["serializer"] for header, _ in sent] == ["cuda"]
        taken = [deserialize(header, parts) for header, parts in sent]
        tables = [table for frame in taken for table in device.unpack(frame, schema)]
    assert (ledger.to_device, ledger.to_host) == (0, 0)
    assert page.counts == [[(0, 2)]]
    assert pa.concat_tables([device.to_arrow(table) for table in tables]).equals(DATA.slice(0, 1800))
    store.close()


@pytest.fixture(scope="module")
def laptop(session: vl.Session) -> Iterator[vl.Session]:
    """A session that has no GPU, over the workers that have."""
    assert session.cluster is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "open_device", _without_gpu)
        own = vl.Session(device="gpu", cluster=session.cluster.client.scheduler.address)
    yield own
    own.close()


def _without_gpu(name: str) -> Any:
    if name == "gpu":
        raise DeviceUnavailable("pylibcudf is not installed")
    return open_device(name)


def test_who_plans_for_workers_with_gpus_needs_none(laptop: vl.Session, session: vl.Session) -> None:
    text = """
        select s, count(*) n, sum(x) t, max(levenshtein(s, 'text 3')) d from data where k > 3 group by s
        order by s nulls last
    """
    made = vl.sql(text, data=vl.DataFrame(DATA, session=laptop))
    assert made.explain("physical") == vl.sql(text, data=vl.DataFrame(DATA, session=session)).explain("physical")
    assert "gpu (simulated)" in made.explain("physical")
    assert "on the cpu levenshtein: libcudf has no such distance of letters" in made.explain("physical")
    assert made.to_arrow().equals(vl.sql(text, data=vl.DataFrame(DATA)).to_arrow())
    moved = [w.bus.moved for s in laptop.run(made.plan).metrics.stages for w in s.workers.values()]
    assert any(one is not None and one.to_device for one in moved)
    assert vl.DataFrame(DATA, session=laptop).sort_values("x", ascending=False).head(3).to_arrow().num_rows == 3


def test_what_the_workers_would_leave_to_the_cpu_is_refused_while_planning(laptop: vl.Session) -> None:
    rows = vl.DataFrame(DATA, session=laptop)
    laptop.cpu_fallback = False
    try:
        with pytest.raises(UnsupportedOperation, match=r"gpu \(simulated\) cannot compute levenshtein"):
            vl.sql("select levenshtein(s, 'a') from data", data=rows).to_arrow()
    finally:
        laptop.cpu_fallback = True


def test_models_are_fitted_by_workers_for_a_session_without_a_gpu(laptop: vl.Session) -> None:
    model = ml.Ridge().fit(vl.DataFrame(DATA, session=laptop), ml.Features(numeric=["k"], categorical=["s"], label="x"))
    assert model.trained_on == "cpu (other libraries cannot look into a simulated GPU)"
    here = ml.Ridge().fit(vl.DataFrame(DATA), ml.Features(numeric=["k"], categorical=["s"], label="x"))
    assert model.core.solution.coef == pytest.approx(here.core.solution.coef)
    scored = model.predict(vl.DataFrame(DATA, session=laptop))
    assert "on the cpu predict(Ridge)" in scored.explain("physical")
    assert ml.evaluate(model, scored).metrics["rmse"] == pytest.approx(
        ml.evaluate(here, vl.DataFrame(DATA)).metrics["rmse"]
    )


def test_without_a_cluster_elsewhere_the_gpu_must_be_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "open_device", _without_gpu)
    for cluster in (None, "local", "local-gpu"):
        with pytest.raises(DeviceUnavailable, match="pylibcudf is not installed"):
            vl.Session(device="gpu", cluster=cluster)
