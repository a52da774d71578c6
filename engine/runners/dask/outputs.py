"""What the stages of one query have made: under which numbers, how much of it, and when workers may forget it."""

from __future__ import annotations

from ...physical.stages import Stage, StageGraph
from .cluster import Cluster
from .placement import SMALL_BYTES, Sizes, sizes
from .tasks import Tasks


class Outputs:
    """The outputs of a query's stages; a stage of the graph may run as several, of which the last has made its rows.

    Attributes
    ----------
    made
        By number of a stage of the graph, the number of the stage that has made, or will make, its rows.
    """

    def __init__(self, cluster: Cluster, graph: StageGraph, tasks: Tasks) -> None:
        self.made: dict[int, int] = {}
        self._cluster, self._graph, self._tasks = cluster, graph, tasks
        self._next = len(graph.stages)
        self._extra: dict[int, list[int]] = {}
        self._sized: dict[int, tuple[list[int], Sizes]] = {}
        self._unread: dict[int, int] = {}

    def new(self, stage: Stage | None = None) -> int:
        """Return a number for one more stage, which is freed with one of the graph where it is given."""
        number = self._next
        self._next += 1
        if stage is not None:
            self._extra.setdefault(stage.number, []).append(number)
        return number

    def sizes(self, stage: int) -> Sizes:
        """Return how much a stage has made, by bucket; what is lost is made again first."""
        number = self.made[stage]
        made = self._tasks.whole(number)  # of a part, buckets would seem to be empty
        attempts = [report.attempt for report in made]
        known = self._sized.get(number)
        if known is None or known[0] != attempts:  # what was lost and made again may be of other sizes
            known = self._sized[number] = attempts, sizes(made)
        return known[1]

    def free_inputs(self, stage: Stage) -> None:
        """Let workers forget outputs that no later stage reads: at once where they are large, else with the query."""
        wanted = {need for later in self._graph.stages[stage.number + 1 :] for need in later.needs}
        kept = {self.made[number] for number in wanted if number in self.made} | {self.made[stage.number]}
        over = {self.made[need] for need in stage.needs - wanted} | {stage.number, *self._extra.get(stage.number, ())}
        for number in over - kept:
            if number in self._tasks.stages:
                self._unread[number] = self._tasks.free(number)
        if sum(self._unread.values()) > SMALL_BYTES:
            self._cluster.forget(self._tasks.query, [*self._unread])
            self._unread.clear()
