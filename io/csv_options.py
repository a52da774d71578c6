"""How a CSV file is written down: delimiter, quotes, header, nulls and types, given or found in a sample."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..engine import dtypes
from ..engine.arrow import from_arrow_type, to_arrow_type
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ConfigError, ReadError
from ..engine.schema import Schema
from ..engine.typenames import named_type
from .text_blocks import TextFile

DELIMITERS = (",", "\t", ";", "|")
_LEAST_EVEN = 0.5
"""Share of the first records that a delimiter must split like the first one."""
_PARTS = ("Y", "y", "m", "d", "H", "I", "M", "S", "p", "b", "B", "a", "A", "j", "z", "%")
"""Parts of the formats of moments that the parser knows on every machine."""
NULL_VALUES = ("", "NA", "N/A", "NULL", "null", "#N/A")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOptions:
    """Options of reading CSV.

    Attributes
    ----------
    delimiter
        Between values; None finds ``, tab ; |`` in the first lines.
    quote
        Quote character; empty if quotes are ordinary characters.
    header
        Whether the first record names the columns; without it and ``names`` they are ``column_1``, ….
    names
        Column names to use instead of the header's.
    skip_rows
        Lines above the header, or above the first record, that are no part of the table, such as a title.
    dtypes
        Types by column, as Volley types or their names (``"string"``, ``"decimal(15,2)"``); others are inferred.
    infer
        Whether to infer types; where False, every column without a given type is text.
    decimal
        Character between whole and fraction of a number.
    null_values
        Spellings of null.
    quoted_nulls
        Whether they are null in quotes too; say False to tell ``""`` from nothing.
    comment
        Character behind which, outside quotes, the rest of a line is left out; the file is then read by one thread,
        and blank lines are no records.
    date_format, timestamp_format
        How dates and timestamps are written beside ISO 8601, as ``%d/%m/%Y`` and ``%d.%m.%Y %H:%M:%S``.
    on_bad_rows
        ``raise``, ``skip`` (counted and logged) rows with too many or few values or with one that does not fit, or
        ``pad`` rows with too few values with nulls.
    sample_bytes
        How much of each file to infer types from.
    encoding
        Character encoding.
    """

    delimiter: str | None = None
    quote: str = '"'
    header: bool = True
    names: tuple[str, ...] = ()
    skip_rows: int = 0
    dtypes: Mapping[str, DataType | str] = field(default_factory=dict)
    infer: bool = True
    decimal: str = "."
    null_values: tuple[str, ...] = NULL_VALUES
    quoted_nulls: bool = True
    comment: str = ""
    date_format: str = ""
    timestamp_format: str = ""
    on_bad_rows: Literal["raise", "skip", "pad"] = "raise"
    sample_bytes: int = 1024 * 1024
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        for name in ("delimiter", "quote", "decimal", "comment"):
            value = getattr(self, name)
            if (value or name == "decimal") and (len(value) != 1 or not value.isascii()):
                raise ConfigError(f"{name} must be one ASCII character, not {value!r}")
        if self.comment and self.comment in (self.delimiter, self.quote, self.decimal):
            raise ConfigError(f"comment must be another character than delimiter, quote and decimal: {self.comment!r}")
        for name in ("date_format", "timestamp_format"):
            unknown = [part for part in re.findall("%(.?)", getattr(self, name)) if part not in _PARTS]
            if unknown or (getattr(self, name) and "%" not in getattr(self, name)):
                wrong = f"has no %{unknown[0]}" if unknown else "has no part such as %d"
                raise ConfigError(f"{name} {getattr(self, name)!r} {wrong}; read the column as text and parse it there")
        if self.on_bad_rows not in ("raise", "skip", "pad"):
            raise ConfigError(f"on_bad_rows must be 'raise', 'skip' or 'pad', not {self.on_bad_rows!r}")
        if self.skip_rows < 0:
            raise ConfigError(f"skip_rows must be 0 or more lines, not {self.skip_rows}")
        if self.sample_bytes < 1:
            raise ConfigError(f"sample_bytes must be positive, not {self.sample_bytes}")
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ConfigError(f"unknown encoding {self.encoding!r}; write it like 'utf-8' or 'latin-1'") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a parser has to know of one file.

    Attributes
    ----------
    names
        Columns in the file's order.
    body
        Offset of the first record behind the header, in bytes of decoded text.
    comments
        Whether comments are left out, of which blank lines remain.
    formats
        How moments are written beside ISO 8601; ``date_format`` is that of days among them.
    """

    delimiter: str
    quote: str
    names: tuple[str, ...]
    body: int
    null_values: tuple[str, ...]
    quoted_nulls: bool
    decimal: str = "."
    comments: bool = False
    date_format: str = ""
    formats: tuple[str, ...] = ()

    def parse(
        self, block: bytes, types: Mapping[str, pa.DataType] | None, columns: Sequence[str], on_invalid: Any = None
    ) -> pa.Table:
        """Return some columns of a block of records; ``types`` None infers them.

        Raises
        ------
        pyarrow.ArrowInvalid
            If a row has the wrong number of values or a value does not fit.
        """
        days = [name for name, kind in (types or {}).items() if self.date_format and pa.types.is_date(kind)]
        table = pacsv.read_csv(
            pa.py_buffer(block),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=list(self.names)),
            parse_options=pacsv.ParseOptions(
                delimiter=self.delimiter,
                quote_char=self.quote or False,
                newlines_in_values=bool(self.quote),
                ignore_empty_lines=not self.blank_counts,
                invalid_row_handler=on_invalid,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={**types, **dict.fromkeys(days, pa.timestamp("s"))} if types is not None else None,
                include_columns=list(columns),
                null_values=list(self.null_values),
                strings_can_be_null=True,
                quoted_strings_can_be_null=self.quoted_nulls,
                decimal_point=self.decimal,
                timestamp_parsers=[*self.formats, pacsv.ISO8601] if self.formats else None,
            ),
        )
        for name in days:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table.column(place).cast(pa.date32()))
        return table

    @property
    def blank_counts(self) -> bool:
        """Whether a blank line is a record: the null of an only column."""
        return len(self.names) == 1 and not self.comments


def read_sample(text: TextFile, options: CsvOptions) -> bytes:
    """Return the file's first records.

    Raises
    ------
    ReadError
        If the file is empty or no text.
    """
    above = 1024 * (options.skip_rows + 1) if options.skip_rows else 0
    sample = text.sample(max(options.sample_bytes, above))
    if not sample.strip():
        raise ReadError(f"{text.url!r} is empty; a CSV file needs a header or rows")
    if b"\0" in sample[:4096]:
        wide = sample[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        hint = "give its encoding: encoding='utf-16'" if wide else "name its format with format=…"
        raise ReadError(f"{text.url!r} is not UTF-8 text; {hint}")
    if b"\n" not in sample and b"\r" in sample:
        raise ReadError(f"{text.url!r} ends its lines with bare carriage returns; convert it with tr '\\r' '\\n'")
    return sample


def find_dialect(text: TextFile, sample: bytes, options: CsvOptions) -> Dialect:
    """Return delimiter and column names of a file from its first records."""
    above = _above(text, sample, options.skip_rows)
    sample = sample[above:]
    try:
        lines = _first_records(sample).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(text, sample.count(b"\n", 0, error.start) + 1) from error
    delimiter = options.delimiter or _sniff(text.file.path, lines, options.quote, options.decimal)
    reader = _records(lines, delimiter, options.quote)
    try:
        first: list[str] = next((record for record in reader if record), [])
    except csv.Error as error:
        raise ReadError(f"{text.url}:1: the first record cannot be read: {error}") from error
    body = len(b"".join(sample.splitlines(keepends=True)[: reader.line_num])) if options.header else 0
    if not options.header and sample.startswith(codecs.BOM_UTF8):
        body = len(codecs.BOM_UTF8)
    names = options.names or _named(first if options.header else [""] * len(first))
    if len(names) != len(first):
        raise ReadError(f"{text.url!r} has {len(first)} columns but {len(names)} names were given")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise ConfigError(f"names has {twice!r} twice; give every column of {text.url!r} a name of its own")
    return Dialect(
        delimiter=delimiter,
        quote=options.quote,
        names=names,
        body=above + body,
        null_values=options.null_values,
        quoted_nulls=options.quoted_nulls,
        decimal=options.decimal,
        comments=bool(options.comment),
        date_format=options.date_format,
        formats=tuple(filter(None, (options.timestamp_format, options.date_format))),
    )


def _above(text: TextFile, sample: bytes, count: int) -> int:
    """Return how many bytes the first lines take."""
    end = 0
    for _ in range(count):
        end = sample.find(b"\n", end) + 1
        if not end or end == len(sample):
            raise ReadError(f"{text.url!r} has no record behind the {count} lines that skip_rows={count} leaves out")
    return end


def _named(header: Sequence[str]) -> tuple[str, ...]:
    """Return names of columns: ``column_1`` where there is none, and ``a_1`` for an ``a`` that came before."""
    names: list[str] = []
    for i, name in enumerate(header, 1):
        wanted = given = name or f"column_{i}"
        count = 0
        while given in names or (count and given in header):
            count += 1
            given = f"{wanted}_{count}"
        names.append(given)
    return tuple(names)


def not_utf8(text: TextFile, line: int) -> ReadError:
    """Return the error for bytes that are no UTF-8."""
    return ReadError(
        f"{text.url}:{line}: the line is not UTF-8; give the file's encoding, e.g. encoding='latin-1', or convert it"
    )


def _first_records(sample: bytes) -> bytes:
    """Return some first lines; whole ones, unless a quoted value holds many."""
    end = 0
    for _ in range(200):
        following = sample.find(b"\n", end)
        if following < 0:
            return sample
        end = following + 1
    return sample[:end]


def _records(lines: str, delimiter: str, quote: str) -> Any:
    text = io.StringIO(lines, newline="\n")
    if not quote:
        return csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(text, delimiter=delimiter, quotechar=quote)


def _sniff(path: str, lines: str, quote: str, decimal: str) -> str:
    """Return the delimiter that splits the first record, and most records into as many values; some may be ragged."""
    if ".tsv" in path.lower():
        return "\t"
    candidates = [each for each in DELIMITERS if each != decimal]
    best, most = candidates[0], (_LEAST_EVEN, 1)
    for delimiter in candidates:
        widths = [len(record) for record in _sampled(lines, delimiter, quote) if record]
        if widths and widths[0] > 1 and (score := (widths.count(widths[0]) / len(widths), widths[0])) > most:
            best, most = delimiter, score
    return best


def _sampled(lines: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    with suppress(csv.Error):  # a value longer than Python's reader takes ends the sample
        yield from _records(lines, delimiter, quote)


def infer_types(
    text: TextFile, dialect: Dialect, sample: bytes, given: Mapping[str, DataType], *, infer: bool = True
) -> Schema:
    """Return names and types of a file's columns, inferred from the sample where not given.

    A column without values in the sample has the null type, without ``infer`` text. Timestamps are in microseconds
    where that is enough.
    """
    body = sample[dialect.body :]
    if not body.strip(b"\r\n"):
        return Schema.of((name, given.get(name, dtypes.null)) for name in dialect.names)
    if not infer:
        given = {**dict.fromkeys(dialect.names, dtypes.string), **given}
    table = dialect.parse(body, {name: pa.string() for name in given}, dialect.names, lambda _: "skip")
    if any(pa.types.is_binary(f.type) for f in table.schema):
        raise not_utf8(text, _first_bad_line(sample))
    return Schema.of(
        (name, given.get(name) or _refined(dialect, body, name, table.column(name))) for name in dialect.names
    )


def _refined(dialect: Dialect, body: bytes, name: str, column: pa.ChunkedArray) -> DataType:
    """Return the type of an inferred column; timestamps no finer, and whole numbers no rougher, than they need be."""
    dtype = from_arrow_type(column.type)
    better: tuple[DataType, ...] = ()
    if dtype.kind is Kind.TIMESTAMP and dialect.date_format:
        days = replace(dialect, formats=(dialect.date_format,), date_format="")
        if _fits(days, body, name, dtypes.timestamp("s")):
            return dtypes.date
    if dtype.kind is Kind.TIMESTAMP:
        better = (dtypes.timestamp("us", dtype.tz),)
    elif dtype == dtypes.float64 and (pc.max(pc.abs(column)).as_py() or 0.0) >= 2.0**63:
        better = (dtypes.uint64, dtypes.decimal(dtypes.MAX_DECIMAL_PRECISION, 0))
    return next((candidate for candidate in better if _fits(dialect, body, name, candidate)), dtype)


def agreed_type(types: Sequence[DataType]) -> DataType:
    """Return the type that a column inferred in several files gets: the common one, else text."""
    found = [dtype for dtype in types if dtype.kind is not Kind.NULL]
    if not found:
        return dtypes.string
    agreed: DataType | None = found[0]
    for dtype in found[1:]:
        agreed = None if agreed is None else dtypes.common_type(agreed, dtype)
    return agreed or dtypes.string


def _fits(dialect: Dialect, body: bytes, name: str, dtype: DataType) -> bool:
    try:
        dialect.parse(body, {name: to_arrow_type(dtype)}, [name], lambda _: "skip")
    except pa.ArrowInvalid:
        return False
    return True


def _first_bad_line(sample: bytes) -> int:
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return sample.count(b"\n", 0, error.start) + 1
    return 1


def given_types(options: CsvOptions) -> dict[str, DataType]:
    """Return the user's types, names of types resolved."""
    return {name: named_type(t) if isinstance(t, str) else t for name, t in options.dtypes.items()}
