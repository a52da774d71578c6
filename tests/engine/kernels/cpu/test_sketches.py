"""HyperLogLog sketches: how close their estimates come, and that they do not depend on how rows are split."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.kernels.cpu.batch import Batch
from volley.engine.kernels.cpu.sketches import REGISTERS, Sketches, _estimates, _mixed, _registers

ERROR = 1.04 / math.sqrt(REGISTERS)


def sketch(values: np.ndarray, pieces: int = 1) -> pa.Array:
    """Return the sketch of numbers taken as hashes, made of so many merged ones."""
    merged = Sketches()
    for part in np.array_split(values.astype(np.uint64), pieces):
        one = Sketches()
        one.update(Batch(ids=np.zeros(len(part), dtype=np.int32), groups=1), pa.array(part))
        merged.merge(Batch(ids=np.zeros(1, dtype=np.int32), groups=1), one.finish(1))
    return merged.finish(1)


def test_ranks_are_places_of_first_bits() -> None:
    tails = np.array([1 << (51 - n) for n in range(52)] + [0, (1 << 52) - 1], dtype=np.uint64)
    registers, ranks = _registers(tails | np.uint64(5 << 52))
    assert set(registers.tolist()) == {5}
    assert ranks.tolist() == [*range(1, 53), 53, 1]


def test_splits_do_not_matter() -> None:
    values = np.random.default_rng(1).integers(0, 10**6, 50_000)
    once = sketch(values)
    assert sketch(values, 7).equals(once)
    assert sketch(np.repeat(values, 2)[::-1], 3).equals(once)


def test_the_error_is_what_is_stated() -> None:
    distances = []
    for seed, distinct in enumerate([*[100] * 20, *[4_000] * 20, *[20_000] * 20, *[200_000] * 20]):
        hashes = np.random.default_rng(seed).integers(0, 2**63, distinct, dtype=np.uint64)
        registers, ranks = _registers(_mixed(hashes))
        top = np.zeros(REGISTERS, dtype=np.uint8)
        np.maximum.at(top, registers, ranks)
        (estimate,) = _estimates(np.bincount(top, minlength=54)[None, :])
        distances.append(estimate / distinct - 1)
    assert math.sqrt(np.mean(np.square(distances))) < 1.2 * ERROR
    assert abs(np.mean(distances)) < 0.5 * ERROR
    assert max(map(abs, distances)) < 4 * ERROR


@pytest.mark.parametrize("groups", [1, 3, 5_000])
@pytest.mark.parametrize("threads", [1, 3])
def test_many_groups_and_threads_count_alike(groups: int, threads: int) -> None:
    rng = np.random.default_rng(groups)
    rows = 60_000
    table = pa.table({"k": rng.integers(0, groups, rows), "v": rng.integers(0, 40_000, rows)})
    whole = vl.DataFrame(table, session=vl.Session(threads=1)).groupby("k").agg(n=("v", "approx_count_distinct"))
    session = vl.Session(threads=threads)
    pieces = vl.concat([vl.DataFrame(table.slice(at, 9_000), session=session) for at in range(0, rows, 9_000)])
    ours = pieces.groupby("k").agg(n=("v", "approx_count_distinct"), exact=("v", "nunique")).to_pandas()
    assert ours.n.tolist() == whole.to_pandas().n.tolist()
    assert (np.abs(ours.n - ours.exact) <= np.maximum(2, 5 * ERROR * ours.exact)).all()


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", "b", None, "a"]),
        pa.array(["a", "b", None, "a"]).dictionary_encode(),
        pa.array([0.0, -0.0, float("nan"), float("nan"), None]),
        pa.array([1, 2, None, 2], pa.int8()),
        pa.array([True, False, None]),
        pa.array([b"x", b"y", b"x"]),
        pa.array([0, 1, 1, None], pa.date32()),
        pa.array(["1.50", "1.5", "2", None]).cast(pa.decimal128(9, 2)),
    ],
    ids=lambda values: str(values.type),
)
def test_equal_values_of_any_type_are_one(values: pa.Array) -> None:
    frame = vl.from_arrow(pa.table({"x": values}))
    assert frame.x.agg("approx_count_distinct") == 2
    assert vl.sql("select approx_count_distinct(x) filter (where x is null) n from t", t=frame).to_dict() == {"n": [0]}


def test_of_nothing_there_is_none() -> None:
    none = vl.from_arrow(pa.table({"k": pa.array([1, 1]), "x": pa.array([None, None], pa.int64())}))
    assert none.x.agg("approx_count_distinct") == 0
    assert none.groupby("k").agg(n=("x", "approx_count_distinct")).to_dict() == {"k": [1], "n": [0]}
    assert none[none.k > 1].x.agg("approx_count_distinct") == 0
    assert vl.sql("select approx_count_distinct(distinct k) n from t", t=none).to_dict() == {"n": [1]}
