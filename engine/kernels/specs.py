"""What kernels are told to compute: accumulators, groupings, windows and joins, and what else refers to expressions.

Nothing here computes. The protocol of a device (``protocol.py``) takes these; the rooms above make them.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TypeAlias

from ..dtypes import DataType
from ..expr import Call, Expr, NamedExpr, SortKey
from ..plan.functions import GroupFunctions, MatrixFunction, ValueFunction
from ..plan.window import NamedWindow, WindowCall
from ..records import dataclass
from ..schema import Field, Schema


class Accumulator(Enum):
    """Primitive aggregates: what a group-by kernel computes, partially and again when partials are merged.

    ``COUNT_ROWS`` has no argument. ``MEAN`` and ``M2`` (sum of squared deviations from the mean) always come with
    ``COUNT`` of the same argument before them, in the order COUNT, MEAN, M2, and merge by Chan's formula.

    ``COLLECT`` lists the values that are not null, ``COLLECT_ALL`` all values. ``ARG_MIN`` and ``ARG_MAX`` keep the
    pair (key, value) of the least or greatest key. ``COMOMENTS`` reads pairs of float64 and keeps a struct of the
    fields `COMOMENT_FIELDS`, which merges by Chan's formula. Null pairs are left out.

    ``SKETCH`` reads hashes (uint64) and keeps a HyperLogLog of 2^12 registers: a list, in order, of
    ``register * 64 + rank`` (uint32) for those that are not 0, which merges by the greater rank. The register is the
    top 12 bits of the hash after the finaliser of SplitMix64, the rank the place of the first set bit of the other 52.
    """

    COUNT_ROWS = "count_rows"
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    MEAN = "mean"
    M2 = "m2"
    LAST = "last"
    PRODUCT = "product"
    BIT_AND = "bit_and"
    BIT_OR = "bit_or"
    BIT_XOR = "bit_xor"
    COLLECT = "collect"
    COLLECT_ALL = "collect_all"
    ARG_MIN = "arg_min"
    ARG_MAX = "arg_max"
    COMOMENTS = "comoments"
    SKETCH = "sketch"


COMOMENT_FIELDS = ("count", "mean_first", "mean_second", "m2_first", "m2_second", "c2")
"""Number of pairs, means, sums of squared deviations and sum of products of deviations, all float64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccumulatorSpec:
    """One accumulator: what, over which expression (None for COUNT_ROWS), into which column.

    ``filter`` leaves out rows where it is not true.
    """

    name: str
    kind: Accumulator
    dtype: DataType
    argument: Expr | None = None
    filter: Expr | None = None

    @property
    def field(self) -> Field:
        """Schema field of the partial state."""
        return Field(self.name, self.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """Keys (one or more) and accumulators of a grouping; ``schema`` is that of its partial states."""

    keys: tuple[NamedExpr, ...]
    accumulators: tuple[AccumulatorSpec, ...]
    schema: Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = [*[key.field for key in self.keys], *[state.field for state in self.accumulators]]
        object.__setattr__(self, "schema", Schema(tuple(fields)))


QUANTILES = frozenset({"median", "quantile", "quantile_disc"})
"""Aggregates that a device computes over frames without accumulators; each is of one argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """Window functions that share partitions and ordering.

    The functions are those of ``WINDOW_FUNCTIONS``, and over frames the accumulators count_rows, count, sum,
    product, min, max, first, last, m2, collect, collect_all, arg_min, arg_max, comoments, bit_and, bit_or and bit_xor
    by these names, and the aggregates of `QUANTILES`.
    """

    functions: tuple[NamedWindow, ...]
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[SortKey, ...] = ()

    def output(self, schema: Schema) -> Schema:
        """Return the schema of rows of a schema with the functions' values."""
        return schema.extend(named.field for named in self.functions)


class JoinSide(Enum):
    """What probing gives for the probing (left) rows."""

    INNER = "inner"
    LEFT = "left"
    SEMI = "semi"
    ANTI = "anti"
    NONE = "none"
    """No rows: probing only finds out which build rows have a partner."""


class BuildRows(Enum):
    """Which build rows are given once all probing is over, those of a join that must see all of the other side."""

    NONE = "none"
    MATCHED = "matched"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How the nearest build row is found among those in the order of a value.

    Attributes
    ----------
    wanted, place
        What a probing row looks for, and the value of the build rows.
    before
        Whether the nearest lies before, rather than after.
    beyond
        Whether build rows at the wanted place are passed over in looking for it: of those the last one is met where
        they lie before, the first where they lie after.
    """

    wanted: Expr
    place: Expr
    before: bool
    beyond: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSpec:
    """A hash join, seen from the probing side.

    Attributes
    ----------
    probe_keys, build_keys
        Key expressions, pairwise of one type.
    output
        Schema of the result: columns taken by name from the probe table, then from the build table.
    residual
        Further condition over both tables' columns that a pair must satisfy, or None.
    rest
        Which build rows `JoinTable.remaining` gives.
    nearest
        Whether a probing row meets only the nearest of the build rows that it could meet (see
        ``volley.engine.plan.NearestJoin``): ``residual`` compares an expression of its own with one of theirs.
    """

    side: JoinSide
    probe_keys: tuple[Expr, ...]
    build_keys: tuple[Expr, ...]
    probe_schema: Schema
    build_schema: Schema
    output: Schema
    nulls_equal: bool = False
    residual: Expr | None = None
    rest: BuildRows = BuildRows.NONE
    nearest: bool = False

    @property
    def places(self) -> Places:
        """What the nearest of the rows is told by."""
        condition = self.residual
        assert isinstance(condition, Call)
        wanted, place = condition.args
        before = condition.function.startswith("greater")
        return Places(wanted=wanted, place=place, before=before, beyond=before == condition.function.endswith("equal"))

    @property
    def condition(self) -> str:
        """What is asked beside equal keys, for people."""
        if self.residual is None:
            return ""
        return f" {'nearest' if self.nearest else 'where'} {self.residual}"


@dataclass(frozen=True, slots=True)
class Key:
    """An expression whose values are compared with each other: to group, to join, to order, to part windows."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class Called:
    """Python that an operator calls.

    With the values of each row or group (``values``), with a matrix in the device's memory (``matrix``; a text says why
    not), or with batches as Arrow data.
    """

    label: str
    values: ValueFunction | GroupFunctions | None
    matrix: MatrixFunction | str | None = None


Computed: TypeAlias = Expr | AccumulatorSpec | WindowCall | Key | Called
"""What a device computes a column, or a partial state, of, or compares rows by."""
