"""Memory that is used again is never that of an array somebody still looks at, and goes back to the system in time."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import UserFunctionError
from volley.engine.kernels.cpu.buffers import array_from, empty
from volley.engine.kernels.cpu.native import reuse
from volley.engine.kernels.cpu.native.reuse import LEAST, Reserve, borrow, borrow_words

LENGTH = 1 << 18
WORDS = 8 * LENGTH


def address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


@pytest.fixture
def reserve() -> Iterator[Reserve]:
    made = Reserve(most=20 * WORDS, seconds=3600)
    yield made
    assert made.kept <= 20 * WORDS


@pytest.fixture(autouse=True)
def _own_reserve(reserve: Reserve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "_reserve", reserve)


def test_memory_comes_back_when_the_array_is_gone() -> None:
    array = borrow_words(LENGTH)
    where = address(array)
    del array
    gc.collect()
    assert address(borrow_words(LENGTH - 5)) == where
    assert len(borrow_words(LENGTH - 5)) == LENGTH - 5


def test_a_thread_gets_memory_that_it_had_before() -> None:
    """What another thread had last may lie in another core's cache."""
    own, others = borrow_words(LENGTH), list[np.ndarray]()
    thread = threading.Thread(target=lambda: others.append(borrow_words(LENGTH)))
    thread.start()
    thread.join()
    where, elsewhere = address(own), address(others[0])
    del own
    gc.collect()
    others.clear()  # what was given back last is not what is taken first
    gc.collect()
    first, second = borrow_words(LENGTH), borrow_words(LENGTH)
    assert (address(first), address(second)) == (where, elsewhere)


@pytest.mark.parametrize("length", [0, 1, 100, LENGTH // 8, LENGTH, LENGTH + 3, 5 * LENGTH])
def test_arrays_begin_at_a_cache_line(length: int) -> None:
    for _ in range(3):
        array = borrow_words(length)
        array[:] = 1
        assert len(array) == length
        assert not length or address(array) % 64 == 0


@pytest.mark.parametrize("kind", ["u1", "i4", "f8"])
@pytest.mark.parametrize("size", [LEAST - 8, LEAST, LEAST + 8, 3 * LEAST, 1 << 20, (1 << 20) + 8, 3 << 20, 50 << 20])
def test_arrays_do_not_overlap(size: int, kind: str) -> None:
    arrays = [borrow(size // np.dtype(kind).itemsize, kind) for _ in range(9)]
    for number, array in enumerate(arrays):
        array[:] = number
    assert all((array == number).all() for number, array in enumerate(arrays))
    assert all(array.nbytes == size for array in arrays)


def test_memory_does_not_come_back_while_a_view_is_left() -> None:
    array = borrow_words(LENGTH)
    view = array[100:200].view(np.int64)[10:]
    view[:] = 7
    del array
    gc.collect()
    for other in [borrow_words(LENGTH) for _ in range(3)]:
        other[:] = 1
    assert (view == 7).all()


def test_memory_does_not_come_back_while_arrow_has_it() -> None:
    values = empty(LENGTH, np.int64)
    values[:] = 7
    kept = pa.chunked_array([array_from(values, pa.int64()).slice(10, 20)])
    del values
    gc.collect()
    for other in [borrow_words(LENGTH) for _ in range(3)]:
        other[:] = 1
    assert kept.to_pylist() == [7] * 20


def test_small_arrays_and_much_larger_memory_are_left_alone(reserve: Reserve) -> None:
    large = borrow_words(4 * LENGTH)
    where = address(large)
    del large
    gc.collect()
    assert address(borrow_words(LENGTH)) != where
    assert address(borrow_words(4 * LENGTH - 1000)) == where
    kept = reserve.kept
    borrow_words(10)
    assert reserve.kept == kept


def test_what_is_kept_is_bounded_and_old_sizes_go_first(reserve: Reserve) -> None:
    small = [borrow_words(LENGTH) for _ in range(15)]
    large = [borrow_words(4 * LENGTH) for _ in range(3)]
    huge = borrow_words(30 * LENGTH)
    places = {address(array) for array in large}
    del small, large, huge
    gc.collect()
    assert reserve.kept == 20 * WORDS
    again = [borrow_words(4 * LENGTH) for _ in range(3)]
    assert {address(array) for array in again} == places
    assert reserve.kept == 8 * WORDS


def test_a_block_of_a_shared_page_outlives_its_neighbour() -> None:
    first, second = borrow_words(LENGTH // 2), borrow_words(LENGTH // 2)
    second[:] = 5
    del first
    gc.collect()
    reuse._reserve.release()
    assert (second == 5).all()


def test_memory_that_nobody_asks_for_goes_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    short = Reserve(most=1 << 28, seconds=0.05)
    monkeypatch.setattr(reuse, "_reserve", short)
    before = resident()
    array = borrow_words(8 * LENGTH)
    array[:] = 1
    assert resident() - before > 7 * WORDS
    del array
    gc.collect()
    until = time.monotonic() + 60
    while (short.kept or short._keeper is not None) and time.monotonic() < until:
        time.sleep(0.01)
    assert short.kept == 0
    assert resident() - before < 2 * WORDS
    borrow_words(LENGTH)[:] = 1  # and the watch is kept anew


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_thousands_of_arrays_are_few_mappings() -> None:
    before = mappings()
    arrays = [borrow_words(LENGTH // 2) for _ in range(2_000)]
    assert mappings() - before < 200
    assert all(address(array) % 64 == 0 for array in arrays)


def mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


def test_where_no_more_can_be_mapped_arrays_are_made_in_the_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(size: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(reuse, "_mapped", refused)
    array = borrow_words(LENGTH)
    array[:] = 1
    assert len(array) == LENGTH
    assert address(array) % 64 == 0


def test_threads_share_the_memory() -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(50):
            arrays = [borrow_words(length * LENGTH // 4) for length in (1, 2, 4)]
            for array in arrays:
                array[:] = number * 1000 + turn
            wrong.extend(1 for array in arrays if (array != number * 1000 + turn).any())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


ENDS = """
import numpy as np
from volley.engine.kernels.cpu.native.reuse import borrow_words
kept = borrow_words(1 << 20)
kept[:] = 1
class Late:
    def __del__(self, borrow=borrow_words):
        borrow(1 << 20)[:] = 1
late = Late()
"""


def test_a_process_that_ends_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, check=True, timeout=120)
    assert (done.stdout, done.stderr) == ("", "")


FORKED = """
import os, threading
from volley.engine.kernels.cpu.native import reuse
from volley.engine.kernels.cpu.native.reuse import borrow_words
lock, held, done = reuse._reserve._lock, threading.Event(), threading.Event()
def hold():
    with lock:
        held.set()
        done.wait()
for _ in range(3):
    borrow_words(1 << 20)[:] = 1
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    array = borrow_words(1 << 20)
    array[:] = 2
    del array
    os._exit(0 if borrow_words(1 << 20)[0] == 2 else 1)
print(os.waitpid(child, 0)[1])
done.set()
"""


def test_a_forked_process_has_memory_of_its_own() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "0\n"


def test_less_is_kept_for_a_while(reserve: Reserve) -> None:
    def freed() -> int:
        arrays = [borrow_words(LENGTH) for _ in range(10)]
        del arrays
        gc.collect()
        return reserve.kept

    assert freed() == 10 * WORDS
    with reserve.keeping(4 * WORDS):
        assert reserve.kept <= 4 * WORDS
        assert freed() <= 4 * WORDS
        with reserve.keeping(8 * WORDS), reserve.keeping(2 * WORDS):  # the least of several holds
            assert freed() <= 2 * WORDS
        assert 2 * WORDS < freed() <= 4 * WORDS
    assert freed() == 10 * WORDS


def test_runs_under_a_limit_of_memory_keep_little(reserve: Reserve) -> None:
    kept = []

    def freed(table: pa.Table) -> pa.Table:
        arrays = [borrow_words(LENGTH) for _ in range(10)]
        del arrays
        gc.collect()
        kept.append(reserve.kept)
        return table

    def broken(table: pa.Table) -> pa.Table:
        freed(table)
        raise ValueError("on purpose")

    rows = pa.table({"n": range(10)})
    for limit, function in ((16 * WORDS, freed), (16 * WORDS, broken), (None, freed)):
        with vl.Session(device="cpu", memory_limit=limit), suppress(UserFunctionError):
            vl.from_arrow(rows).map_batches(function, {"n": "int64"}).to_arrow()
    assert kept == [2 * WORDS, 2 * WORDS, 10 * WORDS]
