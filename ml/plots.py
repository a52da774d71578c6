"""Pictures of models and audits as matplotlib figures; knows plain numbers only.

Figures are made without pyplot, so nothing global is touched and they can be drawn from any thread.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from .blocks import FloatArray
from .metrics.curves import CalibrationCurve, RocCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1f2933", "#6b7785", "#e4e8ec", "#ffffff"
SERIES = ("#2457c5", "#d9622b", "#2a8c6e", "#8a4fbf", "#b3872b", "#c23b6b")
"""Line colours in order of use; told apart with the common colour vision deficiencies."""

_LOW, _HIGH = "#2457c5", "#d9306f"
_FONT = ("Inter", "Helvetica Neue", "Helvetica", "Arial", "DejaVu Sans")
_BEESWARM_ROWS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """A line of a forest plot: a labelled value with optional bounds; ``group`` puts lines under a heading."""

    label: str
    group: str
    count: int
    value: float
    low: float | None = None
    high: float | None = None


def roc_plot(curves: Mapping[str, tuple[RocCurve, float]], *, title: str = "ROC") -> Figure:
    """Draw ROC curves with their areas: name -> (curve, AUC)."""
    with _canvas(5.2, 4.8, title) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        for colour, (name, (curve, area)) in zip(_colours(len(curves)), curves.items(), strict=True):
            axes.plot(curve.fpr, curve.tpr, color=colour, linewidth=2, label=f"{name}   AUC {area:.4f}")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel="false positive rate", ylabel="true positive rate")
        axes.set_aspect("equal")
        _legend(axes, "lower right")
    return figure


def calibration_plot(curves: Mapping[str, CalibrationCurve], *, title: str = "Calibration") -> Figure:
    """Draw observed shares of positives against predicted probabilities; a dot's area shows the bin's weight."""
    with _canvas(5.2, 4.8, title) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        for colour, (name, curve) in zip(_colours(len(curves)), curves.items(), strict=True):
            axes.plot(curve.predicted, curve.observed, color=colour, linewidth=1.5, label=name)
            share = curve.weight / max(float(curve.weight.sum()), 1e-300)
            axes.scatter(curve.predicted, curve.observed, s=12 + 260 * share, color=colour, linewidths=0, zorder=3)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel="predicted probability", ylabel="observed share")
        axes.set_aspect("equal")
        _legend(axes, "upper left")
    return figure


def importance_plot(
    names: Sequence[str], importance: FloatArray, *, top: int = 15, title: str = "Mean |SHAP value|"
) -> Figure:
    """Draw the features of greatest importance as bars; ``importance`` has shape (p,)."""
    order = np.argsort(importance)[::-1][:top][::-1]
    with _canvas(6.4, 0.9 + 0.32 * len(order), title) as (figure, axes):
        axes.barh(np.arange(len(order)), importance[order], height=0.62, color=SERIES[0])
        for place, number in enumerate(order):
            axes.annotate(
                f"{importance[number]:.3g}",
                (importance[number], place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=MUTED,
                fontsize=8,
            )
        axes.set_yticks(np.arange(len(order)), [names[i] for i in order])
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
    return figure


def shap_plot(
    names: Sequence[str],
    phi: npt.NDArray[np.floating],
    values: npt.NDArray[np.floating],
    *,
    top: int = 15,
    title: str = "SHAP values",
) -> Figure:
    """Draw a beeswarm of SHAP values: one dot per row and feature, coloured by the feature's value.

    Parameters
    ----------
    names
        Features, p of them.
    phi, values
        SHAP values and feature values, shape (n, p); NaN values are grey. At most 1,500 rows, evenly spaced, are drawn.
    top
        Features shown, by mean absolute SHAP value over all n rows.
    title
        Heading.
    """
    from matplotlib.colors import LinearSegmentedColormap

    order = np.argsort(np.abs(phi).mean(axis=0))[::-1][:top][::-1]
    rows = np.unique(np.linspace(0, len(phi) - 1, min(len(phi), _BEESWARM_ROWS)).astype(int))
    with _canvas(7.2, 1.1 + 0.38 * len(order), title) as (figure, axes):
        colours = LinearSegmentedColormap.from_list("low to high", [_LOW, "#a06cc4", _HIGH]).with_extremes(
            bad="#b8c0c8"
        )
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, number in enumerate(order):
            x = phi[rows, number].astype(np.float64)
            axes.scatter(
                x,
                place + _swarm(x),
                c=colours(_rank(values[rows, number].astype(np.float64))),
                s=5,
                alpha=0.75,
                linewidths=0,
                rasterized=True,
                zorder=3,
            )
        axes.set_yticks(np.arange(len(order)), [names[i] for i in order])
        axes.set_ylim(-0.7, len(order) - 0.3)
        axes.set_xlabel("effect on the margin  (feature value: blue low, pink high)")
        axes.grid(visible=False, axis="y")
    return figure


def forest_plot(rows: Sequence[ForestRow], *, metric: str, title: str = "") -> Figure:
    """Draw one value with its interval per line, under a heading per group; the group ``all`` is the reference."""
    lines: list[ForestRow | str] = []
    reference = next((row for row in rows if row.group == "all"), None)
    for row in rows:
        if row.group != "all" and not any(isinstance(x, ForestRow) and x.group == row.group for x in lines):
            lines.append(row.group)
        lines.append(row)
    with _canvas(7.2, 1.1 + 0.27 * len(lines), title or metric) as (figure, axes):
        if reference is not None:
            axes.axvline(reference.value, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        for place, line in enumerate(lines):
            if isinstance(line, str):
                axes.text(
                    -0.01, place, line, transform=axes.get_yaxis_transform(), ha="right", va="center",
                    fontsize=8.5, fontweight="bold", color=MUTED,
                )  # fmt: skip
                continue
            colour = INK if line is reference else SERIES[0]
            if line.low is not None and line.high is not None:
                axes.plot([line.low, line.high], [place, place], color=colour, linewidth=2, solid_capstyle="round")
            axes.scatter([line.value], [place], s=26, color=colour, edgecolors=PAPER, linewidths=0.8, zorder=3)
            axes.text(
                1.01, place, f"n = {line.count:,}", transform=axes.get_yaxis_transform(), va="center",
                fontsize=8, color=MUTED,
            )  # fmt: skip
        labelled = [(place, line.label) for place, line in enumerate(lines) if isinstance(line, ForestRow)]
        axes.set_yticks([place for place, _ in labelled], [label for _, label in labelled])
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_xlabel(metric)
        axes.grid(visible=False, axis="y")
    return figure


def to_svg(figure: Figure) -> str:
    """Return a figure as an SVG element with text kept as text, the same for the same figure."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "volley"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = str(out.getvalue())
    return text[text.index("<svg") :]


@contextmanager
def _canvas(width: float, height: float, title: str) -> Iterator[tuple[Figure, Axes]]:
    """Give a figure of a size in inches with one quiet pair of axes, and our type face to all drawn inside."""
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    installed = {font.name for font in font_manager.fontManager.ttflist}
    with mpl.rc_context({"font.family": [name for name in _FONT if name in installed], "font.size": 9}):
        figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor=PAPER)
        axes = figure.add_subplot()
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=10)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GRID)
        axes.tick_params(colors=MUTED, labelcolor=INK, length=0, labelsize=8.5)
        axes.xaxis.label.set_color(MUTED)
        axes.yaxis.label.set_color(MUTED)
        axes.grid(visible=True, color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        yield figure, axes


def _legend(axes: Axes, place: Literal["lower right", "upper left"]) -> None:
    axes.legend(loc=place, frameon=False, fontsize=8.5, labelcolor=INK, handlelength=1.4)


def _colours(number: int) -> list[str]:
    return [SERIES[i % len(SERIES)] for i in range(number)]


def _swarm(x: FloatArray) -> FloatArray:
    """Vertical offsets within half a line that spread dots of nearly equal ``x`` to both sides."""
    span = float(np.ptp(x)) if len(x) else 0.0
    if span == 0.0:
        return np.linspace(-0.35, 0.35, len(x))
    bins = np.floor((x - x.min()) / span * 90).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    counts = np.bincount(bins)
    start = np.cumsum(counts) - counts
    place = np.empty(len(x))
    place[order] = np.arange(len(x)) - start[bins[order]]
    side = np.where(place % 2 == 0, 1.0, -1.0)
    return side * np.ceil(place / 2) * (0.72 / max(int(counts.max()), 12))


def _rank(values: FloatArray) -> FloatArray:
    """Place of each value among the 5 % to 95 % range, clipped to 0 … 1."""
    if np.isnan(values).all():
        return values
    low, high = np.nanpercentile(values, [5, 95])
    if high <= low:
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
    spread = high - low if high > low else 1.0
    return np.asarray(np.clip((values - low) / spread, 0.0, 1.0))
