"""Kernels load without numba, refuse what does not fit, and survive a bad cache and company at start-up."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import compile as compile_module
from volley.engine.kernels.cpu.native.compile import kernel, parse_signature

ROOT = Path(__file__).parents[4]
SCRIPT = """
import sys
import numpy as np
from volley.engine.kernels.cpu import native
assert "numba" not in sys.modules and "llvmlite" not in sys.modules
print(native.hash_words(np.arange(3, dtype=np.uint64)).tolist(), "numba" in sys.modules)
"""


def python(cache: Path, script: str = SCRIPT) -> subprocess.Popen[str]:
    environment = {**os.environ, "VOLLEY_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out, err


def test_processes_that_start_together_agree_and_later_ones_need_no_numba(tmp_path: Path) -> None:
    first = [finished(process)[0] for process in [python(tmp_path), python(tmp_path)]]
    assert first[0] == first[1]
    assert first[0].endswith("True\n")
    files = list((tmp_path / "kernels").iterdir())
    assert [file.suffix for file in files] == [".o"]
    later, _ = finished(python(tmp_path))
    assert later == first[0].replace("True", "False")


def test_a_cache_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    script = "from volley.engine.kernels.cpu import native\n" + 2 * "print(native.cache_directory().is_dir())\n"
    out, err = finished(python(blocked, script + "print(native.cache_directory())\n"))
    first, second, folder = out.splitlines()
    assert (first, second) == ("True", "True")
    assert not Path(folder).exists()  # it goes with the process
    assert err.count("\n") == 1
    assert "VOLLEY_CACHE_DIR" in err


def test_a_home_that_cannot_be_written_is_told_and_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    monkeypatch.delenv("VOLLEY_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(compile_module, "__file__", str(blocked / "compile.py"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chosen = compile_module.cache_directory.__wrapped__()
    assert chosen.parent == tmp_path
    assert chosen.name.startswith("volley-kernels-")
    (line,) = capsys.readouterr().err.splitlines()
    assert f"cannot be kept in {blocked / '__pycache__'} and {blocked / 'volley' / 'kernels'}" in line
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert compile_module.cache_directory.__wrapped__() == home / "volley" / "kernels"
    assert not capsys.readouterr().err


QUERY = """
import sys
import volley as vl
rows = vl.DataFrame({"word": ["b", "a", None, "b"] * 50, "value": [1.0, 2.0, 3.0, 4.0] * 50})
other = vl.DataFrame({"word": ["a", "b"], "label": [10, 20]})
answer = vl.sql(
    "select word, label, sum(value) as total from rows join other using (word) group by word, label order by word desc",
    rows=rows, other=other,
)
print(list(answer.to_arrow().to_pydict().values()), "numba" in sys.modules)
"""


@pytest.mark.slow
def test_queries_that_start_together_on_a_new_machine_agree_and_later_ones_compile_nothing(tmp_path: Path) -> None:
    answers = [finished(process)[0] for process in [python(tmp_path, QUERY), python(tmp_path, QUERY)]]
    assert answers == 2 * ["[['b', 'a'], [20, 10], [250.0, 100.0]] True\n"]
    files = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "kernels").iterdir()}
    assert {Path(name).suffix for name in files} == {".o"}
    assert finished(python(tmp_path, QUERY))[0] == answers[0].replace("True", "False")
    assert files == {file.name: file.stat().st_mtime_ns for file in (tmp_path / "kernels").iterdir()}


def test_a_damaged_cache_file_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "cache_directory", lambda: tmp_path)

    def shift(values: NDArray[np.int64], out: NDArray[np.int64]) -> None:
        for i in range(len(values)):
            out[i] = values[i] >> 1

    for _ in range(2):
        out = np.zeros(3, np.int64)
        kernel("void(const i64[], i64[])")(shift)(np.array([2, 4, 6]), out)
        assert out.tolist() == [1, 2, 3]
        (file,) = tmp_path.iterdir()
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("position", "argument"),
    [
        (1, np.zeros(4, np.int64)),
        (1, np.zeros((4, 1), np.int32)),
        (1, np.zeros(8, np.int32)[::2]),
        (1, [0, 0]),
        (2, np.zeros(4, ">i8")),
        (2, None),
        (5, np.zeros(4, np.float64)),
    ],
)
def test_wrong_arguments_are_refused(position: int, argument: object) -> None:
    arguments: list[object] = [
        np.zeros(4, np.int32),
        np.zeros(4, np.int64),
        native.NO_BITS,
        0,
        np.zeros(4, np.int64),
    ]
    arguments[position - 1] = argument
    with pytest.raises(TypeError, match=f"argument {position} does not fit"):
        native.sum_i64(*arguments)  # type: ignore[arg-type]  # that is the point
    with native.holding_lock(), pytest.raises(TypeError, match=f"argument {position} does not fit"):
        native.sum_i64(*arguments)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_kernels_give_the_same_while_the_lock_is_held(kind: type) -> None:
    offsets, data = np.array([0, 1, 3, 4, 5], kind), np.frombuffer(b"abbac", np.uint8)
    expected = native.BytesGroups().insert(offsets, data)
    with native.holding_lock():
        found = native.BytesGroups().insert(offsets, data)
        with native.holding_lock():
            pass
        assert native.hash_bytes(offsets, data).tolist() == native.hash_bytes(offsets.astype(np.int64), data).tolist()
    assert found.tolist() == expected.tolist()


def test_outputs_must_be_writeable_and_inputs_need_not() -> None:
    ids, values, sums = np.zeros(4, np.int32), np.arange(4), np.zeros(1, np.int64)
    ids.flags.writeable = values.flags.writeable = False
    native.sum_i64(ids, values, native.NO_BITS, 0, sums)
    assert sums.tolist() == [6]
    sums.flags.writeable = False
    with pytest.raises(TypeError, match="argument 5 does not fit"):
        native.sum_i64(ids, values, native.NO_BITS, 0, sums)


def test_a_kernel_is_compiled_once_by_many_threads() -> None:
    def double(values: NDArray[np.int64], out: NDArray[np.int64]) -> None:
        for i in range(len(values)):
            out[i] = values[i] * 2

    run = kernel("void(const i64[], i64[])")(double)
    outs = [np.zeros(100, np.int64) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda out: run(np.arange(100), out), outs))
    assert all((out == 2 * np.arange(100)).all() for out in outs)
    assert len(run.load()) == 1


@pytest.mark.parametrize("signature", ["i64", "i64(text[])", "void(i64[)"])
def test_bad_signatures_are_named(signature: str) -> None:
    with pytest.raises(ValueError, match="kernel signature"):
        parse_signature(signature)
