"""Fills the results of logic tests in from DuckDB and compares them with SQLite's."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.slt.engines import DuckDB, Failed, SQLite
from tests.slt.results import Answer, difference, hashed, ordered
from tests.slt.script import Loop, Query, Record, Statement, parse, substitute

_MANY = 200
"""More values than this are kept as their hash."""


def complete(path: Path, variables: Mapping[str, str]) -> int:
    """Rewrite a file with DuckDB's results, and say where SQLite, which may not know the SQL at all, has others.

    ``variables`` is what is replaced in every text, such as ``__TEST_DIR__``.

    Returns
    -------
    int
        0, or 1 where DuckDB does something else than a record says: fails where it should not, or the other way round.
    """
    text = path.read_text()
    filler = _Filler(path, text.splitlines())
    for record in parse(text):
        filler.record(record, dict(variables))
    path.write_text("\n".join(filler.rewritten()) + "\n")
    print(f"{path}: {filler.filled} results, SQLite has the same for {filler.agreed} and others for {filler.disagreed}")
    return int(filler.wrong > 0)


class _Filler:
    def __init__(self, path: Path, lines: list[str]) -> None:
        self._path, self._lines = path, lines
        self._duckdb, self._sqlite = DuckDB(), SQLite()
        self._edits: dict[tuple[int, int], list[str]] = {}
        self._headers: dict[int, str] = {}
        self.filled = self.agreed = self.disagreed = self.wrong = 0

    def record(self, record: Record, variables: dict[str, str]) -> None:
        """Run a record on both engines and note its results."""
        if isinstance(record, Loop):
            for row in record.values:
                for inner in record.body:
                    self.record(inner, {**variables, **dict(zip(record.variables, row, strict=True))})
            return
        record = substitute(record, variables)
        on_sqlite = all(condition.holds(("sqlite",), variables) for condition in record.conditions)
        on_duckdb = all(condition.holds(("duckdb",), variables) for condition in record.conditions)
        theirs = self._answer(self._sqlite, record) if on_sqlite else None
        if not on_duckdb:
            return
        try:
            answer = self._duckdb.run(record.sql) if isinstance(record, Statement | Query) else None
        except Failed as error:
            if not isinstance(record, Statement) or record.expect in ("ok", "count"):
                self._complain(record, f"DuckDB: {error}")
            return
        if isinstance(record, Statement) and record.expect == "error":
            self._complain(record, "DuckDB succeeds")
        elif isinstance(record, Query) and answer is not None:
            self._fill(record, answer, theirs)

    @staticmethod
    def _answer(engine: SQLite, record: Record) -> Answer | None:
        try:
            return engine.run(record.sql) if isinstance(record, Statement | Query) else None
        except Failed:
            return None

    def _complain(self, record: Record, what: str) -> None:
        self.wrong += 1
        print(f"{self._path}:{record.line}: {what}", file=sys.stderr)

    def _fill(self, record: Query, answer: Answer, theirs: Answer | None) -> None:
        sort = record.sort or "nosort"
        rows = answer.lines()
        lines = ["\t".join(row) for row in ordered(rows, sort)]
        if sort == "valuesort":
            lines = [row[0] for row in ordered(rows, sort)]
        if len(rows) * answer.columns > _MANY:
            lines = [hashed(rows, sort)]
        known = self._edits.setdefault(record.results, ["----", *lines])
        if known != ["----", *lines]:
            self._complain(record, "the result is another in each turn of the loop; name it by the loop's variable")
        if record.types != answer.kinds:
            header = self._lines[record.line - 1].split()
            given = len(header) > 1 and header[1] == record.types and record.types
            rest = header[2:] if given else header[1:]
            self._headers[record.line - 1] = " ".join(["query", answer.kinds, *rest])
        self.filled += 1
        if theirs is None:
            return
        wrong = difference(lines, theirs, types=answer.kinds, sort=sort, sqlite=True)
        self.agreed += wrong is None
        self.disagreed += wrong is not None
        if wrong is not None:
            print(f"{self._path}:{record.line}: SQLite: {wrong}: {' '.join(record.sql.split())}", file=sys.stderr)

    def rewritten(self) -> list[str]:
        """Return the file's lines with the results in them."""
        result: list[str] = []
        at = 0
        for (start, end), lines in sorted(self._edits.items()):
            result += [self._headers.get(i, self._lines[i]) for i in range(at, start)]
            result += lines
            at = end
        return [*result, *(self._headers.get(i, self._lines[i]) for i in range(at, len(self._lines)))]
