"""What stands for ``pylibcudf.aggregation``: names of what to compute, with their options."""

from __future__ import annotations

from typing import Any

from .binding import enumerated, simulated
from .types import Interpolation, NanEquality, NullEquality, NullOrder, NullPolicy, Order

BitwiseOp = enumerated("pylibcudf.aggregation.BitwiseOp")
Kind = enumerated("pylibcudf.aggregation.Kind")
RankMethod = enumerated("pylibcudf.aggregation.RankMethod")
RankPercentage = enumerated("pylibcudf.aggregation.RankPercentage")


class Aggregation:
    """A kind of aggregation and its options; made by the functions of this module."""

    __slots__ = ("_kind", "options")
    _kind: Any
    options: dict[str, Any]

    def __init__(self) -> None:
        raise ValueError("Aggregation types should not be constructed directly")

    @classmethod
    def _of(cls, kind: Any, **options: Any) -> Aggregation:
        made = object.__new__(cls)
        made._kind, made.options = kind, options
        return made

    def kind(self) -> Any:
        """Return the kind."""
        return self._kind


@simulated("pylibcudf.aggregation.sum")
def sum() -> Aggregation:
    """Sum."""
    return Aggregation._of(Kind.SUM)


@simulated("pylibcudf.aggregation.product")
def product() -> Aggregation:
    """Product."""
    return Aggregation._of(Kind.PRODUCT)


@simulated("pylibcudf.aggregation.min")
def min() -> Aggregation:
    """Least."""
    return Aggregation._of(Kind.MIN)


@simulated("pylibcudf.aggregation.max")
def max() -> Aggregation:
    """Greatest."""
    return Aggregation._of(Kind.MAX)


@simulated("pylibcudf.aggregation.any")
def any() -> Aggregation:
    """Whether one is not zero."""
    return Aggregation._of(Kind.ANY)


@simulated("pylibcudf.aggregation.all")
def all() -> Aggregation:
    """Whether none is zero."""
    return Aggregation._of(Kind.ALL)


@simulated("pylibcudf.aggregation.count")
def count(null_handling: Any = NullPolicy.EXCLUDE) -> Aggregation:
    """Number of values, or of rows."""
    valid = NullPolicy(null_handling) == NullPolicy.EXCLUDE
    return Aggregation._of(Kind.COUNT_VALID if valid else Kind.COUNT_ALL)


@simulated("pylibcudf.aggregation.sum_of_squares")
def sum_of_squares() -> Aggregation:
    """Sum of squares."""
    return Aggregation._of(Kind.SUM_OF_SQUARES)


@simulated("pylibcudf.aggregation.mean")
def mean() -> Aggregation:
    """Mean."""
    return Aggregation._of(Kind.MEAN)


@simulated("pylibcudf.aggregation.m2")
def m2() -> Aggregation:
    """Sum of squared deviations from the mean."""
    return Aggregation._of(Kind.M2)


@simulated("pylibcudf.aggregation.merge_m2")
def merge_m2() -> Aggregation:
    """Merges structs of count, mean and m2."""
    return Aggregation._of(Kind.MERGE_M2)


@simulated("pylibcudf.aggregation.variance")
def variance(ddof: int = 1) -> Aggregation:
    """Variance."""
    return Aggregation._of(Kind.VARIANCE, ddof=ddof)


@simulated("pylibcudf.aggregation.std")
def std(ddof: int = 1) -> Aggregation:
    """Standard deviation."""
    return Aggregation._of(Kind.STD, ddof=ddof)


@simulated("pylibcudf.aggregation.median")
def median() -> Aggregation:
    """Median."""
    return Aggregation._of(Kind.MEDIAN)


@simulated("pylibcudf.aggregation.quantile")
def quantile(quantiles: list[float], interp: Any = Interpolation.LINEAR) -> Aggregation:
    """Quantiles."""
    return Aggregation._of(Kind.QUANTILE, quantiles=quantiles, interp=interp)


@simulated("pylibcudf.aggregation.argmin")
def argmin() -> Aggregation:
    """Row of the least."""
    return Aggregation._of(Kind.ARGMIN)


@simulated("pylibcudf.aggregation.argmax")
def argmax() -> Aggregation:
    """Row of the greatest."""
    return Aggregation._of(Kind.ARGMAX)


@simulated("pylibcudf.aggregation.nunique")
def nunique(null_handling: Any = NullPolicy.EXCLUDE) -> Aggregation:
    """Number of different values."""
    return Aggregation._of(Kind.NUNIQUE, null_handling=null_handling)


@simulated("pylibcudf.aggregation.nth_element")
def nth_element(n: int, null_handling: Any = NullPolicy.INCLUDE) -> Aggregation:
    """The n-th value."""
    return Aggregation._of(Kind.NTH_ELEMENT, n=n, null_handling=null_handling)


@simulated("pylibcudf.aggregation.row_number")
def row_number() -> Aggregation:
    """Number of the row."""
    return Aggregation._of(Kind.ROW_NUMBER)


@simulated("pylibcudf.aggregation.rank")
def rank(
    method: Any,
    column_order: Any = Order.ASCENDING,
    null_handling: Any = NullPolicy.EXCLUDE,
    null_precedence: Any = NullOrder.AFTER,
    percentage: Any = RankPercentage.NONE,
) -> Aggregation:
    """Rank."""
    return Aggregation._of(
        Kind.RANK,
        method=method,
        column_order=column_order,
        null_handling=null_handling,
        null_precedence=null_precedence,
        percentage=percentage,
    )


@simulated("pylibcudf.aggregation.collect_list")
def collect_list(null_handling: Any = NullPolicy.INCLUDE) -> Aggregation:
    """List of the values."""
    return Aggregation._of(Kind.COLLECT_LIST, null_handling=null_handling)


@simulated("pylibcudf.aggregation.collect_set")
def collect_set(
    null_handling: Any = NullPolicy.INCLUDE,
    nulls_equal: Any = NullEquality.EQUAL,
    nans_equal: Any = NanEquality.ALL_EQUAL,
) -> Aggregation:
    """List of the different values."""
    return Aggregation._of(
        Kind.COLLECT_SET, null_handling=null_handling, nulls_equal=nulls_equal, nans_equal=nans_equal
    )


@simulated("pylibcudf.aggregation.merge_lists")
def merge_lists() -> Aggregation:
    """Lists joined."""
    return Aggregation._of(Kind.MERGE_LISTS)


@simulated("pylibcudf.aggregation.lead")
def lead(offset: int) -> Aggregation:
    """Value so many rows later."""
    return Aggregation._of(Kind.LEAD, offset=offset)


@simulated("pylibcudf.aggregation.lag")
def lag(offset: int) -> Aggregation:
    """Value so many rows before."""
    return Aggregation._of(Kind.LAG, offset=offset)


@simulated("pylibcudf.aggregation.bitwise")
def bitwise(op: Any) -> Aggregation:
    """Bits of all values, combined."""
    return Aggregation._of(Kind.BITWISE_AGG, op=op)
