"""CSV in: types inferred from a sample, then enforced on every value of every file.

Parsing is pyarrow's, one block of whole records at a time, so that a value that does not fit is reported with its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..engine.arrow import to_arrow_type
from ..engine.dtypes import DataType
from ..engine.errors import ConfigError, suggestion
from ..engine.plan import ScanPlan, ScanRequest
from ..engine.schema import Schema
from .compression import with_compressions
from .conform import conform
from .csv_errors import BadRows, RaggedRows, explain, padded, ragged_error, salvage
from .csv_options import CsvOptions, Dialect, agreed_type, find_dialect, given_types, infer_types, read_sample
from .filesystem import PathLike
from .finding import resolve
from .tables import FileSource, FileTable
from .text_blocks import Block, TextFile, TextSplit

SUFFIXES = with_compressions((".csv", ".tsv"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSplit(TextSplit):
    """A byte range of a CSV file.

    Attributes
    ----------
    types
        Arrow types of the columns to parse, of those that the file has.
    """

    dialect: Dialect
    types: Mapping[str, pa.DataType]
    skip_bad: bool
    pads: bool
    bad_rows: BadRows

    @property
    def body(self) -> int:
        """Where the first record below the header starts."""
        return self.dialect.body

    @property
    def host_reads(self) -> str:
        """Why devices leave it to the host."""
        return "libcudf reads what does not fit as null, fills and cuts rows of another length, and rounds floats"

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield record batches of the range, in order.

        Raises
        ------
        ReadError
            If a record or value does not fit, with file, line, column and value.
        """
        offset = self.start
        for block in self.text.blocks(self.start, self.end):
            table = self._parse(block, offset)
            for batch in table.to_batches(max_chunksize=self.batch_rows):
                if batch.num_rows:
                    yield conform(batch, self.schema, self.keys, where=self.text.url)
            offset += len(block)

    def _parse(self, block: Block, offset: int) -> pa.Table:
        # a query that needs no column of the file still needs its rows: any column counts them
        types = self.types or {self.dialect.names[0]: pa.binary()}
        ragged = RaggedRows(skip=self.skip_bad)
        try:
            table = self.dialect.parse(block, types, list(types), ragged)
        except pa.ArrowInvalid as error:
            if self.pads and ragged.found and (whole := padded(self.dialect, block)) != block:
                return self._parse(whole, offset)
            if self.skip_bad:
                return salvage(self.text, self.dialect, block, offset, types, self.bad_rows)
            raise explain(self.text, self.dialect, block, offset, types, error, ragged.found) from error
        if ragged.found:
            first = ragged_error(self.text, self.dialect, block, offset, ragged.found[0])
            self.bad_rows.add(len(ragged.found), first)
        return table


class CsvSource(FileSource):
    """One table in CSV files.

    Columns are matched by name; one that a file lacks is null there. Files may be compressed
    (``.gz .zst .bz2 .xz .lz4``); large plain ones are read in pieces at once.

    Parameters
    ----------
    paths
        Path, list of paths, glob, directory or URL.
    options
        How the files are written.
    storage_options
        Passed to fsspec for URLs.

    Raises
    ------
    ReadError
        If a file is missing, empty or no text.
    ConfigError
        If an option is wrong, or ``dtypes`` names a column that no file has.
    """

    form = "csv"

    def __init__(
        self,
        paths: PathLike | Iterable[PathLike],
        options: CsvOptions | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = options or CsvOptions()
        files = resolve(paths, suffixes=SUFFIXES, storage_options=storage_options)
        self._texts = tuple(
            TextFile(
                location=files.location,
                file=f,
                encoding=self._options.encoding,
                quote=self._options.quote,
                comment=self._options.comment,
            )
            for f in files.files
        )
        given = given_types(self._options)
        found = [self._look_at(text, given) for text in self._texts]
        self._dialects = tuple(dialect for dialect, _ in found)
        self._table = FileTable.of(files, _agreed([schema for _, schema in found]))
        unknown = next((name for name in given if name not in self._table.schema), None)
        if unknown is not None:
            hint = suggestion(unknown, self._table.schema.names)
            raise ConfigError(f"dtypes names {unknown!r}, which {files.name!r} does not have{hint}")
        self._pieces: dict[int, tuple[tuple[int, int | None], ...]] = {}
        self._bad_rows = BadRows()

    def _look_at(self, text: TextFile, given: Mapping[str, DataType]) -> tuple[Dialect, Schema]:
        sample = read_sample(text, self._options)
        dialect = find_dialect(text, sample, self._options)
        if self._options.on_bad_rows == "pad":
            sample = sample[: dialect.body] + padded(dialect, sample[dialect.body :])
        return dialect, infer_types(text, dialect, sample, given, infer=self._options.infer)

    @property
    def bad_rows(self) -> int:
        """Rows left out so far by reads in this process, with ``on_bad_rows='skip'``."""
        return self._bad_rows.count

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return splits of about 16 MB; nothing of the predicate is applied."""
        schema = self.schema.select(request.columns)
        splits: list[CsvSplit] = []
        for position, (text, dialect) in enumerate(zip(self._texts, self._dialects, strict=True)):
            keys = self._table.keys_within(position, schema)
            types = {f.name: to_arrow_type(f.dtype) for f in schema if f.name in dialect.names and f.name not in keys}
            # a look at the first rows should not have the whole file searched for where to cut it
            brief = request.limit is not None and request.predicate is None
            if position not in self._pieces and not brief:
                self._pieces[position] = text.pieces(dialect.body)
            splits.extend(
                CsvSplit(
                    text=text,
                    dialect=dialect,
                    start=start,
                    end=end,
                    schema=schema,
                    types=types,
                    keys=keys,
                    batch_rows=request.batch_rows,
                    skip_bad=self._options.on_bad_rows == "skip",
                    pads=self._options.on_bad_rows == "pad",
                    bad_rows=self._bad_rows,
                )
                for start, end in self._pieces.get(position, ((dialect.body, None),))
            )
        return ScanPlan(splits=tuple(splits), residual=request.predicate)


def _agreed(schemas: list[Schema]) -> list[Schema]:
    """Give a column the same type in every file's schema."""
    seen: dict[str, list[DataType]] = {}
    for schema in schemas:
        for column in schema:
            seen.setdefault(column.name, []).append(column.dtype)
    agreed = {name: agreed_type(types) for name, types in seen.items()}
    return [Schema.of((name, agreed[name]) for name in schema.names) for schema in schemas]
