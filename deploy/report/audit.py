"""The fairness section: gaps between slices, a forest plot with one column per metric, the whole table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from .charts import interval, interval_axis
from .contents import Fairness, Gap, Interval, SliceResult
from .figures import METRIC_NAMES, count, metric, share
from .markup import Child, Markup, join, tag
from .tables import Column, frame, table

_DRAWN = ("selection_rate", "fpr", "fnr", "accuracy")
_MOST_DRAWN = 3


def fairness(audited: Fairness) -> Markup:
    """Return the audit at one threshold."""
    note = tag(
        "p",
        "Test rows of ",
        tag("strong", audited.model),
        f" at threshold {audited.threshold:g}, by slice. Dots are values, lines {audited.interval}; the vertical "
        f"line is the value over all rows. Slices under {count(audited.min_count)} rows have no metrics.",
        class_="note",
    )
    shown = [name for name in _DRAWN if name in audited.overall.metrics][:_MOST_DRAWN]
    parts: list[Child] = [note]
    if audited.gaps:
        parts.append(_gaps(audited.gaps))
    parts.append(_forest(audited, shown))
    parts.append(tag("details", tag("summary", "All metrics as a table"), _everything(audited)))
    return join(parts)


def _gaps(gaps: Sequence[Gap]) -> Markup:
    columns = [Column("Column"), Column("Metric"), Column("Largest gap", "figure"), Column("From"), Column("To")]
    rows = [
        (
            tag("code", gap.column),
            METRIC_NAMES.get(gap.metric, gap.metric),
            _interval_text(gap.difference),
            gap.lowest,
            gap.highest,
        )
        for gap in sorted(gaps, key=lambda gap: -gap.difference.value)
    ]
    return table(columns, rows, kind="gaps")


def _bounds(audited: Fairness, name: str) -> tuple[float, float]:
    """Return the common range of one metric's cells: every interval fits, cut at round tenths."""
    values = [
        bound
        for row in (audited.overall, *audited.slices)
        if (found := row.metrics.get(name)) is not None
        for bound in (found.low, found.value, found.high)
        if bound is not None
    ]
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    return (low, high) if high > low else (low, low + 0.1)


def _forest(audited: Fairness, shown: Sequence[str]) -> Markup:
    bounds = {name: _bounds(audited, name) for name in shown}
    head = tag(
        "tr",
        tag("th", "Slice", scope="col"),
        tag("th", "Rows", scope="col", class_="figure"),
        tag("th", "Positives", scope="col", class_="figure"),
        (tag("th", METRIC_NAMES[name], interval_axis(*bounds[name]), scope="col", class_="drawing") for name in shown),
    )
    bodies = [tag("tbody", _forest_row(audited.overall, audited.overall, bounds), class_="overall")]
    for by, rows in groupby(audited.slices, key=lambda row: row.by):
        title = tag("th", " × ".join(by), colspan=3 + len(shown), scope="colgroup")
        every = list(rows)
        lines = [_forest_row(row, audited.overall, bounds) for row in every if row.metrics]
        small = _small_slices([row for row in every if not row.metrics], 3 + len(shown))
        bodies.append(tag("tbody", tag("tr", title, class_="group"), lines, small))
    return frame(tag("thead", head), *bodies, kind="forest")


def _small_slices(rows: Sequence[SliceResult], columns: int) -> Markup | None:
    """Return one line that names the slices without metrics."""
    if not rows:
        return None
    named = "; ".join(f"{row.label} ({count(row.n)})" for row in rows)
    return tag("tr", tag("th", f"Too few rows: {named}", colspan=columns, class_="small"))


def _forest_row(row: SliceResult, overall: SliceResult, bounds: dict[str, tuple[float, float]]) -> Markup:
    cells = []
    for name, (low, high) in bounds.items():
        found = row.metrics.get(name)
        reference = overall.metrics[name].value
        text = "undefined" if found is None else metric(found.value)
        kind = "value" if found is not None else "value none"
        drawing = interval(found, low, high, reference)
        cells.append(tag("td", tag("div", drawing, tag("span", text, class_=kind)), class_="drawing"))
    return tag(
        "tr",
        tag("th", row.label, scope="row"),
        tag("td", count(row.n), class_="figure"),
        tag("td", share(row.positives, row.n), class_="figure"),
        cells,
    )


def _everything(audited: Fairness) -> Markup:
    names = list(audited.overall.metrics)
    columns = [
        Column("Slice"),
        Column("Rows", "figure"),
        *(Column(METRIC_NAMES.get(name, name), "figure") for name in names),
    ]
    rows = [
        (_slice_name(row), count(row.n), *(_interval_text(row.metrics.get(name)) for name in names))
        for row in (audited.overall, *audited.slices)
    ]
    return table(columns, rows, kind="dense")


def _slice_name(row: SliceResult) -> Markup:
    return join(row.label, tag("small", " × ".join(row.by)) if row.by else None)


def _interval_text(value: Interval | None) -> Child:
    if value is None:
        return "–"
    if value.low is None or value.high is None:
        return metric(value.value)
    return join(metric(value.value), tag("small", f"{metric(value.low)} – {metric(value.high)}"))
