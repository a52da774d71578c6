"""Sinks that write files: in task order with one writer, or with a writer for each task."""

from __future__ import annotations

from ...exchange import OrderedDelivery
from ...kernels.protocol import Table
from ...physical.stages import WriteSink
from ...plan import DividedWriter, SinkWriter
from ...plan.source import TableWriter
from .base import InOrder, Output, Parallel, SinkBase, SinkContext
from .shared_work import SharedWork


class _Write(SinkBase):
    """Writing that publishes at the end, or nothing at all."""

    any_tasks = False  # each may be a file

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context)
        self.sink = sink.sink
        self.work = SharedWork(context.memory, context.stopped)
        if not context.shared:
            self.sink.open(sink.schema)

    @property
    def shared_work(self) -> SharedWork:
        """What writers leave to any thread."""
        return self.work

    def write(self, task: int, writer: SinkWriter, table: Table) -> None:
        """Append rows, or leave the work of that to the threads."""
        device = self.context.device
        if device.encoder is not None and isinstance(writer, TableWriter) and writer.take(table, device.encoder):
            return
        divided = isinstance(writer, DividedWriter)
        for batch in device.to_arrow(table, coded=divided).to_batches():
            if isinstance(writer, DividedWriter):
                self.work.put(task, writer.divide(batch))
            else:
                writer.write(batch)

    def end(self, task: int, writer: SinkWriter) -> None:
        """Leave the last of a writer's work to the threads."""
        if isinstance(writer, DividedWriter):
            self.work.put(task, writer.last())

    def abandon(self) -> None:
        raise TypeError("a write sink abandons its writers")

    def abort(self) -> None:
        super().abort()
        self.work.drop()
        self.abandon()
        if not self.context.shared:  # else who runs the stage removes what is there
            self.sink.abort()


class OrderedWrite(InOrder, _Write):
    """One writer, rows in task order."""

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context, sink)
        self.writer = self.sink.writer(0)
        self.delivery = OrderedDelivery(self._put, context.stopped, memory=context.memory, meanwhile=self.work.do_one)

    def _put(self, table: Table) -> bool:
        self.write(0, self.writer, table)
        return True

    def consume(self, task: int, *tables: Table) -> None:
        for table in tables:
            self.delivery.put(task, table)
            self.work.do_all()

    def finish_task(self, task: int) -> None:
        self.delivery.finish(task)
        self.work.do_all()

    def finish(self, parallel: Parallel) -> Output:
        self.end(0, self.writer)
        parallel([self.work.do_all] * self.context.threads)
        self.writer.close()
        return Output() if self.context.shared else Output(written=self.sink.commit())

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
            self.write(task, writer, table)
            self.work.do_all()

    def finish_task(self, task: int) -> None:
        writer = self.writers.get(task)
        if writer is not None:
            self.end(task, writer)
            self.work.do_all_of(task)
            writer.close()

    def finish(self, parallel: Parallel) -> Output:
        if self.context.shared:
            return Output()
        if not self.writers:
            self.sink.writer(0).close()
        return Output(written=self.sink.commit())

    def abandon(self) -> None:
        for writer in self.writers.values():
            writer.abandon()
