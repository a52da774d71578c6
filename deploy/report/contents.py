"""Everything a report shows, as plain numbers and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["passed", "warnings", "failed"]
CheckState = Literal["passed", "warning", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A labelled text, such as a library and its version."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file that the job read; ``bytes`` is its size on disk."""

    table: str
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How the values of a column are distributed, as bars from left to right.

    For ``numeric`` columns the bars are neighbouring intervals and ``labels`` names their bounds; otherwise each
    bar is one value, most frequent first, and ``other`` counts the rows of the values that are not shown.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    numeric: bool
    other: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column of the profiled table; ``low``, ``middle`` (median) and ``high`` are empty where senseless."""

    name: str
    type: str
    nulls: int
    distinct: int
    low: str = ""
    middle: str = ""
    high: str = ""
    role: str = ""
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """The profile of one table; ``profiled`` of its ``rows`` were looked at."""

    table: str
    rows: int
    profiled: int
    columns: tuple[ColumnProfile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The outcome of one quality check or one bound on a metric."""

    subject: str
    rule: str
    state: CheckState
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Rows with similar scores: their mean score, the observed rate of positives, how many they are."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """One model on the test part. ``roc`` holds (false positive rate, true positive rate) points in order."""

    name: str
    type: str
    primary: bool
    metrics: Mapping[str, float]
    seconds: float
    parameters: str = ""
    roc: tuple[tuple[float, float], ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEffect:
    """SHAP values of one feature: the mean of their sizes over all explained rows, and a sample to draw.

    Each point is (SHAP value, rank of the feature's value from 0 for the least to 1 for the greatest); the rank is
    None for a feature without an order or a missing value.
    """

    name: str
    mean_size: float
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """SHAP values of one model on a sample, in the unit of its margin; features with the largest effect first."""

    model: str
    method: str
    rows: int
    base_value: float
    unit: str
    effects: tuple[FeatureEffect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with its confidence interval; a bound is None where none was asked for or none exists."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceResult:
    """One slice: which columns define it, how large it is, and its metrics (absent where the slice is too small)."""

    label: str
    by: tuple[str, ...]
    n: int
    positives: int
    metrics: Mapping[str, Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The largest difference of a metric between the slices of one column or combination of columns."""

    column: str
    metric: str
    difference: Interval
    lowest: str
    highest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Slices of the test part at one threshold; ``overall`` is all rows."""

    model: str
    threshold: float
    interval: str
    min_count: int
    overall: SliceResult
    slices: tuple[SliceResult, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanText:
    """The explain text of one table."""

    table: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step of the run; ``reused`` where an earlier run's result was taken."""

    name: str
    kind: str
    rows: int | None
    bytes: int | None
    seconds: float
    reused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One output: what it is, and its path relative to the report."""

    name: str
    path: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """The whole report."""

    name: str
    description: str
    verdict: Verdict
    summary: str
    finished: str
    headline: tuple[Fact, ...]
    inputs: tuple[InputFile, ...]
    profile: TableProfile | None
    checks: tuple[CheckResult, ...]
    models: tuple[ModelResult, ...]
    explanation: Explanation | None
    fairness: Fairness | None
    plans: tuple[PlanText, ...]
    steps: tuple[StepResult, ...]
    outputs: tuple[OutputFile, ...]
    environment: tuple[Fact, ...]
