"""The rules in order, and the loop that applies them."""

from __future__ import annotations

from ..plan import Plan
from ..traversal import kinds_of
from .context import CONCERNS, OptimizerContext, Rule
from .rules.aggregate_before_join import aggregate_before_join
from .rules.aggregate_by_window import aggregate_by_window
from .rules.choose_build_side import choose_build_side
from .rules.combine_sums import combine_sums
from .rules.derive_filter import derive_filter
from .rules.drop_null_checks import drop_null_checks
from .rules.eliminate_aggregate import eliminate_aggregate
from .rules.eliminate_distinct import eliminate_distinct
from .rules.keep_rows import keep_rows
from .rules.merge_aggregates import merge_aggregates
from .rules.merge_projections import merge_projections
from .rules.order_joins import order_joins
from .rules.outer_to_inner import outer_to_inner
from .rules.propagate_empty import propagate_empty
from .rules.prune_columns import prune_columns
from .rules.prune_fields import prune_fields
from .rules.push_down_filter import push_down_filter
from .rules.push_down_limit import push_down_limit
from .rules.push_down_semi_join import push_down_semi_join
from .rules.reduce_group_keys import reduce_group_keys
from .rules.remove_sort import remove_sort
from .rules.restrict_groups import restrict_groups
from .rules.reuse_groups import reuse_groups
from .rules.rewrite_distinct import rewrite_distinct
from .rules.roll_up_groups import roll_up_groups
from .rules.share_groups import mark_shared_groups, share_groups
from .rules.share_scans import share_scans
from .rules.share_subplans import share_subplans
from .rules.simplify_expressions import simplify_expressions
from .rules.split_count_distinct import split_count_distinct

NORMAL: tuple[Rule, ...] = (
    merge_projections,  # first: long chains of assignments collapse before anything walks through them
    drop_null_checks,  # what it makes constant is folded next
    simplify_expressions,  # conditions become constants, plain comparisons and separate conjuncts
    eliminate_distinct,  # before the next, which hides that a distinct was meant
    eliminate_aggregate,
    merge_aggregates,
    combine_sums,
    reduce_group_keys,
    rewrite_distinct,
    split_count_distinct,  # makes groupings and joins that the following rules push through
    push_down_filter,
    remove_sort,  # what it takes away no longer stops a limit or stands between two projections
    outer_to_inner,  # wants filters right above the joins; what it makes inner lets filters pass next time
    derive_filter,  # last: what is known of a side includes all that was pushed to it
    propagate_empty,
)
"""Normal form: what other rules recognise. Each phase is repeated until none of its rules changes anything."""

RULES: tuple[tuple[Rule, ...], ...] = (
    # 0. While the grouping sets of one GROUP BY still read one object.
    (roll_up_groups,),
    # 1. Filters of one reader stay above groups that others read, too, until all have arrived there.
    (mark_shared_groups,),
    NORMAL,
    (share_groups,),
    NORMAL,
    # 2. While what is grouped twice still looks alike: where each stands in the plan decides what follows.
    (reuse_groups,),
    (aggregate_by_window,),  # before the next, which makes groups and rows differ
    # 3. Join order, when every filter stands where its selectivity counts. Semi joins first: they are filters, too.
    (restrict_groups,),
    (push_down_semi_join,),
    (order_joins,),
    (aggregate_before_join,),  # wants to know which joins there are, and is tidied up after with them
    # 4. Tidy up what the order has left behind, then narrow. Limits go last: a filter cannot pass them.
    (
        simplify_expressions,  # equalities implied by the join keys
        push_down_filter,
        push_down_limit,
        eliminate_distinct,  # groupings whose aggregates nobody reads
        propagate_empty,
        merge_projections,
        prune_columns,
    ),
    # 5. Which side of a join is built, when both are what they will be.
    (choose_build_side,),
    # 6. Fields of structs, once it is settled which expressions there are.
    (prune_fields,),
    # 7. Last, for every rewrite makes new objects; but what is kept is what is one object then.
    (share_subplans,),
    (share_scans,),
    (keep_rows,),
)

_ROUNDS = 10
"""Bound on the repetitions of a phase; real plans settle after two or three."""


def optimize(plan: Plan, context: OptimizerContext) -> Plan:
    """Return a plan that gives the same rows and schema for less work; the same object where nothing changed."""
    for phase in RULES:
        plan = _in_turn(plan, phase, context, _ROUNDS if len(phase) > 1 else 1)
    return plan


def _in_turn(plan: Plan, rules: tuple[Rule, ...], context: OptimizerContext, rounds: int) -> Plan:
    """Apply the rules in turn until each of them has left the plan as it is since it last changed.

    A rule is not asked where there is nothing that it is about: most are about nothing in most plans.
    """
    unchanged, kinds = 0, kinds_of(plan)
    for rule in rules * rounds:
        wanted = CONCERNS.get(rule)
        after = plan if wanted is not None and wanted.isdisjoint(kinds) else rule(plan, context)
        if after is not plan:
            plan, unchanged, kinds = after, 0, kinds_of(after)
            continue
        unchanged += 1
        if unchanged == len(rules):
            break
    return plan
