"""How work is divided: every unit and bucket once, small ones together, skewed ones apart."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from volley.engine.exchange.relay import FANOUT
from volley.engine.runners.dask.assignment import Buckets, Report, Unit
from volley.engine.runners.dask.placement import (
    RELAY_BYTES,
    SMALL_BYTES,
    TASK_BYTES,
    TASKS_PER_SLOT,
    Sizes,
    Slots,
    bucket_count,
    groups,
    is_relayed,
    joined_runs,
    runs,
    sizes,
)

SLOTS = Slots(2, 4)
MIB = 1024 * 1024
SIZES = st.lists(st.sampled_from([0, 1, MIB, 20 * MIB, 500 * MIB]), min_size=1, max_size=40)


def units(held: list[int]) -> list[Unit]:
    return [Unit(number=number, pipeline=0, bytes=size) for number, size in enumerate(held)]


@given(sizes=SIZES, threads=st.integers(1, 9))
def test_groups_hold_every_unit_once_in_order(sizes: list[int], threads: int) -> None:
    made = groups(units(sizes), Slots(1, threads))
    assert [unit.number for group in made for unit in group] == list(range(len(sizes)))
    assert all(made)
    known = sum(size or SMALL_BYTES for size in sizes)
    assert len(made) <= max(threads * TASKS_PER_SLOT, known // TASK_BYTES)


def test_many_splits_become_few_tasks_of_like_size() -> None:
    made = groups(units([MIB // 16] * 10_000), SLOTS)
    assert len(made) == SLOTS.threads * TASKS_PER_SLOT
    assert max(map(len, made)) - min(map(len, made)) <= 1


def test_a_thread_takes_few_bytes_as_one_task() -> None:
    few = units([MIB] * 30 * SLOTS.threads)
    assert [len(group) for group in groups(few, SLOTS)] == [30] * SLOTS.threads
    assert len(groups(units([MIB // 64] * 3), SLOTS)) == 3


def test_tasks_on_very_many_bytes_are_more_and_no_larger() -> None:
    held = [64 * MIB] * 400
    made = groups(units(held), SLOTS)
    assert len(made) == 100 > SLOTS.threads * TASKS_PER_SLOT
    assert max(sum(unit.bytes for unit in group) for group in made) == TASK_BYTES
    assert len(groups(units([64 * MIB] * 10_000), SLOTS)) == 512


def test_a_very_large_cluster_has_a_task_and_a_unit_for_each_thread() -> None:
    slots = Slots(512, 512)
    assert len(groups(units([MIB] * 100_000), slots)) == 512
    assert len(list(runs(Sizes([1] * 1024, [64 * MIB] * 1024), slots))) == 512
    half = Slots(200, 200)
    assert len(groups(units([MIB] * 100_000), half)) == 512
    assert len(list(runs(Sizes([1] * 1024, [64 * MIB] * 1024), half))) <= 512


def test_a_very_large_cluster_reads_few_bytes_with_few_units() -> None:
    found = Sizes([1] * 1024, [4 * MIB] * 1024)
    assert len(list(runs(found, Slots(512, 512)))) == 128
    assert len(list(runs(found, Slots(8, 8)))) == 16


def test_sizes_are_added_up_by_bucket() -> None:
    some = [report(0, [1, 2, 3]), report(1, [10]), report(2, [100, 0, 300])]
    assert sizes(some) == Sizes([3, 1, 2], [111, 2, 303])
    assert sizes([]) == Sizes([0], [0])


def test_without_units_there_is_one_group() -> None:
    assert groups([], SLOTS) == [()]


@given(sizes=SIZES)
def test_runs_hold_every_bucket_that_has_rows_once(sizes: list[int]) -> None:
    found = Sizes([1 if size else 0 for size in sizes], sizes)
    covered = [number for run in runs(found, SLOTS) for number in range(run.first, run.last) if sizes[number]]
    assert covered == [number for number, size in enumerate(sizes) if size]


def test_small_buckets_are_read_together() -> None:
    assert list(runs(Sizes([1] * 16, [1_000] * 16), SLOTS)) == [Buckets(0, 16)]


def test_buckets_that_are_almost_alike_are_read_in_equal_numbers() -> None:
    alike = [65 * MIB, 65 * MIB, 63 * MIB, 63 * MIB] * 4
    assert list(runs(Sizes([1] * 16, alike), SLOTS)) == [Buckets(first, first + 2) for first in range(0, 16, 2)]


def report(task: int, sizes: list[int]) -> Report:
    return Report(worker="w", task=task, attempt=1, rows=[1 if size else 0 for size in sizes], bytes=sizes)


def test_a_bucket_with_half_of_the_rows_is_shared_out() -> None:
    makers = [report(task, [SMALL_BYTES] * 3 + [20 * SMALL_BYTES]) for task in range(8)]
    probe = Sizes([8] * 4, [8 * SMALL_BYTES] * 3 + [160 * SMALL_BYTES])
    build = Sizes([1] * 4, [MIB] * 4)
    made = list(joined_runs(probe, build, makers, SLOTS, divisible=True, every=False))
    parts = [run for run in made if run.first == 3]
    assert len(parts) >= SLOTS.threads
    assert parts[0].first_task == 0
    assert all(a.last_task == b.first_task for a, b in pairwise(parts))
    assert parts[-1].last_task == 8
    whole = list(joined_runs(probe, build, makers, SLOTS, divisible=False, every=False))
    assert [run.last_task for run in whole] == [None] * len(whole)


def test_what_few_workers_hold_for_many_is_given_on() -> None:
    def held(workers: int, size: int) -> list[Report]:
        return [
            Report(worker=f"w{task % workers}", task=task, attempt=1, rows=[1], bytes=[size]) for task in range(workers)
        ]

    assert is_relayed(held(1, RELAY_BYTES), Slots(FANOUT + 2, 8))
    assert not is_relayed(held(1, RELAY_BYTES), Slots(FANOUT + 1, 8))  # who made it can give it to all
    assert not is_relayed(held(2, RELAY_BYTES), Slots(2 * FANOUT + 1, 8))  # each gives half of it
    assert not is_relayed(held(1, RELAY_BYTES - 1), Slots(100, 100))
    assert not is_relayed([], Slots(100, 100))


def test_build_rows_alone_count_where_they_are_given_too() -> None:
    probe, build = Sizes([0, 1], [0, 9]), Sizes([1, 0], [9, 0])
    assert list(joined_runs(probe, build, [], SLOTS, divisible=False, every=True)) == [Buckets(0, 2)]
    assert list(joined_runs(probe, build, [], SLOTS, divisible=True, every=False)) == [Buckets(1, 2)]


def test_buckets_are_a_power_of_two() -> None:
    for threads in (1, 2, 3, 64, 10_000):
        count = bucket_count(Slots(1, threads))
        assert count & (count - 1) == 0
        assert 8 <= count <= 1024
