"""Lowering and stages, by the text that explain prints and the shape of the stage graph."""

import re
import textwrap
from dataclasses import replace

import pytest

import volley as vl
from volley.engine.errors import PlanError
from volley.engine.physical import LoweringOptions, cut, explain_exec, lower
from volley.engine.physical.stages import (
    BuildSink,
    CollectSink,
    GroupSink,
    LimitSink,
    MergeGroupsInput,
    PartitionSink,
    Probe,
    ScanInput,
    StageInput,
    TopKSink,
    WindowInput,
    WriteSink,
)
from volley.engine.plan import Kept, NamedWindow, Plan, Scan, ScanPlan, Union, Window, Write, window_call


@pytest.fixture
def orders():
    return vl.DataFrame({"id": [1, 2, 3], "who": [1, 1, 2], "price": [1.0, 2.0, 3.0]})


@pytest.fixture
def people():
    return vl.DataFrame({"who": [1, 2], "name": ["ann", "bob"]})


def lowered(frame):
    return lower(frame.plan, LoweringOptions())


def stages(frame):
    return cut(lowered(frame)).stages


def test_a_grouped_aggregate_has_two_phases_around_an_exchange(orders):
    text = explain_exec(
        lowered(orders.groupby("who", dropna=False, sort=False).agg(m=("price", "mean"), n=("id", "size")))
    )
    assert text == textwrap.dedent(
        """\
        ProjectExec who, (__sum_0 / cast(__count_1 as float64)) as m, __count_rows_2 as n  [hash(who), cpu]
          FinalAggregateExec keys=[who]  [hash(who), cpu]
            HashExchangeExec who  [hash(who), cpu]
              PartialAggregateExec keys=[who] states=[sum(price), count(price), count_rows()]  [splits, cpu]
                ScanExec memory 3 rows x 3 columns columns=[id, who, price] (1 splits)  [splits, ordered, cpu]"""
    )


def test_accumulators_wanted_twice_are_computed_once(orders):
    grouped = orders.groupby("who").agg(m=("price", "mean"), s=("price", "sum"), n=("price", "count"))
    assert explain_exec(lowered(grouped)).count("sum(price)") == 1


def test_a_join_builds_in_one_stage_and_probes_in_the_next(orders, people):
    build, probe = stages(orders.merge(people, on="who"))
    assert isinstance(build.sink, BuildSink)
    assert isinstance(probe.sink, CollectSink)
    (pipeline,) = probe.pipelines
    assert isinstance(pipeline.input, ScanInput)
    assert type(pipeline.operators[0]) is Probe
    assert probe.needs == {build.number}


def test_stages_come_after_those_they_need(orders, people):
    joined = orders.merge(people, on="who").groupby("name").agg(t=("price", "sum")).nlargest(1, "t").limit(1)
    graph = cut(lowered(joined))
    for stage in graph.stages:
        assert all(need < stage.number for need in stage.needs)
    kinds = [type(stage.sink) for stage in graph.stages]
    assert kinds[:2] == [BuildSink, GroupSink]
    assert LimitSink in kinds
    grouped = next(s for s in graph.stages for p in s.pipelines if isinstance(p.input, MergeGroupsInput))
    assert grouped.number > 1


def test_windows_are_spread_by_their_partitions_unless_order_is_kept(orders):
    calls = tuple(NamedWindow(name=n, call=window_call(f, orders.price.expr)) for n, f in [("m", "mean"), ("s", "sum")])
    spread = Window(input=orders.plan, functions=calls, partition_by=(orders.who.expr,), order_by=())
    text = explain_exec(lower(spread, LoweringOptions()))
    assert text == textwrap.dedent(
        """\
        ProjectExec id, who, price, (m / cast(m__count as float64)) as m, m as s  [hash(who), cpu]
          WindowExec sum(price) as m, count(price) as m__count partition by who  [hash(who), cpu]
            HashExchangeExec who  [hash(who), cpu]
              ScanExec memory 3 rows x 3 columns columns=[id, who, price] (1 splits)  [splits, ordered, cpu]"""
    )
    first, last = cut(lower(spread, LoweringOptions())).stages
    assert isinstance(first.sink, PartitionSink)
    assert isinstance(last.pipelines[0].input, WindowInput)
    kept = explain_exec(lower(replace(spread, keeps_order=True), LoweringOptions()))
    assert "HashExchangeExec" not in kept
    assert kept.splitlines()[1].endswith("partition by who  [single, ordered, cpu]")
    whole = cut(lower(replace(spread, partition_by=()), LoweringOptions())).stages
    assert [type(stage.sink) for stage in whole] == [CollectSink, CollectSink]


def test_a_union_streams_every_input_into_one_sink(orders):
    (only,) = stages(vl.concat([orders, orders, orders]))
    assert len(only.pipelines) == 3


def test_a_plan_used_twice_has_its_blocking_stage_once(orders):
    top = orders.sort_values("price").limit(2)
    graph = cut(lowered(vl.concat([top, top])))
    assert sum(isinstance(stage.sink, LimitSink) for stage in graph.stages) == 1


def test_rows_that_are_kept_are_computed_once_unless_memory_is_limited(orders):
    kept = Kept(input=orders.plan)
    plan = Union(inputs=(kept, kept))
    first, last = cut(lower(plan, LoweringOptions())).stages
    assert [type(pipeline.input) for pipeline in (*first.pipelines, *last.pipelines)] == [ScanInput, *[StageInput] * 2]
    assert isinstance(first.sink, CollectSink)
    (only,) = cut(lower(plan, LoweringOptions(top_bytes=1000))).stages
    assert [type(pipeline.input) for pipeline in only.pipelines] == [ScanInput] * 2


def test_sort_with_fetch_becomes_top_k(orders):
    plan = orders.sort_values("price").limit(2)
    optimized = orders.session.optimized(plan.plan)
    kinds = [type(stage.sink) for stage in cut(lower(optimized, LoweringOptions())).stages]
    assert kinds[0] is TopKSink


def test_writing_ends_a_plan_without_collecting(orders):
    class Nowhere:
        label, single_writer = "nowhere", True

    (only,) = cut(lower(Write(input=orders.plan, sink=Nowhere()), LoweringOptions())).stages
    assert isinstance(only.sink, WriteSink)


def test_what_a_source_does_not_apply_stays_as_a_filter(orders):
    class Half:
        schema, label = orders.schema, "half"

        def statistics(self):
            raise AssertionError("lowering needs no statistics")

        def scan(self, request):
            assert request.columns == ("price", "who")
            assert request.predicate is not None
            return ScanPlan(splits=(), residual=request.predicate)

    predicate = (orders.who == 1).expr
    plan = Scan(source=Half(), columns=("price",), predicate=predicate)
    text = explain_exec(lower(plan, LoweringOptions()))
    assert [line.split()[0] for line in text.splitlines()] == ["ProjectExec", "FilterExec", "ScanExec"]


def test_a_node_without_a_physical_operator_is_named():
    class Teleport(Plan):
        def _derive(self):
            return vl.DataFrame({"a": [1]}).schema

    with pytest.raises(PlanError, match="no physical operator for Teleport"):
        lower(Teleport(), LoweringOptions())


def test_explain_shows_the_stage_and_what_is_expected_of_every_operator(orders, people):
    frame = orders[orders.id > 1].merge(people, on="who").groupby("name", sort=False).agg(t=("price", "sum"))
    text = frame.explain("physical")
    assert all(re.search(r"\[stage \d+(, \d+)*, .*~[\d,]+ rows, ~[\d.]+ .?i?B\]$", line) for line in text.splitlines())
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert "[stage 0, splits, ordered, cpu, ~3 rows, ~72 B]" in lines["ScanExec"]  # the build side, printed last
    assert "stage 1, " in lines["PartialAggregateExec"]
    assert "stage 1, " in lines["HashExchangeExec"]
    assert "stage 2, " in lines["FinalAggregateExec"]


def test_an_operator_run_by_several_stages_names_them_all(orders):
    few = orders[orders.id > 1]
    text = vl.concat([few.sort_values("price"), few]).explain("physical")
    assert "ScanExec memory 3 rows x 3 columns columns=[id, who, price] (1 splits)  [stage 0, 1, splits" in text
