"""Charts as inline SVG. Colours come from the page's style sheet by class, so that light and dark both fit.

Sizes are in CSS pixels of the view box; a chart grows with its column up to the width given in the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence

from .contents import CalibrationBin, Distribution, FeatureEffect, Interval, ModelResult
from .figures import count, metric, tick_label, ticks
from .markup import Markup, decimal, join, tag

_SERIES = 4
_SHADES = 7
_INTERVAL_WIDTH = 132.0


def svg(width: float, height: float, title: str, *children: Markup, kind: str) -> Markup:
    """Return a drawing that screen readers announce by ``title``."""
    return tag(
        "svg",
        *children,
        class_=f"chart {kind}",
        viewbox=f"0 0 {decimal(width)} {decimal(height)}",
        role="img",
        aria_label=title,
    )


def label(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "tick") -> Markup:
    """Return a text at a point; ``anchor`` is start, middle or end."""
    return tag("text", text, x=x, y=y, text_anchor=anchor, class_=kind)


def histogram(distribution: Distribution) -> Markup:
    """Return a small histogram for a table cell."""
    width, height = 132.0, 30.0
    top = max(distribution.counts, default=0) or 1
    step = width / max(len(distribution.counts), 1)
    drawn = []
    for index, (text, rows) in enumerate(zip(distribution.labels, distribution.counts, strict=True)):
        tall = max(height * rows / top, 1.0 if rows else 0.0)
        bar = tag("rect", x=index * step, y=height - tall, width=step - min(1.0, step / 4), height=tall)
        drawn.append(tag("g", tag("title", f"{text}: {count(rows)} rows"), bar))
    base = tag("line", x1=0, y1=height, x2=width, y2=height, class_="axis")
    return svg(width, height + 1, "histogram", *drawn, base, kind="mini")


def strip(distribution: Distribution) -> Markup:
    """Return one bar for a table cell, divided by the shares of the most frequent values; the rest stays empty."""
    width, height = 132.0, 10.0
    whole = sum(distribution.counts) + distribution.other or 1
    drawn, x = [], 0.0
    for index, (text, rows) in enumerate(zip(distribution.labels, distribution.counts, strict=True)):
        wide = width * rows / whole
        bar = tag("rect", x=x, y=0, width=max(wide - 1, 0.5), height=height, class_=f"part{min(index + 1, 5)}")
        drawn.append(tag("g", tag("title", f"{text}: {count(rows)} rows"), bar))
        x += wide
    return svg(width, height, "shares of values", *drawn, kind="mini strip")


class _Square:
    """A plot over the unit square with a grid, as ROC and calibration use it."""

    left, top, side, bottom = 44.0, 12.0, 300.0, 44.0

    def x(self, value: float) -> float:
        return self.left + self.side * value

    def y(self, value: float) -> float:
        return self.top + self.side * (1 - value)

    def frame(self, x_title: str, y_title: str) -> Markup:
        parts = []
        low, high = self.y(0), self.y(1)
        for value in (0.0, 0.25, 0.5, 0.75, 1.0):
            kind = "axis" if value == 0 else "grid"
            parts.append(tag("line", x1=self.x(value), x2=self.x(value), y1=low, y2=high, class_=kind))
            parts.append(tag("line", x1=self.x(0), x2=self.x(1), y1=self.y(value), y2=self.y(value), class_=kind))
            parts.append(label(self.x(value), low + 16, tick_label(value), anchor="middle"))
            parts.append(label(self.left - 7, self.y(value) + 4, tick_label(value), anchor="end"))
        parts.append(label(self.x(0.5), low + 36, x_title, anchor="middle", kind="title"))
        turned = tag(
            "text",
            y_title,
            transform=f"translate(11 {decimal(self.y(0.5))}) rotate(-90)",
            text_anchor="middle",
            class_="title",
        )
        diagonal = tag("line", x1=self.x(0), y1=self.y(0), x2=self.x(1), y2=self.y(1), class_="reference")
        return join(parts, turned, diagonal)

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> Markup:
        written = " ".join(f"{decimal(self.x(x))},{decimal(self.y(y))}" for x, y in points)
        return tag("polyline", points=written, class_=kind)


def _series(index: int) -> str:
    return f"s{index % _SERIES + 1}"


def roc(models: Sequence[ModelResult]) -> Markup:
    """Return the ROC curves of the models, the legend with each AUC inside the empty lower right."""
    plot = _Square()
    lines, legend = [], []
    shown = [model for model in models if model.roc]
    for index, model in enumerate(shown):
        lines.append(plot.line(model.roc, f"curve {_series(index)}"))
        y = plot.y(0.06) - 19 * (len(shown) - 1 - index)
        legend.append(
            tag("line", x1=plot.x(0.44), x2=plot.x(0.5), y1=y - 4, y2=y - 4, class_=f"curve {_series(index)}")
        )
        text = f"{model.name}  {metric(model.metrics['auc'])}" if "auc" in model.metrics else model.name
        legend.append(label(plot.x(0.52), y, text, kind="legend"))
    width, height = plot.left + plot.side + 14, plot.top + plot.side + plot.bottom
    frame = plot.frame("False positive rate", "True positive rate")
    return svg(width, height, "ROC curves", frame, *lines, *legend, kind="square")


def calibration(models: Sequence[ModelResult]) -> Markup:
    """Return observed rates against mean scores per bin; the dot's area says how many rows the bin holds."""
    plot = _Square()
    drawn, legend = [], []
    shown = [model for model in models if model.calibration]
    largest = max((b.count for model in shown for b in model.calibration), default=1)
    for index, model in enumerate(shown):
        points = [(b.predicted, b.observed) for b in model.calibration]
        drawn.append(plot.line(points, f"curve thin {_series(index)}"))
        drawn.extend(_calibration_dot(plot, b, largest, _series(index)) for b in model.calibration)
        y = plot.y(0.94) + 19 * index
        legend.append(tag("circle", cx=plot.x(0.06), cy=y - 4, r=4, class_=f"dot {_series(index)}"))
        legend.append(label(plot.x(0.09), y, model.name, kind="legend"))
    width, height = plot.left + plot.side + 14, plot.top + plot.side + plot.bottom
    frame = plot.frame("Mean score", "Observed rate")
    return svg(width, height, "Calibration", frame, *drawn, *legend, kind="square")


def _calibration_dot(plot: _Square, bin_: CalibrationBin, largest: int, kind: str) -> Markup:
    radius = 2.0 + 4.5 * (bin_.count / largest) ** 0.5
    told = f"score {metric(bin_.predicted)}, observed {metric(bin_.observed)}, {count(bin_.count)} rows"
    return tag(
        "circle",
        tag("title", told),
        cx=plot.x(bin_.predicted),
        cy=plot.y(bin_.observed),
        r=radius,
        class_=f"dot {kind}",
    )


def effects(features: Sequence[FeatureEffect], unit: str) -> Markup:
    """Return one row per feature: a bar for the mean size of its SHAP values, and the values as a swarm of dots."""
    row, top, names, bar, swarm = 30.0, 26.0, 150.0, 110.0, 460.0
    left = names + bar + 64
    height = top + row * len(features) + 44
    width = left + swarm + 16
    values = [value for feature in features for value, _ in feature.points] or [0.0]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    pad = (high - low) * 0.03 or 1.0
    low, high = low - pad, high + pad

    def x(value: float) -> float:
        return left + swarm * (value - low) / (high - low)

    parts = [
        label(names, 12, "mean |SHAP|", kind="title"),
        label(left, 12, f"effect on the prediction ({unit})", kind="title"),
    ]
    foot = top + row * len(features)
    for value in ticks(low, high, 7):
        kind = "axis" if value == 0 else "grid"
        parts.append(tag("line", x1=x(value), x2=x(value), y1=top - 4, y2=foot + 4, class_=kind))
        parts.append(label(x(value), foot + 20, tick_label(value), anchor="middle"))
    largest = max((feature.mean_size for feature in features), default=0.0) or 1.0
    for index, feature in enumerate(features):
        middle = top + row * (index + 0.5)
        length = bar * feature.mean_size / largest
        parts.append(label(names - 12, middle + 4, _shortened(feature.name, 20), anchor="end", kind="name"))
        parts.append(tag("rect", x=names, y=middle - 6, width=length, height=12, rx=2, class_="bar"))
        parts.append(label(names + length + 6, middle + 4, metric(feature.mean_size)))
        parts.append(_swarm([(x(value), rank) for value, rank in feature.points], middle, row * 0.42))
    return svg(width, height, "SHAP values by feature", *parts, kind="effects")


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _swarm(points: Sequence[tuple[float, float | None]], middle: float, reach: float) -> Markup:
    """Return dots stacked away from the middle line where they are dense; one path per shade keeps the page small."""
    width = 3.2
    stacks: dict[int, int] = {}
    for x, _ in points:
        column = round(x / width)
        stacks[column] = stacks.get(column, 0) + 1
    tallest = max(stacks.values(), default=1)
    pitch = min(2.6, 2 * reach / max(tallest, 1))
    placed: dict[int, int] = {}
    paths: dict[str, list[str]] = {}
    for x, rank in points:
        column = round(x / width)
        order = placed[column] = placed.get(column, 0) + 1
        away = (order // 2) * pitch * (1 if order % 2 else -1)
        shade = "none" if rank is None else str(min(int(rank * _SHADES), _SHADES - 1) + 1)
        paths.setdefault(shade, []).append(f"M{decimal(x)} {decimal(middle + away)}h0")
    return join(tag("path", d="".join(dots), class_=f"swarm v{shade}") for shade, dots in sorted(paths.items()))


def interval(value: Interval | None, low: float, high: float, overall: float | None) -> Markup:
    """Return one cell of a forest plot: the interval as a line, the value as a dot, all rows as a reference line."""
    width, height = _INTERVAL_WIDTH, 26.0

    def x(position: float) -> float:
        return 6 + (width - 12) * (min(max(position, low), high) - low) / (high - low)

    parts = [tag("line", x1=x(v), x2=x(v), y1=0, y2=height, class_="grid") for v in ticks(low, high, 3)]
    if overall is not None:
        parts.append(tag("line", x1=x(overall), x2=x(overall), y1=0, y2=height, class_="overall"))
    told = "undefined"
    if value is not None:
        told = metric(value.value)
        middle = height / 2
        if value.low is not None and value.high is not None:
            told += f" [{metric(value.low)}, {metric(value.high)}]"
            parts.append(tag("line", x1=x(value.low), x2=x(value.high), y1=middle, y2=middle, class_="whisker"))
        parts.append(tag("circle", cx=x(value.value), cy=middle, r=4, class_="dot s1"))
    return svg(width, height, told, tag("title", told), *parts, kind="interval")


def interval_axis(low: float, high: float) -> Markup:
    """Return the axis that stands above a column of ``interval`` cells."""
    width, height = _INTERVAL_WIDTH, 18.0
    marks = ticks(low, high, 3)
    parts = [label(6 + (width - 12) * (v - low) / (high - low), 13, tick_label(v), anchor="middle") for v in marks]
    return svg(width, height, "axis", *parts, kind="interval")


def meter(part: float, kind: str = "") -> Markup:
    """Return a bar for a table cell that fills ``part`` (0 to 1) of its width."""
    filled = tag("rect", x=0, y=0, width=max(100 * min(part, 1.0), 0.5), height=8, rx=1.5, class_=f"bar {kind}".strip())
    return svg(100, 8, "", filled, kind="meter")
