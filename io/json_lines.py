"""JSON in: objects, one per line or in one array; types inferred from a sample, then enforced in every file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.json as pajson

from ..engine import dtypes
from ..engine.arrow import empty_batch, from_arrow_type, to_arrow_type
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ConfigError, ReadError, suggestion
from ..engine.plan import ScanPlan, ScanRequest
from ..engine.schema import Schema
from ..engine.typenames import named_type
from .compression import with_compressions
from .conform import conform
from .csv_options import agreed_type
from .filesystem import PathLike, reason
from .finding import resolve
from .json_values import form_of
from .tables import FileSource, FileTable
from .text_blocks import Block, TextFile, TextSplit

SUFFIXES = with_compressions((".jsonl", ".ndjson", ".json"))
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d(?P<clock>[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonOptions:
    """Options of reading JSON lines.

    Attributes
    ----------
    dtypes
        Types by column, as Volley types or their names; others are inferred. Where there are no rows, these are the
        columns.
    sample_bytes
        How much of each file to infer types from.
    """

    dtypes: Mapping[str, DataType | str] = field(default_factory=dict)
    sample_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        if self.sample_bytes < 1:
            raise ConfigError(f"sample_bytes must be positive, not {self.sample_bytes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSplit(TextSplit):
    """A byte range of a file of JSON lines."""

    @property
    def host_reads(self) -> str:
        """Why devices leave it to the host."""
        return "libcudf reads what does not fit as null, and rounds floats"

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield record batches of the range, in order.

        Raises
        ------
        ReadError
            If a line is no JSON object or a value does not fit, with file and line.
        """
        types = {f.name: _parse_type(f.dtype) for f in self.schema if f.name not in self.keys}
        offset = self.start
        for block in self.text.blocks(self.start, self.end):
            for batch in self._batches(block, offset, types):
                if batch.num_rows:
                    yield conform(batch, self.schema, self.keys, where=self.text.url)
            offset += len(block)

    def _batches(self, block: Block, offset: int, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        if not types:
            rows = sum(1 for line in block.split(b"\n") if line.strip())
            for start in range(0, rows, self.batch_rows):
                yield empty_batch(min(self.batch_rows, rows - start))
        elif block.strip():
            try:
                table = parse_lines(block, types, unexpected="ignore")
            except pa.ArrowInvalid as error:
                raise line_error(self.text, block, offset, types, error) from error
            yield from table.to_batches(max_chunksize=self.batch_rows)


class JsonSource(FileSource):
    """One table in files of JSON lines; columns are matched by name, one that an object lacks is null.

    Parameters
    ----------
    paths
        Path, list of paths, glob, directory or URL; ``.gz .zst .bz2 .xz .lz4`` are decompressed.
    options
        Types and sample size.
    storage_options
        Passed to fsspec for URLs.

    Raises
    ------
    ReadError
        If a file is missing, empty, or no JSON lines.
    """

    form = "json"

    def __init__(
        self,
        paths: PathLike | Iterable[PathLike],
        options: JsonOptions | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        options = options or JsonOptions()
        files = resolve(paths, suffixes=SUFFIXES, storage_options=storage_options)
        given = {n: named_type(t) if isinstance(t, str) else t for n, t in options.dtypes.items()}
        texts = (TextFile(location=files.location, file=file) for file in files.files)
        known = [_inferred(text, given, options.sample_bytes) for text in texts]
        self._texts, found = tuple(text for text, _ in known), [schema for _, schema in known]
        if not any(found):
            found = [_without_rows(files.name, given)] * len(found)
        self._table = FileTable.of(files, _agreed(found, given))
        unknown = next((name for name in given if name not in self._table.schema), None)
        if unknown is not None:
            hint = suggestion(unknown, self._table.schema.names)
            raise ConfigError(f"dtypes names {unknown!r}, which {files.name!r} does not have{hint}")

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return splits of about 16 MB; nothing of the predicate is applied."""
        schema = self.schema.select(request.columns)
        # a look at the first rows should not have whole files searched for where to cut them
        brief = request.limit is not None and request.predicate is None
        splits = tuple(
            JsonSplit(
                text=text,
                start=start,
                end=end,
                schema=schema,
                keys=self._table.keys_within(position, schema),
                batch_rows=request.batch_rows,
            )
            for position, text in enumerate(self._texts)
            for start, end in (((0, None),) if brief else text.pieces(0))
        )
        return ScanPlan(splits=splits, residual=request.predicate)


def _inferred(text: TextFile, given: Mapping[str, DataType], sample_bytes: int) -> tuple[TextFile, Schema]:
    """Return a file with how its values are laid out, and its schema."""
    start = text.start_of()
    form = form_of(start)
    text = replace(text, json=form) if form else text
    return text, _infer(text, text.sample(sample_bytes, start), given)


def parse_lines(block: bytes, types: Mapping[str, pa.DataType], *, unexpected: str) -> pa.Table:
    """Return a block of lines as a table; ``unexpected`` says what to do with keys that ``types`` has not.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a line is no object, a value does not fit, or the text is not UTF-8.
    """
    try:
        block.decode()  # the parser does not look inside texts
    except UnicodeDecodeError as error:
        raise pa.ArrowInvalid(f"not UTF-8: {error}") from error
    return pajson.read_json(
        pa.py_buffer(block),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
        parse_options=pajson.ParseOptions(
            explicit_schema=pa.schema(list(types.items())) if types else None, unexpected_field_behavior=unexpected
        ),
    )


def line_error(
    text: TextFile, block: bytes, offset: int, types: Mapping[str, pa.DataType], error: Exception
) -> ReadError:
    """Return the error for the first line of a block that does not parse after those before it, found by halving."""
    lines = block.split(b"\n")
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fails(lines[:middle], types) else (middle, high)
    cause = error
    try:
        parse_lines(lines[low] + b"\n", types, unexpected="ignore")
    except pa.ArrowInvalid as own:
        cause = own
    shown = lines[low].decode(errors="replace")[:120]
    place = _place(text, offset, lines, low)
    part = "element" if text.json else "line"
    return ReadError(
        f"{place}: {_what(cause)}: {shown.strip() if text.json else shown}; each {part} must be one JSON object whose "
        f"values fit their columns: mend the {part}, or give dtypes={{…}} or a larger sample_bytes"
    )


def _place(text: TextFile, offset: int, lines: list[bytes], low: int) -> str:
    """Return where one of a block's lines stands: its line, or in an array the number of the element from 0."""
    if text.json == "array":
        return f"{text.url!r}, element {text.lines_before(offset) + low}"
    if text.json:
        offset += sum(len(line) + 1 for line in lines[:low])
        blank = len(lines[low]) - len(lines[low].lstrip())
        return f"{text.url}:{replace(text, json='').lines_before(offset + blank) + 1}"
    return f"{text.url}:{text.lines_before(offset) + low + 1}"


def _what(error: Exception) -> str:
    return re.sub(r"^JSON parse error: | in row \d+$", "", reason(error)).rstrip(".")


def _fails(lines: list[bytes], types: Mapping[str, pa.DataType]) -> bool:
    block = b"\n".join(lines) + b"\n"
    if not block.strip():
        return False
    try:
        parse_lines(block, types, unexpected="ignore")
    except pa.ArrowInvalid:
        return True
    return False


def _without_rows(name: str, given: Mapping[str, DataType]) -> Schema:
    """Return the schema of a table without rows, which are what would have told the columns."""
    if not given:
        raise ReadError(
            f"{name!r} is empty; JSON lines need one object per line: "
            "dtypes={'column': 'type', …} reads it as a table without rows"
        )
    return Schema.of(given.items())


def _infer(text: TextFile, sample: bytes, given: Mapping[str, DataType]) -> Schema:
    if not sample.strip():
        return Schema(())  # other files may have rows
    try:
        table = parse_lines(sample, {}, unexpected="infer")
    except pa.ArrowInvalid as error:
        raise line_error(text, sample, 0, {}, error) from error
    texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_timestamp(f.type)]
    times = _time_types(sample, [name for name in texts if name not in given])
    return Schema.of(
        (f.name, given.get(f.name) or times.get(f.name) or _settled(from_arrow_type(f.type))) for f in table.schema
    )


def _time_types(sample: bytes, names: Sequence[str]) -> dict[str, DataType]:
    """Return which text columns are dates or timestamps, by what every value in the sample looks like."""
    if not names:
        return {}
    table = parse_lines(sample, {name: pa.string() for name in names}, unexpected="ignore")
    found: dict[str, DataType] = {}
    for name in names:
        values = table.column(name).drop_null().to_pylist()
        matches = [_ISO_TIME.fullmatch(value) for value in values]
        if not values or None in matches:
            found[name] = dtypes.string
            continue
        clocks = [match["clock"] for match in matches if match is not None]
        zones = [match["zone"] for match in matches if match is not None]
        dtype = dtypes.timestamp("us", "UTC" if all(zones) else None) if any(clocks) else dtypes.date
        mixed = any(zones) and not all(zones)
        found[name] = dtypes.string if mixed or not _parses(sample, name, dtype) else dtype
    return found


def _parses(sample: bytes, name: str, dtype: DataType) -> bool:
    try:
        parse_lines(sample, {name: _parse_type(dtype)}, unexpected="ignore")
    except pa.ArrowInvalid:
        return False
    return True


def _parse_type(dtype: DataType) -> pa.DataType:
    """Return the type that the parser reads a column as; it has no dates, but timestamps that make them."""
    return pa.timestamp("us") if dtype.kind is Kind.DATE else to_arrow_type(dtype)


def _settled(dtype: DataType) -> DataType:
    """Give parts of a nested type that have no value in the sample the type text; timestamps microseconds."""
    if dtype.kind is Kind.LIST and dtype.value is not None:
        inner = _settled(dtype.value)
        return dtypes.list_(dtypes.string if inner.kind is Kind.NULL else inner)
    if dtype.kind is Kind.STRUCT:
        parts = [(name, _settled(part)) for name, part in dtype.fields]
        return dtypes.struct((n, dtypes.string if p.kind is Kind.NULL else p) for n, p in parts)
    return dtypes.timestamp("us", dtype.tz) if dtype.kind is Kind.TIMESTAMP else dtype


def _agreed(schemas: list[Schema], given: Mapping[str, DataType]) -> list[Schema]:
    """Give a scalar column the same type in every file's schema; nested ones must agree by themselves."""
    seen: dict[str, list[DataType]] = {}
    for schema in schemas:
        for column in schema:
            seen.setdefault(column.name, []).append(column.dtype)
    agreed = {
        name: given.get(name) or (types[0] if types[0].is_nested else agreed_type(types))
        for name, types in seen.items()
    }
    return [Schema.of((f.name, f.dtype if f.dtype.is_nested else agreed[f.name]) for f in schema) for schema in schemas]
