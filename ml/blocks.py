"""Blocks of rows and the map-and-merge over them that every estimator is made of.

A block is a horizontal piece of one feature matrix. A statistic is computed per block and merged in block order,
so a result depends on the rows and on the size of the blocks and not on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ..engine.errors import Cancelled
from ..engine.runners import LocalParts, Part, Parts
from .cuda import is_on_host, module_of
from .parallelism import one_blas_thread

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
S = TypeVar("S")

BLOCK_ROWS = 1 << 16
"""Rows of a block: some milliseconds of work, so that threads stay busy and merging costs nothing."""

DEVICE_BLOCK_ROWS = 1 << 21
"""Rows of a block on a GPU: enough for all its processors, few enough for temporaries of a hundred columns."""

TILE_ROWS = 1 << 14
"""Rows worked on at once inside a block, so that temporaries of a few dozen columns stay in the processor's caches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rows of features with their targets.

    Parameters
    ----------
    X
        Features, shape (n, p), float64, column-major; numpy's, or CuPy's on a GPU, as are the others.
    y
        Targets, shape (n,): real numbers, 0/1, or class numbers, all as float64.
    w
        Non-negative row weights, shape (n,); None means that every row weighs 1.
    """

    X: FloatArray
    y: FloatArray
    w: FloatArray | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def weights(self) -> FloatArray:
        """Row weights, shape (n,), with ones filled in."""
        ones: FloatArray = module_of(self.X).ones(len(self))
        return ones if self.w is None else self.w

    def tiles(self) -> Iterator[Block]:
        """Yield views of at most ``TILE_ROWS`` rows, in order; all at once on a GPU, which wants many."""
        if not is_on_host(self.X):
            yield self
            return
        for start in range(0, len(self), TILE_ROWS):
            rows = slice(start, start + TILE_ROWS)
            yield Block(X=self.X[rows], y=self.y[rows], w=None if self.w is None else self.w[rows])


def split_rows(X: FloatArray, y: FloatArray, w: FloatArray | None = None) -> list[Block]:
    """Cut (n, p) features, (n,) targets and weights into blocks of so many rows, without copying."""
    rows = BLOCK_ROWS if is_on_host(X) else DEVICE_BLOCK_ROWS
    cuts = [slice(start, start + rows) for start in range(0, X.shape[0], rows)]
    return [Block(X=X[rows], y=y[rows], w=None if w is None else w[rows]) for rows in cuts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Blocks beside the rows they were made of, in this process or in many.

    Parameters
    ----------
    parts
        Where the blocks are.
    width, rows
        Features, and rows in all parts.
    key
        What the blocks of a part are kept as.
    """

    parts: Parts
    width: int
    rows: int
    key: str = "blocks"

    @classmethod
    def here(cls, blocks: Sequence[Block], *, threads: int = 1) -> Blocks:
        """Return blocks of this process, at least one."""
        part = Part(threads=threads, kept={"blocks": list(blocks)})
        return cls(parts=LocalParts(part), width=blocks[0].X.shape[1], rows=sum(map(len, blocks)))

    def fold(self, compute: Callable[[Block], S], merge: Callable[[S, S], S]) -> S:
        """Compute a statistic on every block and merge them in order; both functions travel to the blocks."""
        found: list[S] = self.parts.map(_fold_part, self.key, compute, merge)
        return reduce(merge, found)

    def every(self, stride: int) -> Blocks:
        """Return every ``stride``-th row of each block, copied."""
        key = f"every {stride}"
        rows = sum(self.parts.map(_sample_part, self.key, key, stride))
        return replace(self, key=key, rows=rows)


def map_merge(
    blocks: Sequence[Block], compute: Callable[[Block], S], merge: Callable[[S, S], S], *, threads: int = 1
) -> S:
    """Compute a statistic on every block and merge them from left to right.

    Parameters
    ----------
    blocks
        At least one block.
    compute, merge
        The statistic of one block, and the associative merge of two.
    threads
        Blocks computed at the same time; numpy releases the interpreter lock inside its kernels.
    """
    if threads <= 1 or len(blocks) == 1:
        return reduce(merge, map(compute, blocks))
    with ThreadPoolExecutor(threads) as pool:
        return reduce(merge, pool.map(compute, blocks))


def _fold_part(part: Part, key: str, compute: Callable[[Block], S], merge: Callable[[S, S], S]) -> S:
    if part.stopped():
        raise Cancelled("the fit was cancelled")
    with one_blas_thread:
        blocks: list[Block] = part.kept[key]
        here = is_on_host(blocks[0].X)
        return map_merge(blocks, compute, merge, threads=part.threads if here else 1)


def _sample_part(part: Part, key: str, into: str, stride: int) -> int:
    part.kept[into] = [_every(block, stride) for block in part.kept[key]]
    return sum(map(len, part.kept[into]))


def _every(block: Block, stride: int) -> Block:
    return Block(
        X=block.X[::stride].copy(order="F"),
        y=block.y[::stride],
        w=None if block.w is None else block.w[::stride],
    )
