"""What stands for ``pylibcudf.aggregation``: names of what to compute, with their options."""

from __future__ import annotations

from typing import Any

from .binding import enumerated, simulated
from .types import NullPolicy

BitwiseOp = enumerated("pylibcudf.aggregation.BitwiseOp")
Kind = enumerated("pylibcudf.aggregation.Kind")


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


@simulated("pylibcudf.aggregation.count")
def count(null_handling: Any = NullPolicy.EXCLUDE) -> Aggregation:
    """Number of values, or of rows."""
    valid = NullPolicy(null_handling) == NullPolicy.EXCLUDE
    return Aggregation._of(Kind.COUNT_VALID if valid else Kind.COUNT_ALL)


@simulated("pylibcudf.aggregation.mean")
def mean() -> Aggregation:
    """Mean."""
    return Aggregation._of(Kind.MEAN)


@simulated("pylibcudf.aggregation.m2")
def m2() -> Aggregation:
    """Sum of squared deviations from the mean."""
    return Aggregation._of(Kind.M2)


@simulated("pylibcudf.aggregation.variance")
def variance(ddof: int = 1) -> Aggregation:
    """Variance."""
    return Aggregation._of(Kind.VARIANCE, ddof=ddof)


@simulated("pylibcudf.aggregation.nth_element")
def nth_element(n: int, null_handling: Any = NullPolicy.INCLUDE) -> Aggregation:
    """The n-th value."""
    return Aggregation._of(Kind.NTH_ELEMENT, n=n, null_handling=null_handling)


@simulated("pylibcudf.aggregation.collect_list")
def collect_list(null_handling: Any = NullPolicy.INCLUDE) -> Aggregation:
    """List of the values."""
    return Aggregation._of(Kind.COLLECT_LIST, null_handling=null_handling)


@simulated("pylibcudf.aggregation.merge_lists")
def merge_lists() -> Aggregation:
    """Lists joined."""
    return Aggregation._of(Kind.MERGE_LISTS)


@simulated("pylibcudf.aggregation.bitwise")
def bitwise(op: Any) -> Aggregation:
    """Bits of all values, combined."""
    return Aggregation._of(Kind.BITWISE_AGG, op=op)
