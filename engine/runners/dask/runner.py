"""The runner that a session uses where it has a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...kernels.protocol import Table
from ...physical.stages import CollectSink, StageGraph
from ..metrics import Observer
from ..result import RunResult
from .cluster import Cluster
from .coordinator import Coordinator
from .parts import ClusterParts


class DaskRunner:
    """Executes stage graphs on the workers of a cluster.

    Parameters
    ----------
    memory_limit
        Most bytes that a task may hold between operators, or None.
    observer
        Is told of progress, or None.
    """

    def __init__(self, cluster: Cluster, *, memory_limit: int | None = None, observer: Observer | None = None) -> None:
        self.cluster, self.memory_limit, self.observer = cluster, memory_limit, observer

    def execute(self, graph: StageGraph) -> RunResult:
        """Run all stages and return the result's tables in order."""
        with self._coordinator(graph) as coordinator:
            coordinator.run()
            return coordinator.result()

    def stream(self, graph: StageGraph) -> Iterator[Table]:
        """Run all stages and yield the result's tables in order as they come from the workers.

        Closing the iterator early frees what is left on the workers.
        """
        if not isinstance(graph.stages[-1].sink, CollectSink):
            raise TypeError("only a plan that gives rows can be streamed")
        with self._coordinator(graph) as coordinator:
            coordinator.run()
            yield from coordinator.rows()

    @contextmanager
    def parts(self, graph: StageGraph) -> Iterator[ClusterParts]:
        """Run all stages and leave the result's rows on the workers, until the context ends."""
        with self._coordinator(graph) as coordinator:
            coordinator.run()
            yield coordinator.parts()

    def _coordinator(self, graph: StageGraph) -> Coordinator:
        return Coordinator(self.cluster, graph, memory_limit=self.memory_limit, observer=self.observer)
