"""Questions that people ask of a log of page views: texts that are long and repeat, few rows of many, wide rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..case import Case
from ..connect import polars_query, sql_engines

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    Question = Callable[[dict[str, pl.LazyFrame]], pl.LazyFrame]

LATEST = """
    select * from events where url like '%/basket/%' order by moment desc, visit limit 20"""

HOSTS = """
    select regexp_replace(referrer, '^https?://(?:www\\.)?([^/]+)/.*$', '\\1') as host,
           count(*) as n, avg(length(referrer)) as long, min(referrer) as least
    from events where referrer <> '' group by 1"""

PAGES = """
    select 1 as one, url, count(*) as n from events group by 1, url order by n desc, url limit 20"""

VISITORS = """
    select region, cast(sum(seconds) as bigint) as seconds, avg(width) as width, count(distinct visitor) as visitors
    from events group by region"""

PHRASES = """
    select visitor, phrase, count(*) as n from events group by visitor, phrase
    order by n desc, visitor, phrase limit 20"""

FOUND = """
    select phrase, min(url) as url, count(*) as n, count(distinct visitor) as visitors
    from events where title like '%river%' and url not like '%.example3.%' and phrase <> '' group by phrase"""

STEPS = range(16)
TOTALS = f"""
    select {", ".join(f"cast(sum(width + {step}) as bigint) as total_{step}" for step in STEPS)} from events"""


def latest_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    kept = frames["events"].filter(pl.col("url").str.contains("/basket/", literal=True))
    return kept.sort("moment", "visit", descending=[True, False]).head(20)


def hosts_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    host = pl.col("referrer").str.replace(r"^https?://(?:www\.)?([^/]+)/.*$", "$1").alias("host")
    return (
        frames["events"]
        .filter(pl.col("referrer") != "")
        .group_by(host)
        .agg(
            pl.len().alias("n"),
            pl.col("referrer").str.len_chars().mean().alias("long"),
            pl.col("referrer").min().alias("least"),
        )
    )


def pages_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    counted = frames["events"].group_by(pl.lit(1).alias("one"), "url").agg(pl.len().alias("n"))
    return counted.sort("n", "url", descending=[True, False]).head(20)


def visitors_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    visitors = pl.col("visitor").n_unique().alias("visitors")
    return frames["events"].group_by("region").agg(pl.col("seconds").sum(), pl.col("width").mean(), visitors)


def phrases_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    counted = frames["events"].group_by("visitor", "phrase").agg(pl.len().alias("n"))
    return counted.sort("n", "visitor", "phrase", descending=[True, False, False]).head(20)


def found_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    kept = frames["events"].filter(
        pl.col("title").str.contains("river", literal=True)
        & ~pl.col("url").str.contains(".example3.", literal=True)
        & (pl.col("phrase") != "")
    )
    visitors = pl.col("visitor").n_unique().alias("visitors")
    return kept.group_by("phrase").agg(pl.col("url").min(), pl.len().alias("n"), visitors)


def totals_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    width = pl.col("width").cast(pl.Int64)
    return frames["events"].select([(width + step).sum().alias(f"total_{step}") for step in STEPS])


def _case(name: str, about: str, text: str, polars: Question, keys: tuple[str, ...] = ()) -> Case:
    engines = {**sql_engines(text), "polars": polars_query(polars)}
    return Case(name=f"events-{name}", about=about, files=("events",), engines=engines, keys=keys)


CASES = (
    _case("latest", "the 20 latest rows, all columns, whose address has a part", LATEST, latest_by_polars),
    _case("hosts", "hosts of addresses by a regular expression, and 3 aggregates", HOSTS, hosts_by_polars, ("host",)),
    _case("pages", "the 20 most frequent of 200k addresses, beside a constant", PAGES, pages_by_polars),
    _case("visitors", "3 aggregates and different visitors by region", VISITORS, visitors_by_polars, ("region",)),
    _case("phrases", "the 20 most frequent pairs of a visitor and a text", PHRASES, phrases_by_polars),
    _case("found", "4 aggregates by text of rows that pass 3 conditions on texts", FOUND, found_by_polars, ("phrase",)),
    _case("totals", "16 sums of one column, to which each adds a constant", TOTALS, totals_by_polars),
)
