"""The CPU device has a kernel for every function of the catalogue, and none besides."""

from __future__ import annotations

import pytest

from volley.engine import dtypes
from volley.engine.errors import UnsupportedOperation
from volley.engine.expr import Call, Column
from volley.engine.expr.catalogue import FUNCTIONS
from volley.engine.kernels.cpu import project
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.functions.registry import KERNELS
from volley.engine.kernels.cpu.table import empty_table
from volley.engine.schema import Schema


def test_every_function_of_the_catalogue_has_a_kernel() -> None:
    assert set(KERNELS) == set(FUNCTIONS)


def test_an_unknown_function_is_named() -> None:
    table = empty_table(Schema.of([("x", dtypes.int64)]))
    unknown = Call(function="frobnicate", args=(Column(name="x", dtype=dtypes.int64),), dtype=dtypes.int64)
    with pytest.raises(UnsupportedOperation, match="frobnicate"):
        project.Evaluator(table).value(unknown)


def test_tables_of_other_devices_are_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        CpuDevice().to_arrow(object())  # type: ignore[arg-type]  # the mistake under test
