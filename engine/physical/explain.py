"""Physical plans as text: the tree of operators, each with the stage that runs it and what is expected of it."""

from __future__ import annotations

from ..quantities import format_bytes
from .nodes import Exec
from .stages import Probe, RemainingInput, ScanInput, StageGraph, StageInput


def explain_exec(root: Exec, graph: StageGraph | None = None) -> str:
    """Return the operators as an indented tree, one per line.

    Each shows its partitioning, order and device; with ``graph``, what `cut` made of the tree, also its stage; and the
    rows and bytes expected, where ``lower`` was given estimates.
    """
    stages = {} if graph is None else _places(graph)
    keys = {} if graph is None else _keys(graph)
    lines = []
    stack: list[tuple[Exec, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        facts = [str(node.partitioning), *(["ordered"] if node.ordered else []), node.device]
        if id(node) in stages:
            facts.insert(0, f"stage {', '.join(map(str, stages[id(node)]))}")
        facts += keys.get(id(node), ())
        if node.rows is not None:
            facts += [f"~{node.rows:,.0f} rows", f"~{format_bytes(node.rows * node.schema.row_width)}"]
        facts += [f"on the cpu {reason}" for reason in node.on_cpu]
        facts += [node.by_host] if node.by_host else []
        lines.append(f"{'  ' * depth}{node.title}  [{', '.join(facts)}]")
        stack.extend((child, depth + 1) for child in reversed(node.children))
    return "\n".join(lines)


def _places(graph: StageGraph) -> dict[int, list[int]]:
    """Return the numbers of the stages that run each operator, by the operator's id."""
    places: dict[int, list[int]] = {}
    for stage in graph.stages:
        nodes: list[Exec] = list(stage.ends)
        for pipeline in stage.pipelines:
            nodes += [o.node if isinstance(o, Probe) else o for o in pipeline.operators]
            if not isinstance(pipeline.input, StageInput | RemainingInput):  # whose operator runs in another pipeline
                nodes.append(pipeline.input.node)
        for node in {id(node): node for node in nodes}.values():
            places.setdefault(id(node), []).append(stage.number)
    return places


def _keys(graph: StageGraph) -> dict[int, list[str]]:
    """Return the keys of joins and orders that each scan makes use of, by the operator's id."""
    inputs = [pipeline.input for stage in graph.stages for pipeline in stage.pipelines]
    found: dict[int, list[str]] = {}
    for each in inputs:
        if isinstance(each, ScanInput) and (each.keys or each.top):
            used = (*each.keys, each.top) if each.top is not None else each.keys
            found.setdefault(id(each.node), []).extend(map(str, used))
    return found
