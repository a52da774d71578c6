"""Users' functions compile for CUDA and, on numba's simulator, give what Python gives."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.simulated_gpu import simulated_device
from volley.engine.dtypes import DataType, Kind, bool_, float64, int64
from volley.engine.errors import UnsupportedOperation
from volley.engine.kernels.gpu.udf import CudaFunction, group_function, require, row_function
from volley.engine.plan.functions import ValueFunction
from volley.engine.schema import Field

simulated_device()  # before the kernels are imported, or they would look for a real GPU

from volley.engine.kernels.gpu.calls import call_refusal  # noqa: E402

FLOAT, INT, BOOL = Kind.FLOAT64, Kind.INT64, Kind.BOOL
compiler = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed; make check-gpu has it"
)


def distance(x, y):
    return math.sqrt(x * x + y * y) if x > 0 else y / 2


def both(a, b):
    return a and not b


def energy(values):
    total = 0.0
    for value in values:
        total += value * value
    return total


def ratio(x, y):
    return x / y


def successor(x):
    return x + 1


def positive(x):
    if x < 0:
        raise ValueError("negative")
    return x


def wave(x):
    return math.sin(x)


def shout(x):
    return str(x)


@compiler
@pytest.mark.parametrize("capability", [(8, 0), (9, 0), (10, 0)])
@pytest.mark.parametrize("made", [(row_function, distance, (FLOAT, FLOAT)), (group_function, energy, (FLOAT,))])
def test_it_compiles_without_a_device(capability, made):
    make, function, kinds = made
    text = require(make(function, kinds), "function").ptx(capability)
    assert f".target sm_{capability[0]}{capability[1]}" in text
    assert ".visible .entry" in text


@compiler
@pytest.mark.parametrize("capability", [(8, 0), (9, 0), (10, 0)])
@pytest.mark.parametrize("function", [distance, both])
def test_functions_of_values_compile_to_what_libcudf_takes(function, capability):
    """One function by itself, that writes its result where its first argument points to."""
    kinds = (BOOL, BOOL) if function is both else (FLOAT, FLOAT)
    text = require(row_function(function, kinds), "function").device_ptx(capability)
    assert f".target sm_{capability[0]}{capability[1]}" in text
    assert text.count(".func") == 1
    assert call_refusal(value_function(function, kinds)) is None


@compiler
def test_functions_that_need_tables_beside_them_are_left_to_the_host():
    assert "tables of the math library" in str(call_refusal(value_function(wave, (FLOAT,))))


def hyperbolic(x):
    return math.erf(x) + math.gamma(x)


@compiler
def test_what_the_cuda_compiler_refuses_is_left_to_the_host(monkeypatch):
    def fails(*_):
        raise RuntimeError("NVVM_ERROR_COMPILATION\nmore of it")

    monkeypatch.setattr(CudaFunction, "device_ptx", fails)
    reason = call_refusal(value_function(hyperbolic, (FLOAT,)))
    assert reason == "it does not compile for CUDA: NVVM_ERROR_COMPILATION"


def value_function(function, kinds):
    result = Field("r", bool_ if function is both else float64)
    return ValueFunction(function=function, arguments=tuple(map(DataType, kinds)), result=result)


@pytest.mark.parametrize(
    ("function", "kinds", "reason"),
    [
        (ratio, (FLOAT, FLOAT), "divides by what may be zero"),
        (successor, (INT,), "wrap around"),
        (positive, (FLOAT,), "may raise"),
        (shout, (INT,), "returns unicode_type"),
        (distance, (Kind.STRING, FLOAT), "numbers and booleans only, not string, float64"),
        (math.sqrt, (FLOAT,), "no Python function"),
    ],
)
def test_what_would_differ_from_python_is_refused(function, kinds, reason):
    made = row_function(function, kinds)
    assert isinstance(made, str)
    assert reason in made
    with pytest.raises(UnsupportedOperation, match="cannot be compiled for the gpu: "):
        require(made, "function")


def test_types_of_results_are_found():
    assert require(row_function(distance, (FLOAT, FLOAT)), "distance").dtype == float64
    assert require(row_function(successor, (INT,), wraps=True), "successor").dtype == int64
    assert isinstance(row_function(both, (BOOL, BOOL)), CudaFunction)


def test_kernels_give_what_python_gives():
    """In a process of its own: numba chooses its simulator when it is imported."""
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(Path(__file__).parents[4])}
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("run_udfs.py")], env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["rows", "booleans", "groups", "once"]
