"""Functions of numbers in a column, and what it comes to in one value: median, quantiles, correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import PlanError
from ..expr import aggregate, call

if TYPE_CHECKING:
    from .series import Series


class Measures:
    """Functions of numbers, and further aggregates, of `Series`."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _binary(self, function: str, other: Any, *, reverse: bool = False) -> Series: ...

    @property
    def _column(self) -> Series:
        from .series import Series

        assert isinstance(self, Series)
        return self

    def _mapped(self, function: str) -> Series:
        return self._column.derive(call(function, self._column.expr))

    def sin(self) -> Series:
        """Sine of radians; NaN at infinity."""
        return self._mapped("sin")

    def cos(self) -> Series:
        """Cosine of radians; NaN at infinity."""
        return self._mapped("cos")

    def tan(self) -> Series:
        """Tangent of radians; NaN at infinity."""
        return self._mapped("tan")

    def asin(self) -> Series:
        """Arc sine in radians; NaN outside -1 to 1."""
        return self._mapped("asin")

    def acos(self) -> Series:
        """Arc cosine in radians; NaN outside -1 to 1."""
        return self._mapped("acos")

    def atan(self) -> Series:
        """Arc tangent in radians."""
        return self._mapped("atan")

    def sinh(self) -> Series:
        """Hyperbolic sine."""
        return self._mapped("sinh")

    def cosh(self) -> Series:
        """Hyperbolic cosine."""
        return self._mapped("cosh")

    def tanh(self) -> Series:
        """Hyperbolic tangent."""
        return self._mapped("tanh")

    def arctan2(self, other: Any) -> Series:
        """Angle in radians of the point (other, this)."""
        return self._binary("atan2", other)

    def degrees(self) -> Series:
        """Radians to degrees."""
        return self._mapped("degrees")

    def radians(self) -> Series:
        """Degrees to radians."""
        return self._mapped("radians")

    def cbrt(self) -> Series:
        """Cube root."""
        return self._mapped("cbrt")

    def trunc(self) -> Series:
        """Whole number next to the value, towards zero."""
        return self._mapped("trunc")

    def is_infinite(self) -> Series:
        """Whether infinite, of either sign; null gives null."""
        return self._mapped("is_infinite")

    def bitwise_and(self, other: Any) -> Series:
        """Bits that are set in both integers."""
        return self._binary("bitwise_and", other)

    def bitwise_or(self, other: Any) -> Series:
        """Bits that are set in either integer."""
        return self._binary("bitwise_or", other)

    def bitwise_xor(self, other: Any) -> Series:
        """Bits that are set in one of two integers."""
        return self._binary("bitwise_xor", other)

    def bitwise_not(self) -> Series:
        """Bits flipped."""
        return self._mapped("bitwise_not")

    def hash(self) -> Series:
        """64-bit number, the same in every process for equal values."""
        return self._mapped("hash")

    # one value

    def _measure(self, function: str, *others: Any, **options: Any) -> Any:
        own = self._column
        operands = [own.expr, *(own.operand(other) for other in others)]
        return own.frame.reduce(value=aggregate(function, *operands, **options))["value"]

    def median(self) -> Any:
        """Run the plan and return the middle value, half-way between two; None of no values."""
        return self._measure("median")

    def quantile(self, q: float = 0.5) -> Any:
        """Run the plan and return the value at a share ``q`` of the sorted values, linear between neighbours."""
        return self._measure("quantile", q=q)

    def mode(self) -> Any:
        """Run the plan and return the most frequent value, the least of several (pandas returns all of them)."""
        return self._measure("mode")

    def prod(self) -> float:
        """Run the plan and return the product as a float; 1 of no values."""
        value = self._measure("product")
        return 1.0 if value is None else float(value)

    product = prod

    def corr(self, other: Series, method: str = "pearson") -> Any:
        """Run the plan and return the correlation with another column of the frame; rows with a null are left out."""
        if method != "pearson":
            raise PlanError(f"corr computes the correlation of Pearson, not {method!r}")
        return self._measure("corr", other)

    def cov(self, other: Series) -> Any:
        """Run the plan and return the sample covariance with another column; rows with a null are left out."""
        return self._measure("covar_samp", other)
