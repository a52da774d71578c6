"""Lowering: from an optimised logical plan to physical operators with explicit exchanges.

Sources are asked for their splits here, with the columns and the predicate that the plan wants; what a source does not
apply exactly stays as a filter above the scan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import PlanError
from ..expr import Column, NamedExpr, columns_of
from ..kernels.specs import BuildRows, GroupSpec, JoinSide, JoinSpec
from ..plan import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    JoinKind,
    Kept,
    Limit,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Recursion,
    Scan,
    ScanPlan,
    ScanRequest,
    Sort,
    Union,
    Unnest,
    Window,
    Write,
)
from ..records import dataclass, replace
from ..schema import Schema
from .aggregates import decompose
from .nodes import (
    BROADCAST,
    SINGLE,
    SPLITS,
    BroadcastExec,
    DistinctFirstExec,
    Exec,
    FilterExec,
    FinalAggregateExec,
    FinalReduceExec,
    GatherExec,
    HashExchangeExec,
    HashJoinExec,
    LimitExec,
    MapBatchesExec,
    PartialAggregateExec,
    PartialReduceExec,
    Partitioning,
    ProjectExec,
    ScanExec,
    SortExec,
    TopKExec,
    UnionExec,
    UnnestExec,
    WindowExec,
    WriteExec,
)
from .windows import window_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class LoweringOptions:
    """What lowering needs to know of the run.

    Attributes
    ----------
    device
        Name of the device.
    batch_rows
        Preferred rows per batch.
    recursions
        Makes the splits that run a recursion.
    top_bytes
        The first rows of an order are kept in memory up to so many bytes; more are sorted. None: always kept.
    """

    device: str = "cpu"
    batch_rows: int = 128 * 1024
    recursions: Callable[[Recursion], ScanPlan] | None = None
    top_bytes: int | None = None


def lower(plan: Plan, options: LoweringOptions, estimates: Callable[[Plan], float] | None = None) -> Exec:
    """Return the physical operators of a logical plan; sub-plans that occur twice are lowered once.

    ``estimates`` gives the rows expected of a logical node, for the operators to show; without it sources are not
    asked for statistics.
    """
    done: dict[int, Exec] = {}
    stack: list[tuple[Plan, bool]] = [(plan, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if not ready:
            stack.append((node, True))
            stack.extend((child, False) for child in _lowered_before(node))
            continue
        inputs = tuple(done[id(child)] for child in _lowered_before(node))
        rule = _RULES.get(type(node))
        if rule is None:
            raise PlanError(f"no physical operator for {type(node).__name__}")
        made = rule(node, inputs, options)
        if estimates is not None:
            made = _expecting(made, inputs, estimates(node))
        done[id(node)] = made
    return done[id(plan)]


def _lowered_before(node: Plan) -> tuple[Plan, ...]:
    """Return the inputs that run before a node; those of a recursion run in its rounds."""
    return () if isinstance(node, Recursion) else node.children


def _recursion(plan: Recursion, _: tuple[Exec, ...], options: LoweringOptions) -> Exec:
    if options.recursions is None:
        raise PlanError("a recursion needs a session that runs its rounds")
    scan = options.recursions(plan)
    return ScanExec(schema=plan.schema, label=f"recursion {plan.table}", scan=scan, ordered=True, device=options.device)


def _expecting(made: Exec, inputs: tuple[Exec, ...], rows: float) -> Exec:
    """Return the operators that a logical node became, down to its inputs, with the rows expected of each."""
    if any(made is child for child in inputs):
        return made
    children = tuple(_expecting(child, inputs, rows) for child in made.children)
    if any(new is not old for new, old in zip(children, made.children, strict=True)):
        made = made.with_children(children)
    match made:
        case ScanExec(scan=scan):
            known = [split.rows for split in scan.splits]
            counted = [count for count in known if count is not None]
            expected = float(sum(counted)) if len(counted) == len(known) else rows
            expected = expected if scan.applied is None else min(rows, expected)
        case ProjectExec() | GatherExec() | BroadcastExec() | HashExchangeExec():
            expected = made.input.rows or 0.0
        case FilterExec() | PartialAggregateExec() | PartialReduceExec():
            expected = min(rows, made.input.rows or 0.0)
        case _:
            expected = rows
    return replace(made, rows=expected)


def _scan(plan: Scan, _: tuple[Exec, ...], options: LoweringOptions) -> Exec:
    wanted = plan.schema.names
    needed = wanted
    if plan.predicate is not None:
        extra = columns_of(plan.predicate) - set(wanted)
        needed = (*wanted, *(name for name in plan.source.schema.names if name in extra))
    request = ScanRequest(
        columns=needed,
        predicate=plan.predicate,
        fields=plan.fields,
        only_tested=frozenset(needed) - frozenset(wanted),
        limit=plan.limit,
        batch_rows=options.batch_rows,
    )
    scan = plan.source.scan(request)
    given = needed if scan.columns is None else scan.columns
    schema = plan.source.schema.select(given)
    node: Exec = ScanExec(
        schema=schema,
        label=plan.source.label,
        scan=scan,
        fields=plan.fields,
        ordered=True,
        device=options.device,
    )
    if scan.residual is not None:
        node = FilterExec(schema=schema, input=node, predicate=scan.residual, ordered=True, device=options.device)
    if given != wanted:
        node = _project(node, tuple(_column(schema, name) for name in wanted))
    if plan.limit is not None:
        node = _limited(node, plan.limit, 0)
    return node


def _column(schema: Schema, name: str) -> NamedExpr:
    return NamedExpr(name=name, expr=Column(name=name, dtype=schema[name].dtype))


def _project(child: Exec, exprs: tuple[NamedExpr, ...], schema: Schema | None = None) -> ProjectExec:
    return ProjectExec(
        schema=Schema(tuple([e.field for e in exprs])) if schema is None else schema,
        input=child,
        exprs=exprs,
        partitioning=child.partitioning,
        ordered=child.ordered,
        device=child.device,
    )


def _filter(plan: Filter, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    (child,) = inputs
    return FilterExec(
        schema=plan.schema,
        input=child,
        predicate=plan.predicate,
        partitioning=child.partitioning,
        ordered=child.ordered,
        device=child.device,
    )


def _projection(plan: Project, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    return _project(inputs[0], plan.exprs, plan.schema)


def _map_batches(plan: MapBatches, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    (child,) = inputs
    return MapBatchesExec(
        schema=plan.schema,
        input=child,
        label=plan.label,
        function=plan.function,
        reads=plan.input.schema.names if plan.reads is None else plan.reads,
        adds=plan.adds,
        keeps=plan.keeps,
        partitioning=child.partitioning if plan.keeps else Partitioning("splits"),
        ordered=child.ordered,
        device=child.device,
    )


def _aggregate(plan: Aggregate, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    (child,) = inputs
    parts = decompose(plan.aggregates)
    if not plan.keys:
        states = Schema(tuple(a.field for a in parts.accumulators))
        partial = PartialReduceExec(schema=states, input=child, accumulators=parts.accumulators, device=child.device)
        gather = GatherExec(schema=states, input=partial, partitioning=SINGLE, device=child.device)
        final: Exec = FinalReduceExec(
            schema=states, input=gather, accumulators=parts.accumulators, partitioning=SINGLE, device=child.device
        )
        return _project(final, parts.finish)
    spec = GroupSpec(keys=plan.keys, accumulators=parts.accumulators)
    states = spec.schema
    names = tuple(key.name for key in plan.keys)
    by_hash = Partitioning("hash", names)
    grouped = PartialAggregateExec(schema=states, input=child, spec=spec, device=child.device)
    columns = tuple(_column(states, name) for name in names)
    exchange = HashExchangeExec(
        schema=states,
        input=grouped,
        keys=tuple(c.expr for c in columns),
        partitioning=by_hash,
        device=child.device,
    )
    final = FinalAggregateExec(schema=states, input=exchange, spec=spec, partitioning=by_hash, device=child.device)
    exprs = (*columns, *parts.finish)
    if all(e.is_passthrough for e in exprs) and tuple(e.name for e in exprs) == states.names:
        return final
    return _project(final, exprs)


_JOINED = {
    (JoinKind.INNER, False): (JoinSide.INNER, BuildRows.NONE),
    (JoinKind.INNER, True): (JoinSide.INNER, BuildRows.NONE),
    (JoinKind.LEFT, False): (JoinSide.LEFT, BuildRows.NONE),
    (JoinKind.LEFT, True): (JoinSide.INNER, BuildRows.UNMATCHED),
    (JoinKind.FULL, False): (JoinSide.LEFT, BuildRows.UNMATCHED),
    (JoinKind.FULL, True): (JoinSide.LEFT, BuildRows.UNMATCHED),
    (JoinKind.SEMI, False): (JoinSide.SEMI, BuildRows.NONE),
    (JoinKind.SEMI, True): (JoinSide.NONE, BuildRows.MATCHED),
    (JoinKind.ANTI, False): (JoinSide.ANTI, BuildRows.NONE),
    (JoinKind.ANTI, True): (JoinSide.NONE, BuildRows.UNMATCHED),
}
"""For each kind, and whether the left side is built: what probing gives, and which build rows come after it."""


def _join(plan: Join, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    turn = -1 if plan.builds_left else 1
    probe, build = inputs[::turn]
    probed, built = plan.children[::turn]
    side, rest = _JOINED[plan.kind, plan.builds_left]
    spec = JoinSpec(
        side=side,
        probe_keys=tuple(pair[::turn][0] for pair in plan.on),
        build_keys=tuple(pair[::turn][1] for pair in plan.on),
        probe_schema=probed.schema,
        build_schema=built.schema,
        output=plan.schema,
        nulls_equal=plan.nulls_equal,
        residual=plan.residual,
        rest=rest,
    )
    return _hash_join(probe, build, spec, plan.kind, builds_left=plan.builds_left)


def _nearest_join(plan: NearestJoin, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    side, kind = (JoinSide.LEFT, JoinKind.LEFT) if plan.outer else (JoinSide.INNER, JoinKind.INNER)
    spec = JoinSpec(
        side=side,
        probe_keys=tuple(left for left, _ in plan.nearest.on),
        build_keys=tuple(right for _, right in plan.nearest.on),
        probe_schema=plan.left.schema,
        build_schema=plan.right.schema,
        output=plan.schema,
        nulls_equal=plan.nearest.nulls_equal,
        residual=plan.nearest.condition,
        nearest=True,
    )
    probe, build = inputs
    return _hash_join(probe, build, spec, kind)


def _hash_join(probe: Exec, build: Exec, spec: JoinSpec, kind: JoinKind, *, builds_left: bool = False) -> Exec:
    broadcast = BroadcastExec(schema=build.schema, input=build, partitioning=BROADCAST, device=build.device)
    return HashJoinExec(
        schema=spec.output,
        probe=probe,
        build=broadcast,
        spec=spec,
        kind=kind,
        builds_left=builds_left,
        partitioning=probe.partitioning if spec.rest is BuildRows.NONE else SPLITS,
        device=probe.device,
    )


def _sort(plan: Sort, inputs: tuple[Exec, ...], options: LoweringOptions) -> Exec:
    (child,) = inputs
    fetch = plan.fetch
    large = fetch is not None and options.top_bytes is not None and fetch * plan.schema.row_width > options.top_bytes
    if fetch is not None and not large:
        return TopKExec(
            schema=plan.schema,
            input=child,
            keys=plan.keys,
            k=fetch,
            partitioning=SINGLE,
            ordered=True,
            device=child.device,
        )
    gather = GatherExec(
        schema=plan.schema, input=child, partitioning=SINGLE, ordered=child.ordered, device=child.device
    )
    ordered = SortExec(
        schema=plan.schema, input=gather, keys=plan.keys, partitioning=SINGLE, ordered=True, device=child.device
    )
    return ordered if fetch is None else _limited(ordered, fetch, 0)


def _limit(plan: Limit, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    return _limited(inputs[0], plan.count, plan.offset)


def _kept(plan: Kept, inputs: tuple[Exec, ...], options: LoweringOptions) -> Exec:
    """Return what keeps rows for several readers; where memory is limited, they are computed again."""
    (child,) = inputs
    if options.top_bytes is not None:
        return child
    return GatherExec(schema=plan.schema, input=child, partitioning=SINGLE, ordered=child.ordered, device=child.device)


def _limited(child: Exec, count: int | None, offset: int) -> LimitExec:
    return LimitExec(
        schema=child.schema,
        input=child,
        count=count,
        offset=offset,
        partitioning=SINGLE,
        ordered=child.ordered,
        device=child.device,
    )


def _distinct(plan: Distinct, inputs: tuple[Exec, ...], options: LoweringOptions) -> Exec:
    (child,) = inputs
    if plan.on is None:
        keys = tuple(_column(plan.schema, name) for name in plan.schema.names)
        return _aggregate(Aggregate(input=plan.input, keys=keys), inputs, options)
    keys_of = tuple(_column(plan.schema, name).expr for name in plan.on)
    by_hash = Partitioning("hash", plan.on)
    exchange = HashExchangeExec(
        schema=plan.schema, input=child, keys=keys_of, partitioning=by_hash, ordered=child.ordered, device=child.device
    )
    return DistinctFirstExec(schema=plan.schema, input=exchange, on=plan.on, partitioning=by_hash, device=child.device)


def _union(plan: Union, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    return UnionExec(
        schema=plan.schema,
        inputs=inputs,
        ordered=all(child.ordered for child in inputs),
        device=inputs[0].device,
    )


def _unnest(plan: Unnest, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    (child,) = inputs
    hashed = set(child.partitioning.keys) & set(plan.columns)
    return UnnestExec(
        schema=plan.schema,
        input=child,
        columns=plan.columns,
        keeps_empty=plan.keeps_empty,
        ordinality=plan.ordinality,
        partitioning=SPLITS if hashed else child.partitioning,
        ordered=child.ordered,
        device=child.device,
    )


def _window(plan: Window, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    (child,) = inputs
    spec, exprs = window_spec(plan)
    if plan.partition_by and not plan.keeps_order:
        partitioning = Partitioning("hash", tuple(map(str, plan.partition_by)))
        exchange: Exec = HashExchangeExec(
            schema=child.schema, input=child, keys=plan.partition_by, partitioning=partitioning, device=child.device
        )
    else:
        exchange = GatherExec(
            schema=child.schema, input=child, partitioning=SINGLE, ordered=child.ordered, device=child.device
        )
    node = WindowExec(
        schema=spec.output(child.schema),
        input=exchange,
        spec=spec,
        partitioning=exchange.partitioning,
        ordered=exchange.ordered,
        device=child.device,
    )
    plain = all(e.is_passthrough for e in exprs) and tuple(e.name for e in exprs) == node.schema.names
    return node if plain else _project(node, exprs)


def _write(plan: Write, inputs: tuple[Exec, ...], _: LoweringOptions) -> Exec:
    (child,) = inputs
    return WriteExec(schema=plan.schema, input=child, sink=plan.sink, partitioning=SINGLE, device=child.device)


_RULES: dict[type[Plan], Callable[[Any, tuple[Exec, ...], LoweringOptions], Exec]] = {
    Scan: _scan,
    Recursion: _recursion,
    Filter: _filter,
    Project: _projection,
    MapBatches: _map_batches,
    Aggregate: _aggregate,
    Join: _join,
    NearestJoin: _nearest_join,
    Sort: _sort,
    Limit: _limit,
    Kept: _kept,
    Distinct: _distinct,
    Union: _union,
    Unnest: _unnest,
    Window: _window,
    Write: _write,
}
