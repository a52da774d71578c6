"""What the units of a stage are: the splits of its scans, and buckets of what stages before it have made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...physical.stages import RemainingInput, ScanInput, Stage
from ..cuts import Line, rest_of
from .assignment import Buckets, Report, Unit
from .chains import Chain
from .lines import enough
from .outputs import Outputs
from .placement import Slots, joined_reading, reading, runs
from .tasks import Tasks
from .uploads import Uploads


class Units:
    """Divides the stages of one query.

    Parameters
    ----------
    buckets
        How many each exchange has.
    """

    def __init__(
        self, tasks: Tasks, outputs: Outputs, chain: Chain, uploads: Uploads, slots: Slots, buckets: int
    ) -> None:
        self._tasks, self._outputs, self._chain, self._uploads = tasks, outputs, chain, uploads
        self._slots, self._buckets = slots, buckets

    def of(self, lines: Sequence[Line], stage: Stage) -> list[Unit]:
        """Return the units of a stage in the order of its rows."""
        found = (unit for place in range(len(lines)) for unit in self._of_line(lines, place, stage))
        return [replace(unit, number=number) for number, unit in enumerate(found)]

    def _of_line(self, lines: Sequence[Line], position: int, stage: Stage) -> Iterator[Unit]:
        line = lines[position]
        source = line.pipeline.input
        if isinstance(source, ScanInput):
            yield from self._of_scan(position, source, enough(line.pipeline, stage))
        elif isinstance(source, RemainingInput):
            return  # comes with the units of its join
        elif self._chain.has(source.stage) or (line.build is not None and self._chain.has(line.build)):
            everything = Unit(number=0, pipeline=position, buckets=Buckets(0, self._buckets))
            yield (
                everything
                if line.build is None
                else replace(everything, build=line.build, rest=rest_of(lines, position))
            )
        elif line.build is None:
            found = self._outputs.sizes(source.stage)
            for buckets in runs(found, self._slots) if len(found.rows) > 1 else [Buckets(0, 1)]:
                yield reading(position, buckets, found)
        else:
            probing, building = self._outputs.sizes(source.stage), self._outputs.sizes(line.build)
            made, rest = self._tasks.whole(self._outputs.made[source.stage]), rest_of(lines, position)
            for unit in joined_reading(position, probing, building, made, self._slots, every=rest is not None):
                yield replace(unit, build=line.build, rest=rest)

    def _of_scan(self, position: int, source: ScanInput, enough: int | None) -> Iterator[Unit]:
        splits = source.node.scan.splits
        number: int | None = None
        if self._uploads.needed(splits):
            number = self._outputs.new()
            self._outputs.made[number] = number
            self._tasks.stages[number] = self._uploads.send(number, splits, source.node.schema, enough)
        for place, split in enumerate(splits):
            unit = Unit(number=0, pipeline=position, rows=split.rows or 0, bytes=split.bytes or 0)
            if number is None:
                yield replace(unit, split=split)
            else:
                yield replace(unit, uploaded=number, label=split.label, buckets=Buckets(0, 1, place, place + 1))


def each_by_itself(reports: Sequence[Report]) -> list[tuple[Unit, ...]]:
    """Return a unit for what each task has made, alone in its group."""
    units = (
        Unit(
            number=report.task,
            pipeline=0,
            buckets=Buckets(0, 1, report.task, report.task + 1),
            rows=report.rows[0],
            bytes=report.bytes[0],
        )
        for report in reports
    )
    return [(unit,) for unit in units]
