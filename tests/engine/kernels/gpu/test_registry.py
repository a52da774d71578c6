"""Functions of the catalogue have a kernel on the GPU, or the CPU computes them and the reason is told."""

from __future__ import annotations

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.errors import DeviceUnavailable
from volley.engine.expr import Call, Column, Expr, NamedExpr, literal
from volley.engine.expr.build import call, cast
from volley.engine.expr.catalogue import FUNCTIONS
from volley.engine.kernels.devices import open_device
from volley.engine.kernels.protocol import Device
from volley.engine.schema import Schema


def col(name: str, dtype: dtypes.DataType) -> Column:
    return Column(name=name, dtype=dtype)


TEXT, NUMBER, MONEY = col("s", dtypes.string), col("i", dtypes.int64), col("d", dtypes.decimal(9, 2))
BERLIN = col("z", dtypes.timestamp("us", "Europe/Berlin"))
LIST = col("l", dtypes.list_(dtypes.int64))


def test_every_function_of_the_catalogue_has_a_kernel_or_a_reason(gpu: Device) -> None:
    """A new one must say what the GPU makes of it: a kernel in `engine/kernels/gpu/`, or `on_cpu` with the reason."""
    from volley.engine.kernels.gpu import project  # noqa: F401 - it registers the kernels
    from volley.engine.kernels.gpu.functions.registry import KERNELS, NO_KERNEL

    assert FUNCTIONS.keys() - KERNELS.keys() - NO_KERNEL.keys() == set(), "give it a kernel, or a reason with on_cpu"
    assert (KERNELS.keys() | NO_KERNEL.keys()) - FUNCTIONS.keys() == set()
    assert not KERNELS.keys() & NO_KERNEL.keys()
    assert len(KERNELS) > 100


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        (call("add", NUMBER, literal(1)), None),
        (call("like", TEXT, pattern="a%", escape=None, fold=False), None),
        (call("regexp_matches", TEXT, pattern="^a+b$"), None),
        (call("regexp_matches", TEXT, pattern=r"\bword"), "regexp_matches: the pattern has parts"),
        (call("regexp_matches", TEXT, pattern="a|ab"), "alternatives"),
        (call("substring", TEXT, literal(2)), None),
        (call("substring", TEXT, NUMBER), "substring: argument 2 must be a constant"),
        (call("hour", BERLIN), "hour: libcudf knows no time zones such as Europe/Berlin"),
        (call("hour", col("u", dtypes.timestamp("us", "UTC"))), None),
        (call("is_null", LIST), None),
        (call("list_length", LIST), None),
        (call("list_reverse", LIST), "list_reverse: lists are computed on the CPU"),
        (call("length", call("translate", TEXT, literal("a"), literal("b"))), "translate: "),
        (cast(NUMBER, dtypes.decimal(12, 2)), None),
        (cast(MONEY, dtypes.float64), None),
        (cast(TEXT, dtypes.int64), "string to int64"),
    ],
    ids=str,
)
def test_what_the_cpu_computes_is_known_before_the_run(gpu: Device, expr: Expr, reason: str | None) -> None:
    from volley.engine.kernels.gpu.project import refused

    found = refused(expr)
    assert found is None if reason is None else found is not None and reason in found


def test_only_what_is_refused_crosses_the_bus(gpu: Device) -> None:
    from volley.engine.kernels.gpu import memory

    data = pa.table({"i": pa.array(range(1000)), "s": pa.array(["abc"] * 1000)})
    schema = Schema.of([("i", dtypes.int64), ("s", dtypes.string)])
    table = gpu.from_arrow(data, schema)
    plain: Expr = call("add", call("multiply", NUMBER, literal(2)), call("length", TEXT))
    moved = call("translate", TEXT, literal("a"), literal("b"))
    with memory.counted() as without:
        gpu.project(table, [NamedExpr(name="x", expr=plain)])
    assert without.fallbacks == {}
    assert without.to_host < 100  # the answers of overflow checks
    with memory.counted() as ledger:
        result = gpu.project(table, [NamedExpr(name="x", expr=plain), NamedExpr(name="y", expr=moved)])
    assert ledger.fallbacks == {"translate": 1000}
    texts = (3 + 4) * 1000  # characters and offsets
    assert texts <= ledger.to_host < texts + 200
    assert texts <= ledger.to_device < texts + 200
    assert gpu.to_arrow(result).column("y").to_pylist() == ["bbc"] * 1000


def test_an_unknown_function_is_named(gpu: Device) -> None:
    from volley.engine.kernels.gpu.functions.registry import refusal

    unknown = Call(function="frobnicate", args=(NUMBER,), dtype=dtypes.int64)
    assert refusal(unknown) == "there is no kernel for it"


def test_tables_of_other_devices_are_refused(gpu: Device) -> None:
    with pytest.raises(TypeError, match="object"):
        gpu.to_arrow(object())  # type: ignore[arg-type]  # the mistake under test


def test_a_loaded_simulator_is_not_passed_off_as_a_gpu(gpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOLLEY_SIMULATE_GPU", raising=False)
    with pytest.raises(DeviceUnavailable, match="has loaded the simulator"):
        open_device("gpu")
