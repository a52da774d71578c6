"""All 22 queries of TPC-H from Parquet files, as the SQL texts that the tests ask, to each engine's own SQL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..case import Bench, Call, Case, Prepare
from ..connect import polars_frames, sql_engines
from ..data import TPCH

if TYPE_CHECKING:
    import polars as pl

SUITE = "tpch22-"
TEXTS = Path(__file__).parents[2] / "tests" / "sql" / "tpch"
# Engines call a sum without a name differently.
REWRITTEN = {18: ("sum(l_quantity)\nfrom customer", "sum(l_quantity) as sum_qty\nfrom customer")}
# DataFusion rounds averages and quotients of decimals to six digits.
TOLERANCES = {
    1: {"avg_qty": 1e-6, "avg_price": 1e-6, "avg_disc": 1e-4},
    8: {"mkt_share": 1e-4},
    14: {"promo_revenue": 1e-6},
    17: {"avg_yearly": 1e-6},
}


def polars_sql(text: str) -> Prepare:
    """Return Polars' answer to a SQL text, by its streaming engine.

    Where the text multiplies, decimals are floats: Polars rounds a product of decimals to the digits of its factors.
    """

    def prepare(bench: Bench) -> Call:
        import polars as pl
        import polars.selectors as cs

        frames: dict[str, pl.LazyFrame] = polars_frames(bench)
        if re.search(r"[\w)] \* ", text):
            frames = {name: frame.with_columns(cs.decimal().cast(pl.Float64)) for name, frame in frames.items()}
        context = pl.SQLContext(frames)
        return lambda: context.execute(text).collect(engine="streaming")

    return prepare


def _case(path: Path) -> Case:
    number, text = int(path.stem[1:]), path.read_text()
    text = text.replace(*REWRITTEN[number]) if number in REWRITTEN else text
    return Case(
        name=f"{SUITE}q{number:02d}",
        about=f"TPC-H Q{number} from Parquet",
        files=tuple(table for table in TPCH if re.search(rf"\b{table}\b", text)),
        engines={**sql_engines(text), "polars": polars_sql(text)},
        tolerances=TOLERANCES.get(number, {}),
        only_named=True,
    )


CASES = tuple(_case(path) for path in sorted(TEXTS.glob("q*.sql")))
