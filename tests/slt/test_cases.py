"""Our own logic tests: Volley gives the answers in the files, and so does DuckDB, from which they come.

Patterns of errors are in Volley's words.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slt.engines import ENGINES
from tests.slt.runner import FAILED, UNSUPPORTED, Options, run_file

CASES = sorted((Path(__file__).parent / "cases").rglob("*.test"))


@pytest.mark.parametrize("engine", ["volley", "duckdb"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_file(path: Path, engine: str, tmp_path: Path) -> None:
    places = {"__TEST_DIR__": str(tmp_path)}
    options = Options(names=(engine,), style="duckdb", patterns=engine == "volley", variables=places)
    report = run_file(path, ENGINES[engine], options)
    assert report.error is None
    wrong = [f"{path.name}:{o.line}: {o.reason}" for o in report.outcomes if o.verdict in (FAILED, UNSUPPORTED)]
    assert not wrong, "\n".join(wrong)
