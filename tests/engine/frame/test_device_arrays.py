"""Results as arrays of the device, cuDF's frames in and out, and the matrix that training reads."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from tests.support.cuda_consumers import CudaArray, DlpackArray
from tests.support.simulated_gpu import simulated_device, simulated_session
from volley import ml
from volley.engine.errors import ConfigError, TypeMismatch

simulated_device()

from volley.engine.kernels.gpu import memory  # noqa: E402
from volley.engine.kernels.gpu.library import plc  # noqa: E402
from volley.engine.kernels.simulator import machine, rmm  # noqa: E402

ROWS = 200
DATA = pa.table(
    {
        "k": pa.array([f"k{n % 4}" for n in range(ROWS)]),
        "n": pa.array(range(ROWS), pa.int64()),
        "x": pa.array([n / 4 if n % 9 else None for n in range(ROWS)]),
        "y": pa.array([n % 2 for n in range(ROWS)]),
        "w": pa.array([1.0 + n % 3 for n in range(ROWS)]),
    }
)


def moved() -> tuple[int, int]:
    return machine().traffic.to_device, machine().traffic.to_host


@pytest.mark.parametrize("taken", [CudaArray, DlpackArray])
def test_a_query_ends_in_arrays_of_the_device(taken: Any) -> None:
    session = simulated_session()
    frame = vl.DataFrame(DATA, session=session)
    made = frame[frame.n >= 20].groupby("k").agg(total=("n", "sum"), mean=("x", "mean"))[["total", "mean"]]
    before = moved()
    arrays = made.to_arrays()
    after = moved()
    assert after[1] - before[1] <= 4096  # answers that decisions need, and no column
    expected = vl.DataFrame(DATA)
    wanted = expected[expected.n >= 20].groupby("k").agg(total=("n", "sum"), mean=("x", "mean")).to_pandas()
    assert list(arrays) == ["total", "mean"]
    for name, array in arrays.items():
        np.testing.assert_allclose(taken(array).values(), wanted[name].to_numpy())


def test_on_the_cpu_they_are_numpys_and_share_memory() -> None:
    table = pa.table({"a": [1, 2, 3], "f": [1.0, None, 2.0], "b": [True, False, True]})
    arrays = vl.DataFrame(table).to_arrays()
    assert arrays["a"].ctypes.data == table["a"].chunk(0).buffers()[1].address
    np.testing.assert_array_equal(arrays["f"], [1.0, np.nan, 2.0])
    np.testing.assert_array_equal(arrays["b"], [True, False, True])
    with pytest.raises(TypeMismatch, match="column 'n' is int64 with 1 nulls"):
        vl.DataFrame({"n": [1, None]}).to_arrays()
    with pytest.raises(TypeMismatch, match="column 's' is string"):
        vl.DataFrame({"s": ["a"]}).to_arrays()


FEATURES = ml.Features(numeric=["x", "n"], label="y", weight="w")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_features_label_and_weight_are_one_buffer_on_the_device(dtype: Any) -> None:
    session = simulated_session()
    frame = vl.DataFrame(DATA, session=session)
    before = moved()
    made = ml.arrays(frame[frame.n >= 20], FEATURES, dtype=dtype)
    after = moved()
    wanted = DATA.slice(20).to_pandas()
    x, label, weight = (CudaArray(array) for array in (made.X, made.y, made.weight))
    np.testing.assert_array_equal(x.values(), wanted[["x", "n"]].to_numpy(dtype))
    np.testing.assert_array_equal(label.values(), wanted["y"].to_numpy(dtype))
    np.testing.assert_array_equal(weight.values(), wanted["w"].to_numpy(dtype))
    rows, width = 180, np.dtype(dtype).itemsize
    assert x.strides == (width, width * rows)
    assert label.address == x.address + 2 * width * rows
    assert weight.address == label.address + width * rows
    assert made.names == ("x", "n")
    assert made.ledger.copied_bytes == made.ledger.shared == 4 * width * rows  # each value once
    assert (made.ledger.to_device, made.ledger.to_host) == (after[0] - before[0], after[1] - before[1])
    assert made.ledger.to_host <= 64
    assert made.ledger.as_dict()["to_device"] == made.ledger.to_device > 0


def test_the_same_arrays_on_the_cpu() -> None:
    made = ml.arrays(vl.DataFrame(DATA), FEATURES)
    assert made.X.flags.f_contiguous
    np.testing.assert_array_equal(made.X, DATA.to_pandas()[["x", "n"]].to_numpy("float32"))
    np.testing.assert_array_equal(made.y, DATA["y"].to_numpy())
    assert made.y.base is made.X.base
    assert made.ledger.to_device == made.ledger.to_host == 0
    assert "to_device" not in made.ledger.as_dict()
    with pytest.raises(TypeMismatch, match="feature 'k' is categorical"):
        ml.arrays(vl.DataFrame(DATA), ml.Features(categorical=["k"], label="y"))
    with pytest.raises(ConfigError, match="dtype must be"):
        ml.arrays(vl.DataFrame(DATA), FEATURES, dtype="int8")  # type: ignore[arg-type]


def test_xgboost_trains_on_the_arrays_of_the_cpu() -> None:
    xgboost = pytest.importorskip("xgboost")
    made = ml.arrays(vl.DataFrame(DATA), FEATURES)
    data = xgboost.QuantileDMatrix(made.X, label=made.y, weight=made.weight, feature_names=list(made.names))
    assert (data.num_row(), data.num_col()) == (ROWS, 2)
    assert xgboost.train({"max_depth": 2}, data, num_boost_round=1).num_boosted_rounds() == 1


# What the tests below use of cuDF 26.10, which does not load without a driver; compared where it is installed.
CUDF = {
    "from_pylibcudf": "(table, metadata=None)",
    "from_arrow": "(table)",
    "to_pylibcudf": "(self)",
    "to_arrow": "(self, preserve_index=None)",
    "head": "(self, n=5)",
    "reset_index": "(self, level=None, drop=False, inplace=False, col_level=0, col_fill='', allow_duplicates=False, "
    "names=None)",
    "astype": "(self, dtype, copy=None, errors='raise')",
}


class CudfFrame:
    """What stands for a ``cudf.DataFrame``: pylibcudf's columns by name, made on the default stream."""

    def __init__(self, table: Any, names: list[str]) -> None:
        self.table, self.names = table, names

    @classmethod
    def on_device(cls, rows: pa.Table) -> CudfFrame:
        made = plc.Table.from_arrow(rows, stream=rmm.DEFAULT_STREAM, mr=memory.pool().resource)
        return cls(made, rows.column_names)

    @classmethod
    def from_pylibcudf(cls, table: Any, metadata: Any = None) -> CudfFrame:
        assert isinstance(table, plc.Table)
        assert set(metadata) == {"columns"}
        assert len(metadata["columns"]) == table.num_columns()
        return cls(table, list(metadata["columns"]))

    @classmethod
    def from_arrow(cls, table: Any) -> CudfFrame:
        return cls.on_device(table)

    def to_pylibcudf(self) -> tuple[Any, dict[str, Any]]:
        return self.table, {"index": None, "columns": pd.Index(self.names)}

    def to_arrow(self, preserve_index: bool | None = None) -> pa.Table:
        assert preserve_index is False
        return self.table.to_arrow(list(self.names), stream=rmm.DEFAULT_STREAM)

    def head(self, n: int = 5) -> CudfFrame:
        [part] = plc.copying.slice(self.table, [0, n], stream=rmm.DEFAULT_STREAM)
        return CudfFrame(part, self.names)

    def reset_index(self, level: Any = None, drop: bool = False) -> CudfFrame:
        assert drop
        return self

    @property
    def dtypes(self) -> pd.Series:
        return pd.Series(["object"] * len(self.names), index=self.names)

    def __len__(self) -> int:
        return int(self.table.num_rows())


@pytest.fixture
def cudf(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("cudf")
    module.DataFrame = CudfFrame  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "cudf", module)
    return module


def test_cudf_and_back_without_the_host(cudf: ModuleType) -> None:
    rows = DATA.select(["n", "x", "w"])
    given = CudfFrame.on_device(rows)
    with simulated_session():
        before = moved()
        frame = vl.from_cudf(given)
        made = frame[frame.n > 5][["n", "x"]].to_cudf()
        after = moved()
        assert after[0] - before[0] <= 64, "a constant"
        assert after[1] - before[1] <= 64
        assert made.names == ["n", "x"]
        assert made.to_arrow(preserve_index=False).equals(rows.slice(6).select(["n", "x"]))
        assert frame.explain("logical").strip() == "Scan cudf 200 rows x 3 columns"
        assert vl.from_cudf(given).select("w").to_arrow().equals(rows.select(["w"]))
        assert len(vl.from_cudf(given)) == ROWS


def test_a_session_on_the_cpu_copies(cudf: ModuleType) -> None:
    given = CudfFrame.on_device(DATA.select(["n", "x"]))
    frame = vl.from_cudf(given)
    assert frame[frame.n < 3].to_arrow().equals(DATA.select(["n", "x"]).slice(0, 3))
    made = vl.DataFrame(DATA).to_cudf()
    assert isinstance(made, CudfFrame)
    assert made.to_arrow(preserve_index=False).equals(DATA)


def test_without_cudf_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cudf", None)
    with pytest.raises(ConfigError, match=r"to_cudf needs cuDF: pip install 'volley-engine\[gpu\]'"):
        vl.DataFrame(DATA).to_cudf()


def test_the_stand_in_takes_what_cudf_takes() -> None:
    real = pytest.importorskip("cudf").DataFrame
    for name, wanted in CUDF.items():
        signature = inspect.signature(getattr(real, name))
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
        assert str(inspect.Signature(plain)) == wanted, name
