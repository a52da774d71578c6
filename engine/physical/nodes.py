"""Physical operators: the strategy of each step, with its partitioning, ordering and device declared.

A tree of these is what ``explain("physical")`` prints; ``volley.engine.physical.stages`` cuts it into stages at its
exchanges. Operators hold no data and no kernels: a runner passes tables to the kernels of the node's device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from itertools import islice
from typing import Any, Self

from ..expr import Expr, NamedExpr, Path, SortKey
from ..kernels.specs import AccumulatorSpec, GroupSpec, JoinSpec, WindowSpec
from ..plan import JoinKind, ScanPlan, Sink
from ..plan.functions import GroupFunctions, MatrixFunction, OfMatrix, OfValues, ValueFunction
from ..plan.nodes import keys_text
from ..records import dataclass, replace
from ..schema import Field, Schema
from ..traversal import walk


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How the rows of a node are spread over tasks.

    ``kind`` is ``splits`` (as the source gave them), ``hash`` (equal keys together), ``single`` (one task) or
    ``broadcast`` (a copy for every task).
    """

    kind: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(self.keys)})" if self.keys else self.kind


SPLITS = Partitioning("splits")
SINGLE = Partitioning("single")
BROADCAST = Partitioning("broadcast")


_LONGEST = 250
"""Parts of an expression up to which it is written out: as text, what shares parts doubles with each level."""


def _written(expr: Expr) -> str:
    if next(islice(walk(expr), _LONGEST, None), None) is None:
        return str(expr)
    return f"an expression of more than {_LONGEST} parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec:
    """Base of physical operators.

    Attributes
    ----------
    schema
        Names and types of the rows given.
    partitioning
        How those rows are spread over tasks.
    ordered
        Whether they keep the order that the plan promises (of the source, or of a sort).
    device
        Name of the device whose kernels run it.
    rows
        How many rows are expected; None where nobody asked (see `lower`).
    on_cpu
        What of it the CPU computes for the device, and why (see `mark_fallbacks`).
    by_host
        Why the host, not the device, reads or writes its files, where it does (see `mark_files`).
    """

    schema: Schema = field(repr=False)
    partitioning: Partitioning = SPLITS
    ordered: bool = False
    device: str = "cpu"
    rows: float | None = field(default=None, compare=False)
    on_cpu: tuple[str, ...] = field(default=(), compare=False)
    by_host: str = field(default="", compare=False)

    @property
    def children(self) -> tuple[Exec, ...]:
        """Inputs, left to right."""
        return ()

    def with_children(self, children: tuple[Exec, ...]) -> Self:
        """Return this operator over other inputs."""
        return self

    @property
    def detail(self) -> str:
        """What ``explain`` prints after the operator's name."""
        return ""

    @property
    def title(self) -> str:
        """Name and detail, as ``explain`` and metrics show them."""
        return f"{type(self).__name__} {self.detail}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanExec(Exec):
    """Read the splits of a source and bring them to the device."""

    label: str
    scan: ScanPlan
    fields: tuple[Path, ...] = ()

    @property
    def detail(self) -> str:
        """Source, columns, fields, the condition that it applies, number of splits, what was skipped."""
        scan = self.scan
        where = "" if scan.applied is None else f" where {scan.applied}"
        skipped = f", skipped {scan.skipped}" if scan.skipped else ""
        remark = f", {scan.remark}" if scan.remark else ""
        columns = ", ".join(self.schema.names)
        fields = f" fields=[{', '.join(map('.'.join, self.fields))}]" if self.fields else ""
        return f"{self.label} columns=[{columns}]{fields}{where} ({len(scan.splits)} splits{skipped}{remark})"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaryExec(Exec):
    """Base of operators with one input."""

    input: Exec

    @property
    def children(self) -> tuple[Exec, ...]:
        """The one input."""
        return (self.input,)

    def with_children(self, children: tuple[Exec, ...]) -> Self:
        """Return this operator over another input."""
        return replace(self, input=children[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterExec(UnaryExec):
    """Keep the rows where the predicate is true."""

    predicate: Expr

    @property
    def detail(self) -> str:
        """The predicate."""
        return _written(self.predicate)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectExec(UnaryExec):
    """Compute columns."""

    exprs: tuple[NamedExpr, ...]

    @property
    def detail(self) -> str:
        """The expressions."""
        return ", ".join(e.name if e.is_passthrough else f"{_written(e.expr)} as {e.name}" for e in self.exprs)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBatchesExec(UnaryExec):
    """Call a Python function: value by value where the device can, else on Arrow tables that leave it and come back."""

    label: str
    function: Callable[[Any], Any]
    reads: tuple[str, ...]
    adds: tuple[Field, ...]
    keeps: bool

    @property
    def values(self) -> ValueFunction | GroupFunctions | None:
        """The function of values, or those of groups, that it calls, where it is one."""
        function: object = self.function
        return function.of_values() if isinstance(function, OfValues) else None

    @property
    def matrix(self) -> MatrixFunction | str | None:
        """The function of a matrix that it calls, where it is one, or why it is none where it might be."""
        function: object = self.function
        return function.of_matrix() if isinstance(function, OfMatrix) else None

    @property
    def detail(self) -> str:
        """Label, columns read and columns added."""
        return f"{self.label} reads=[{', '.join(self.reads)}] adds=[{', '.join(f.name for f in self.adds)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnestExec(UnaryExec):
    """Give one row for each value of some lists."""

    columns: tuple[str, ...]
    keeps_empty: bool
    ordinality: str | None

    @property
    def detail(self) -> str:
        """The lists, and what becomes of empty ones."""
        counted = "" if self.ordinality is None else f" with ordinality {self.ordinality}"
        return ", ".join(self.columns) + (" keeping empty" if self.keeps_empty else "") + counted


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionExec(Exec):
    """The tasks of several inputs, one input after the other."""

    inputs: tuple[Exec, ...]

    @property
    def children(self) -> tuple[Exec, ...]:
        """The inputs in order."""
        return self.inputs

    def with_children(self, children: tuple[Exec, ...]) -> UnionExec:
        """Return the union of other inputs."""
        return replace(self, inputs=children)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherExec(UnaryExec):
    """Exchange: bring all rows to one task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastExec(UnaryExec):
    """Exchange: give every task all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashExchangeExec(UnaryExec):
    """Exchange: bring rows with equal keys to one task."""

    keys: tuple[Expr, ...]

    @property
    def detail(self) -> str:
        """The keys."""
        return ", ".join(str(k) for k in self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialAggregateExec(UnaryExec):
    """First phase of a grouped aggregation: partial states per thread."""

    spec: GroupSpec

    @property
    def detail(self) -> str:
        """Keys and accumulators."""
        keys = ", ".join(str(k) for k in self.spec.keys)
        return f"keys=[{keys}] states=[{_accumulators(self.spec.accumulators)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalAggregateExec(UnaryExec):
    """Second phase of a grouped aggregation: one row per group."""

    spec: GroupSpec

    @property
    def detail(self) -> str:
        """The keys."""
        return f"keys=[{', '.join(k.name for k in self.spec.keys)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialReduceExec(UnaryExec):
    """First phase of an aggregation without keys."""

    accumulators: tuple[AccumulatorSpec, ...]

    @property
    def detail(self) -> str:
        """The accumulators."""
        return f"states=[{_accumulators(self.accumulators)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalReduceExec(UnaryExec):
    """Second phase of an aggregation without keys: one row."""

    accumulators: tuple[AccumulatorSpec, ...]


def _accumulators(specs: tuple[AccumulatorSpec, ...]) -> str:
    shown = []
    for spec in specs:
        where = f" filter (where {spec.filter})" if spec.filter is not None else ""
        shown.append(f"{spec.kind.value}({'' if spec.argument is None else spec.argument}){where}")
    return ", ".join(shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashJoinExec(Exec):
    """Probe a hash table of the (broadcast) build side with each batch of the probe side.

    ``builds_left`` says that the build side is the left one of the join.
    """

    probe: Exec
    build: Exec
    spec: JoinSpec
    kind: JoinKind
    builds_left: bool = False

    @property
    def children(self) -> tuple[Exec, ...]:
        """Probe side, build side."""
        return (self.probe, self.build)

    def with_children(self, children: tuple[Exec, ...]) -> HashJoinExec:
        """Return the join of other inputs."""
        return replace(self, probe=children[0], build=children[1])

    @property
    def detail(self) -> str:
        """Kind, keys and residual condition."""
        sides = (self.spec.probe_keys, self.spec.build_keys)
        pairs = zip(*(sides[::-1] if self.builds_left else sides), strict=True)
        keys = keys_text(pairs, nulls_equal=self.spec.nulls_equal)
        return f"{self.kind.value} on {keys}{self.spec.condition}" + (" building left" if self.builds_left else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SortExec(UnaryExec):
    """Sort all rows."""

    keys: tuple[SortKey, ...]

    @property
    def detail(self) -> str:
        """The keys."""
        return ", ".join(str(k) for k in self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopKExec(UnaryExec):
    """Keep the first ``k`` rows of an order: per thread, then of what the threads kept."""

    keys: tuple[SortKey, ...]
    k: int

    @property
    def detail(self) -> str:
        """Count and keys."""
        return f"{self.k} by {', '.join(str(k) for k in self.keys)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExec(UnaryExec):
    """Keep ``count`` rows (None: all) after ``offset``, in order; stops the scan when it has them."""

    count: int | None
    offset: int

    @property
    def detail(self) -> str:
        """Count and offset."""
        return f"{'all' if self.count is None else self.count}" + (f" offset {self.offset}" if self.offset else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctFirstExec(UnaryExec):
    """Keep the first row of each set of rows that are equal in some columns."""

    on: tuple[str, ...]

    @property
    def detail(self) -> str:
        """The columns compared."""
        return ", ".join(self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowExec(UnaryExec):
    """Sort the rows of each partition and add the columns of window functions; rows keep the order they came in."""

    spec: WindowSpec

    @property
    def detail(self) -> str:
        """Functions, partitions and ordering."""
        partition = f" partition by {', '.join(map(str, self.spec.partition_by))}" if self.spec.partition_by else ""
        order = f" order by {', '.join(map(str, self.spec.order_by))}" if self.spec.order_by else ""
        return ", ".join(map(str, self.spec.functions)) + partition + order


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteExec(UnaryExec):
    """Write all rows to a sink, which appears whole or not at all."""

    sink: Sink

    @property
    def detail(self) -> str:
        """The destination."""
        return self.sink.label
