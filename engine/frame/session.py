"""Sessions: which device and how many threads run a plan, the memory limit, and the tables known by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..dtypes import DataType
from ..errors import (
    ColumnNotFound,
    ConfigError,
    DeviceUnavailable,
    PlanError,
    UnsupportedOperation,
    VolleyError,
    suggestion,
)
from ..expr import Expr, Literal, NamedExpr
from ..kernels.devices import open_device, open_remote_device
from ..kernels.protocol import AsksTogether, Device, Table
from ..kernels.sharing import DeviceArray, Shared
from ..machine import available_cores
from ..optimizer import Estimator, OptimizerContext, optimize
from ..physical import (
    Exec,
    LoweringOptions,
    StageGraph,
    computed_parts,
    cut,
    fallbacks,
    lower,
    mark_fallbacks,
    mark_files,
)
from ..physical.stages import CollectSink, FoldSink
from ..plan import Plan, Recursion, Scan, ScanPlan
from ..runners import LocalParts, LocalRunner, Observer, Part, Parts, RunResult
from ..schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

    from ..runners.dask import Cluster, DaskRunner
    from .frame import DataFrame
    from .registered import Registered


class Session:
    """Settings under which plans run, and a catalogue of named frames.

    Usable as a context manager; frames made inside belong to it.

    Parameters
    ----------
    device
        ``"cpu"``, ``"gpu"`` or ``"auto"`` (a GPU where there is one that works, else the CPU).
    cluster
        None: plans run in this process. ``"local"`` or ``"local:4"``: on worker processes of this machine, which the
        session starts and ends. ``"local-gpu"`` or ``"local-gpu:0,1"``: on one process for each GPU of this machine.
        ``"tcp://host:8786"`` (also ``tls``, ``ucx``), ``"kubernetes:NAME"`` (a DaskCluster) or a
        ``distributed.Client``: on the workers of a Dask cluster.
    threads
        Worker threads; by default one per usable core, or one for each worker process that the session starts.
    memory_limit
        Most bytes held between operators, of each task on a cluster, as a number or like ``"8GiB"``; by default
        unlimited. In this process, rows beyond it are spilled to files.
    spill_dir
        Folder for rows that are spilled in this process; by default the system's for temporary files. The files have
        no names: nobody else sees them, and they are gone when the run ends, however it does.
    observer
        Is told of progress.
    dynamic_filters
        Whether scans leave out rows for which a join that was built before has no partner, and rows that come after
        enough others where only the first of an order are wanted.
    cpu_fallback
        Whether the CPU may compute what a GPU has no kernels for, which ``explain("physical")`` shows; if not, such a
        query is refused.

    Attributes
    ----------
    registered
        Functions and models by name.
    rules
        What SQL has said that the rows of registered tables must keep, by name.
    views
        Queries by name that SQL binds anew each time they are read.
    recursion_limit
        Most rounds of a recursive query before it is stopped with an error.
    options
        Settings that only SQL reads, by name.
    kept
        What a room above keeps with the session, by the room's name.

    Raises
    ------
    ConfigError
        If a setting has a value that is not allowed.
    DeviceUnavailable
        If the device cannot be used here; the message says why.
    """

    def __init__(
        self,
        device: str | Device = "auto",
        cluster: Any = None,
        *,
        threads: int | None = None,
        memory_limit: int | str | None = None,
        spill_dir: str | PathLike[str] | None = None,
        observer: Observer | None = None,
        dynamic_filters: bool = True,
        cpu_fallback: bool = True,
    ) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, not {threads}")
        if device == "auto" and isinstance(cluster, str) and cluster.partition(":")[0] == "local-gpu":
            device = "gpu"
        self.cluster: Cluster | None = None
        self.device = self._opened(device, cluster) if isinstance(device, str) else device
        self.cluster = None if cluster is None else _open_cluster(cluster, self.device, threads)
        self.threads = threads or available_cores()
        self.memory_limit = parse_bytes(memory_limit) if isinstance(memory_limit, str) else memory_limit
        self.spill_dir = _spill_folder(spill_dir, cluster)
        self.observer = observer
        self.dynamic_filters = dynamic_filters
        self.cpu_fallback = cpu_fallback
        self.tables: dict[str, DataFrame] = {}
        self.registered: dict[str, Registered] = {}
        self.rules: dict[str, Any] = {}
        self.views: dict[str, Any] = {}
        self.recursion_limit = 10_000
        self.options: dict[str, str] = {}
        self.kept: dict[str, Any] = {}
        names = ("threads", "memory_limit", "spill_dir", "recursion_limit")
        self._begun = {name: getattr(self, name) for name in names}
        self._tokens: list[Token[Session | None]] = []

    def _opened(self, device: str, cluster: Any) -> Device:
        """Open a device; one that workers elsewhere have need not be here."""
        try:
            return open_device(device)
        except DeviceUnavailable:
            starts = isinstance(cluster, str) and cluster.startswith("local")
            if cluster is None or starts or device != "gpu":
                raise

        def workers() -> Cluster:
            assert self.cluster is not None
            return self.cluster

        return open_remote_device(lambda: workers().device_description, lambda parts: workers().refusals(parts))

    def __enter__(self) -> Self:
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())
        if not self._tokens:
            self.close()

    def close(self) -> None:
        """Leave the cluster, and end the workers that this session started; using the session again starts new ones."""
        if self.cluster is not None:
            self.cluster.close()

    # names

    def register(self, name: str, frame: DataFrame) -> None:
        """Give a frame a name that SQL can use; replaces what had the name before."""
        self.views.pop(name, None)
        self.tables[name] = frame

    def unregister(self, name: str) -> None:
        """Forget a named frame, view, function or model."""
        if self.registered.pop(name, None) is not None or self.views.pop(name, None) is not None:
            return
        if name not in self.tables:
            raise ColumnNotFound(name, self.tables, " among the registered tables")
        del self.tables[name]

    # settings

    def configure(self, name: str, value: int | str | None) -> None:
        """Change ``threads``, ``memory_limit``, ``spill_dir`` or ``recursion_limit``; None gives what it was at first.

        Raises
        ------
        ConfigError
            If there is no such setting, or the value is not one of its kind.
        """
        if name not in self._begun:
            raise ConfigError(f"unknown setting {name!r}{suggestion(name, self._begun)}")
        if value is None:
            setattr(self, name, self._begun[name])
            return
        if name == "spill_dir":
            self.spill_dir = _spill_folder(str(value), self.cluster)
            return
        number = parse_bytes(value) if name == "memory_limit" and isinstance(value, str) else value
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1, not {value!r}")
        setattr(self, name, number)

    # planning and running

    def optimized(self, plan: Plan) -> Plan:
        """Return the plan after all rewrite rules."""
        return optimize(plan, OptimizerContext(fold=self._fold_constant))

    def lowered(self, plan: Plan, *, estimated: bool = False) -> Exec:
        """Optimise a plan and lower it to physical operators, which say how many rows are expected if asked to."""
        root = lower(self.optimized(plan), self.lowering, Estimator().rows if estimated else None)
        if self.device.refusal is None:
            return root
        if isinstance(self.device, AsksTogether):
            self.device.ask_all(computed_parts(root))
        root = mark_fallbacks(root, self.device.refusal)
        if not self.cpu_fallback:
            for node, reason in fallbacks(root):
                raise UnsupportedOperation(
                    f"{node.title}: {self.device.name} cannot compute {reason}; allow cpu_fallback or use device='cpu'"
                )
        return root if self.device.encoder is None else mark_files(root, self.device.encoder)

    def stages(
        self, plan: Plan, result: CollectSink | FoldSink | None = None, *, estimated: bool = False
    ) -> StageGraph:
        """Optimise and lower a plan to stages."""
        with _deep_ones_told():
            return self._stages(plan, result, estimated=estimated)

    def _stages(self, plan: Plan, result: CollectSink | FoldSink | None, *, estimated: bool) -> StageGraph:
        return cut(self.lowered(plan, estimated=estimated), result, dynamic_filters=self.dynamic_filters)

    @property
    def lowering(self) -> LoweringOptions:
        """Options of lowering for this session's device."""
        limit = self.memory_limit if self.cluster is None else None
        return LoweringOptions(
            device=self.device.name,
            batch_rows=self.device.batch_rows,
            recursions=self._rounds,
            top_bytes=None if limit is None else limit // _TOP_SHARE,
        )

    def _rounds(self, recursion: Recursion) -> ScanPlan:
        from .recursion import RecursionSplit

        return ScanPlan(splits=(RecursionSplit(recursion, self),))

    def run(self, plan: Plan, result: FoldSink | None = None, *, estimated: bool = False) -> RunResult:
        """Run a plan to its end; its metrics show what was expected where ``estimated``."""
        with _deep_ones_told():
            return self._runner().execute(self._stages(plan, result, estimated=estimated))

    def collect(self, plan: Plan) -> pa.Table:
        """Run a plan and return its rows."""
        return self._collected(self.run(plan), plan.schema)

    def native(self, plan: Plan) -> Any:
        """Run a plan and return its rows as one table of the device's library, in the device's memory."""
        return self.device.native(self.device.concat(self.run(plan).tables, plan.schema))

    def shared(self, plan: Plan) -> Shared:
        """Run a plan and return its columns as arrays in the device's memory, with what was copied for them."""
        return self.device.share(self.device.concat(self.run(plan).tables, plan.schema))

    def matrix(self, plan: Plan, names: Sequence[str], dtype: DataType) -> tuple[DeviceArray, Shared]:
        """Run a plan and return columns of it as one column-major matrix in the device's memory."""
        return self.device.matrix(self.run(plan).tables, names, dtype)

    def held(self, plan: Plan) -> Plan:
        """Run a plan and return a scan of its rows, which stay in the device's memory, for several plans to read."""
        from .resident import DeviceSource

        rows = self.device.concat(self.run(plan).tables, plan.schema)
        return Scan(
            source=DeviceSource(
                schema=plan.schema,
                rows=rows.num_rows,
                table=self.device.native(rows),
                copied=lambda **_: self.device.to_arrow(rows),
                named="held",
            )
        )

    def stream(self, plan: Plan) -> Iterator[pa.RecordBatch]:
        """Run a plan and yield its rows in order, batch by batch, while it runs."""
        for table in self._runner().stream(self.stages(plan)):
            yield from self.device.to_arrow(table).to_batches()

    def fold(
        self,
        plan: Plan,
        initial: Callable[[], Any],
        update: Callable[[Any, Any], Any],
        merge: Callable[[Any, Any], Any],
    ) -> Any:
        """Run a plan and fold its rows into one value; see `DataFrame.fold`."""
        return self.run(plan, FoldSink(initial, update, merge)).value

    @contextmanager
    def parts(self, plan: Plan) -> Iterator[Parts]:
        """Run a plan and leave its rows where they are, for functions that are sent to them; see `Parts`."""
        if self.cluster is None:
            yield LocalParts(self._part(plan))
            return
        with self._cluster_runner(self.cluster).parts(self.stages(plan)) as parts:
            yield parts

    def _part(self, plan: Plan) -> Part | None:
        """Run a plan in this process and return its rows where they are, None without any."""
        if self.device.account is None:
            table = self.collect(plan)
            return Part(threads=self.threads, tables=[table]) if table.num_rows else None
        tables = [table for table in self.run(plan).tables if table.num_rows]
        return Part(threads=self.threads, tables=[*tables], device=self.device) if tables else None

    def _runner(self) -> LocalRunner | DaskRunner:
        if self.cluster is not None:
            return self._cluster_runner(self.cluster)
        return LocalRunner(
            self.device,
            threads=self.threads,
            memory_limit=self.memory_limit,
            spill_dir=self.spill_dir,
            observer=self.observer,
        )

    def _cluster_runner(self, cluster: Cluster) -> DaskRunner:
        from ..runners.dask import DaskRunner

        return DaskRunner(cluster, memory_limit=self.memory_limit, observer=self.observer)

    def _collected(self, result: RunResult, schema: Schema) -> pa.Table:
        if result.written:
            return _written_table(result, schema)
        tables = self._sizeable(result.tables, schema) if len(schema) else [self.device.concat(result.tables, schema)]
        return _chunked([self.device.to_arrow(table) for table in tables])

    def _sizeable(self, tables: Sequence[Table], schema: Schema) -> Iterator[Table]:
        """Yield the rows of tables in order, small tables joined and large ones as they are; at least one table."""
        held: list[Table] = []
        rows, first = 0, True
        for table in tables:
            if held and (rows >= _CHUNK_ROWS or table.num_rows >= _CHUNK_ROWS):
                yield self.device.concat(held, schema)
                held, rows, first = [], 0, False
            held.append(table)
            rows += table.num_rows
        if held or first:
            yield self.device.concat(held, schema)

    def _fold_constant(self, expr: Expr) -> Literal | None:
        """Evaluate an expression without columns; None where it raises, so that the run raises.

        A single value is not worth a device's trouble, and every device has the same answer.
        """
        from ..arrow import empty_batch

        device = self.device if self.device.refusal is None else open_device("cpu")
        try:
            one = device.from_arrow(empty_batch(1), Schema(()))
            value = device.to_arrow(device.project(one, [NamedExpr(name="value", expr=expr)]))
        except VolleyError:
            return None
        return Literal(value=value.column(0)[0].as_py(), dtype=expr.dtype)


_TOP_SHARE = 8
"""The first rows of an order may take one in so many bytes of a limit of memory, in each thread."""
_CHUNK_ROWS = 8 * 1024
"""Tables of fewer rows are joined before they become chunks of a result, of which each costs its readers a little."""


def _chunked(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of Arrow tables of one schema, nullable where any of them is, without copying."""
    import pyarrow as pa

    return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="default")


def cluster_module(what: str) -> Any:
    """Return the room of the cluster's runner, on behalf of ``what`` was asked for.

    Raises
    ------
    ConfigError
        If Dask is not installed.
    """
    try:
        from ..runners import dask
    except ModuleNotFoundError as error:
        raise ConfigError(f"{what} needs the module {error.name}: pip install 'volley-engine[cluster]'") from error
    return dask


def _spill_folder(folder: str | PathLike[str] | None, cluster: Any) -> str | None:
    if folder is None:
        return None
    if cluster is not None:
        raise ConfigError("spill_dir is for plans that run in this process: workers spill into their local directory")
    if not Path(folder).is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"spill_dir {os.fspath(folder)!r} is not a folder that this process may write to")
    return os.fspath(folder)


def _open_cluster(where: Any, device: Device, threads: int | None) -> Cluster:
    cluster: Cluster = cluster_module(f"cluster={where!r}").Cluster(where, device, threads=threads)
    return cluster


_current: ContextVar[Session | None] = ContextVar("volley_session", default=None)
_default: list[Session] = []


def current_session() -> Session:
    """Return the innermost session entered with ``with``, or the process's default one."""
    session = _current.get()
    if session is not None:
        return session
    if not _default:
        _default.append(Session())
    return _default[0]


_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@contextmanager
def _deep_ones_told() -> Iterator[None]:
    """Tell of expressions whose depth Python's stack does not hold."""
    try:
        yield
    except RecursionError:
        raise PlanError("an expression is nested too deeply; compute a part of it first, and cache() that") from None


def parse_bytes(text: str) -> int:
    """Return the number of bytes that a text like ``"8GiB"``, ``"500 MB"`` or ``"1e9"`` says."""
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if match is None:
        raise ConfigError(f"{text!r} is not a number of bytes; write it like '8GiB' or '500MB'")
    number, unit, binary = match.groups()
    factor = _UNITS[unit.upper()]
    if binary:
        factor = 1024 ** "KMGT".index(unit.upper()) * 1024 if unit else 1
    return int(float(number) * factor)


def _written_table(result: RunResult, schema: Schema) -> pa.Table:
    import pyarrow as pa

    from .memory import batch_of_rows

    return pa.Table.from_batches([batch_of_rows([(f.path, f.rows, f.bytes) for f in result.written], schema)])
