"""Sinks that write files: in task order with one writer, or with a writer for each task."""

from __future__ import annotations

from contextlib import suppress

from ...exchange import OrderedDelivery
from ...kernels.protocol import Table
from ...physical.stages import WriteSink
from ...plan import SinkWriter
from ...plan.source import TableWriter
from .base import InOrder, Output, Parallel, SinkBase, SinkContext


class _Write(SinkBase):
    """Writing that publishes at the end, or nothing at all."""

    any_tasks = False  # each may be a file

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context)
        self.sink = sink.sink
        if not context.shared:
            self.sink.open(sink.schema)

    def finish(self, parallel: Parallel) -> Output:
        self.close()
        return Output() if self.context.shared else Output(written=self.sink.commit())

    def write(self, writer: SinkWriter, table: Table) -> None:
        device = self.context.device
        if device.encoder is not None and isinstance(writer, TableWriter) and writer.take(table, device.encoder):
            return
        for batch in device.to_arrow(table).to_batches():
            writer.write(batch)

    def close(self) -> None:
        raise TypeError("a write sink closes its writers")

    def abandon(self) -> None:
        raise TypeError("a write sink abandons its writers")

    def abort(self) -> None:
        super().abort()
        if self.context.shared:  # who runs the stage removes what is there
            self.abandon()
            return
        with suppress(Exception):
            self.close()
        self.sink.abort()


class OrderedWrite(InOrder, _Write):
    """One writer, rows in task order."""

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context, sink)
        self.writer = self.sink.writer(0)
        self.delivery = OrderedDelivery(self._put, context.stopped, memory=context.memory)

    def _put(self, table: Table) -> bool:
        self.write(self.writer, table)
        return True

    def close(self) -> None:
        self.writer.close()

    def abandon(self) -> None:
        self.writer.abandon()

    def abort(self) -> None:
        self.delivery.close()
        super().abort()


class TaskWrite(_Write):
    """One writer per task, opened when its first rows come; at least one, so that the schema is always written."""

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context, sink)
        self.writers: dict[int, SinkWriter] = {}

    def consume(self, task: int, *tables: Table) -> None:
        writer = self.writers.get(task)
        if writer is None:
            writer = self.writers[task] = self.sink.writer(task)
        for table in tables:
            self.write(writer, table)

    def finish_task(self, task: int) -> None:
        writer = self.writers.get(task)
        if writer is not None:
            writer.close()

    def finish(self, parallel: Parallel) -> Output:
        if self.context.shared:
            return Output()
        if not self.writers:
            self.sink.writer(0).close()
        return Output(written=self.sink.commit())

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()

    def abandon(self) -> None:
        for writer in self.writers.values():
            writer.abandon()
