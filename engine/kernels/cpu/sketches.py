"""HyperLogLog sketches: how many distinct values there are, from 4,096 small registers per group.

A value's 64-bit hash chooses a register by its top bits and gives it a rank, the place of the first set bit of the
rest; a register keeps the greatest rank (Flajolet, Fusy, Gandouet and Meunier 2007). Sketches merge by the greater
register and so count the same rows the same whatever their split. The estimate is Ertl's improved one (Ertl 2017, "New
cardinality estimation algorithms for HyperLogLog sketches", algorithm 6), which needs no tables of corrections; its
standard error is 1.04 / sqrt(4096), which is 1.6 %.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...expr import Call
from .batch import Batch, grown
from .buffers import values_of
from .functions.registry import Value, scalar

INDEX_BITS = 12
REGISTERS = 1 << INDEX_BITS
_HASH_BITS = 64 - INDEX_BITS
_RANK_BITS = 6
_RANK_MASK = (1 << _RANK_BITS) - 1
_DENSE_GROUPS = 1024
"""Up to so many groups have all their registers in one array of 4 MiB; more keep those that are not 0, in order."""
_PENDING = 1 << 20
"""Registers met, after which they are reduced to the greatest of each."""

Codes = NDArray[np.uint64]
"""A group's register with its rank: group, then ``INDEX_BITS`` of the register, then ``_RANK_BITS`` of the rank."""


class Sketches:
    """The sketch of each group: a list of its registers that are not 0, as ``register * 64 + rank``."""

    def __init__(self) -> None:
        self._dense: NDArray[np.uint8] | None = np.zeros((0, REGISTERS), dtype=np.uint8)
        self._sparse: Codes = np.zeros(0, dtype=np.uint64)
        self._pending: list[Codes] = []

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Add the hashes of values; null ones are left out."""
        assert values is not None
        keep = batch.ids >= 0
        if values.null_count:
            keep &= values.is_valid().to_numpy(zero_copy_only=False)
        hashes, ids = values_of(values), batch.ids
        if not keep.all():
            hashes, ids = hashes[keep], ids[keep]
        self._add(ids, batch.groups, *_registers(_mixed(hashes)))

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add sketches."""
        parents = values_of(pc.list_parent_indices(partial).cast(pa.int32()))
        codes = values_of(partial.flatten())
        ranks = (codes & np.uint32(_RANK_MASK)).astype(np.uint8)
        self._add(batch.ids[parents], batch.groups, (codes >> np.uint32(_RANK_BITS)).astype(np.int64), ranks)

    def _add(self, ids: NDArray[np.int32], groups: int, registers: NDArray[np.int64], ranks: NDArray[np.uint8]) -> None:
        if self._dense is not None and groups <= _DENSE_GROUPS:
            self._dense = grown(self._dense, groups, 0)
            np.maximum.at(self._dense.reshape(-1), ids.astype(np.int64) * REGISTERS + registers, ranks)
            return
        if self._dense is not None:
            known, at = np.nonzero(self._dense)
            self._pending.append(_coded(known, at, self._dense[known, at]))
            self._dense = None
        self._pending.append(_reduced(_coded(ids.astype(np.int64), registers, ranks)))
        if sum(map(len, self._pending)) > max(_PENDING, len(self._sparse)):
            self._reduce()

    def _reduce(self) -> None:
        self._sparse = _reduced(np.concatenate([self._sparse, *self._pending]))
        self._pending = []

    def finish(self, groups: int) -> pa.Array:
        """Return the sketches as lists."""
        if self._dense is not None:
            self._dense = grown(self._dense, groups, 0)
            owners, registers = np.nonzero(self._dense[:groups])
            codes = registers.astype(np.uint32) << np.uint32(_RANK_BITS) | self._dense[owners, registers]
        else:
            self._reduce()
            owners = (self._sparse >> np.uint64(INDEX_BITS + _RANK_BITS)).astype(np.int64)
            codes = (self._sparse & np.uint64(REGISTERS * (_RANK_MASK + 1) - 1)).astype(np.uint32)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=groups))]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(codes, pa.uint32()))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        dense = 0 if self._dense is None else self._dense.nbytes
        return dense + self._sparse.nbytes + sum(codes.nbytes for codes in self._pending)


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over all (the finaliser of SplitMix64): a hash may leave top bits of small integers alike."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    spread: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return spread


def _registers(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the register and the rank of each hash; ranks go from 1 to one more than there are bits for them."""
    registers = (hashes >> np.uint64(_HASH_BITS)).astype(np.int64)
    rest = hashes << np.uint64(INDEX_BITS)
    high, low = rest >> np.uint64(32), rest & np.uint64(0xFFFF_FFFF)
    # The exponent of a float is the place of its first bit: of halves, since 64 bits would be rounded.
    first = np.where(high > 0, np.frexp(high.astype(np.float64))[1] + 32, np.frexp(low.astype(np.float64))[1])
    return registers, np.minimum(65 - first, _HASH_BITS + 1).astype(np.uint8)


def _coded(groups: NDArray[np.int64], registers: NDArray[np.int64], ranks: NDArray[np.uint8]) -> Codes:
    places = groups.astype(np.uint64) << np.uint64(INDEX_BITS) | registers.astype(np.uint64)
    codes: Codes = places << np.uint64(_RANK_BITS) | ranks
    return codes


def _reduced(codes: Codes) -> Codes:
    """Return the greatest code of each register, in order."""
    codes = np.sort(codes)
    places = codes >> np.uint64(_RANK_BITS)
    last = np.ones(len(codes), dtype=np.bool_)
    last[:-1] = places[1:] != places[:-1]
    return codes[last]


@scalar("sketch_count")
def sketch_count(_: Call, args: list[Value]) -> pa.Array:
    """Estimate the number of distinct values from each sketch."""
    sketches = args[0]
    counts = []
    for start in range(0, len(sketches), 65_536):
        part = sketches.slice(start, 65_536)
        parents = values_of(pc.list_parent_indices(part).cast(pa.int64()))
        ranks = values_of(part.flatten()).astype(np.int64) & _RANK_MASK
        width = _HASH_BITS + 2
        found = np.bincount(parents * width + ranks, minlength=len(part) * width).reshape(len(part), width)
        found[:, 0] = REGISTERS - found.sum(axis=1)
        counts.append(_estimates(found))
    return pa.array(np.concatenate(counts) if counts else [], pa.int64())


def _estimates(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the estimates from how many registers of each group have each rank (Ertl 2017, algorithm 6)."""
    m = float(REGISTERS)
    z = m * _tau(1.0 - found[:, -1] / m)
    for rank in range(_HASH_BITS, 0, -1):
        z = 0.5 * (z + found[:, rank])
    with np.errstate(divide="ignore"):
        z = z + m * _sigma(found[:, 0] / m)
        estimates: NDArray[np.int64] = np.rint(m * m / (2 * math.log(2) * z)).astype(np.int64)
    return estimates


def _sigma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x + the sum of x^(2^k) 2^(k-1); infinite at 1, where no register is set."""
    total, power, factor = x.copy(), x.copy(), 1.0
    empty = x == 1.0
    power[empty] = 0.0
    while True:
        power = power * power
        added = total + power * factor
        if np.array_equal(added, total):
            return np.where(empty, np.inf, total)
        total, factor = added, 2 * factor


def _tau(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (1 - x - the sum of (1 - x^(2^-k))^2 2^-k) / 3; 0 at 0 and 1."""
    total, root, factor = 1.0 - x, x.copy(), 1.0
    while True:
        root, factor = np.sqrt(root), 0.5 * factor
        added = total - (1.0 - root) ** 2 * factor
        if np.array_equal(added, total):
            return np.where((x == 0.0) | (x == 1.0), 0.0, total / 3.0)
        total = added
