"""Functions of numbers in a column, and what it comes to in one value: median, quantiles, correlation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PlanError
from ..expr import aggregate, call, literal
from ..plan import over, window_call
from .aggregating import known, known_names, named, of_freedom
from .reducing import reduction
from .timed import reduced

if TYPE_CHECKING:
    from .series import Series

QUARTILES = (0.25, 0.5, 0.75)


class Measures:
    """Functions of numbers, and further aggregates, of `Series`."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _binary(self, function: str, other: Any, *, reverse: bool = False) -> Series: ...
        def _reduce(self, function: str) -> Any: ...

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
        return own.frame.reduce(value=reduced(function, *operands, **options))["value"]

    def _of_enough(self, value: Any, min_count: int) -> Any:
        """Return an aggregate, or None of fewer values than asked for."""
        return value if min_count < 1 or self._column.count() >= min_count else None

    def median(self) -> Any:
        """Run the plan and return the middle value, half-way between two; None of no values."""
        return self._measure("median")

    def quantile(self, q: float | Sequence[float] = 0.5) -> Any:
        """Run the plan and return the value at a share of the sorted values, linear between neighbours.

        Of a list of shares it is a pandas Series.
        """
        if not isinstance(q, int | float):
            import pandas as pd

            return pd.Series({one: self._measure("quantile", q=one) for one in q})
        return self._measure("quantile", q=q)

    def mode(self) -> Any:
        """Run the plan and return the most frequent value, the least of several (pandas returns all of them)."""
        return self._measure("mode")

    def prod(self, min_count: int = 0) -> Any:
        """Run the plan and return the product as a float; 1 of no values, None of fewer than ``min_count``."""
        value = self._measure("product")
        return self._of_enough(1.0 if value is None else float(value), min_count)

    product = prod

    def corr(self, other: Series, method: str = "pearson") -> Any:
        """Run the plan and return the correlation with another column of the frame; rows with a null are left out."""
        if method != "pearson":
            raise PlanError(f"corr computes the correlation of Pearson, not {method!r}")
        return self._measure("corr", other)

    def cov(self, other: Series) -> Any:
        """Run the plan and return the sample covariance with another column; rows with a null are left out."""
        return self._measure("covar_samp", other)

    def sem(self) -> Any:
        """Run the plan and return the standard error of the mean."""
        own = self._column
        found = own.frame.reduce(std=aggregate("std", own.expr), count=aggregate("count", own.expr))
        return None if found["std"] is None else found["std"] / math.sqrt(found["count"])

    def skew(self) -> Any:
        """Run the plan twice and return the skewness of a sample; NaN of fewer than three values."""
        return skewness(*self._moments())

    def kurt(self) -> Any:
        """Run the plan twice and return the excess kurtosis of a sample; NaN of fewer than four values."""
        return excess_kurtosis(*self._moments())

    kurtosis = kurt

    def _moments(self) -> tuple[int, float, float, float]:
        """Return the number of values, and the sums of the second to fourth powers of their distances from the mean."""
        own = self._column
        mean = own.mean()
        if mean is None:
            return 0, 0.0, 0.0, 0.0
        away = (own - float(mean)).astype("float64")
        powers = {f"m{n}": aggregate("sum", (away**n).expr) for n in (2, 3, 4)}
        found = own.frame.reduce(count=aggregate("count", own.expr), **powers)
        return tuple(found.values())

    def std(self, ddof: int = 1) -> Any:
        """Run the plan and return the standard deviation: of a sample, or with ``ddof=0`` of a population."""
        return self._reduce(of_freedom("std", ddof))

    def var(self, ddof: int = 1) -> Any:
        """Run the plan and return the variance: of a sample, or with ``ddof=0`` of a population."""
        return self._reduce(of_freedom("var", ddof))

    def agg(self, func: Any) -> Any:
        """Run the plan and return aggregates.

        Parameters
        ----------
        func
            A name, or a function that is an aggregate such as ``np.mean``: its value. A list of them, or a dictionary
            of names and them: a dictionary of values. Any other function gets the column.
        """
        own = self._column
        if isinstance(func, str) or callable(func):
            name = known(func)
            return own.agg({"value": name})["value"] if isinstance(name, str) else name(own)
        if not isinstance(func, Iterable):
            raise PlanError(f"agg takes names of aggregates, or a list or dictionary of them, not {func!r}")
        given = func if isinstance(func, Mapping) else {named(one): one for one in func}
        asked = dict(zip(given, known_names(given.values()), strict=True))
        found = own.frame.reduce(**{f"v{i}": reduction(name, own.expr) for i, name in enumerate(asked.values())})
        values = zip(asked.items(), found.values(), strict=True)
        return {key: 0 if value is None and name == "sum" else value for (key, name), value in values}

    aggregate = agg

    def autocorr(self, lag: int = 1) -> Any:
        """Run the plan and return the correlation with the values so many rows before."""
        return self.corr(self._column.shift(lag))

    def dot(self, other: Any) -> Any:
        """Run the plan and return the sum of the products with another column of the frame."""
        return (self._column * other).sum()

    def argmax(self) -> Any:
        """Run the plan and return the place of the greatest value, counted from 0; the first of several."""
        return self._place("arg_max")

    def argmin(self) -> Any:
        """Run the plan and return the place of the least value, counted from 0; the first of several."""
        return self._place("arg_min")

    def _place(self, function: str) -> Any:
        own = self._column
        place = call("subtract", over(window_call("row_number")), literal(1))
        return own.frame.reduce(value=aggregate(function, place, own.expr))["value"]

    def idxmax(self) -> Any:
        """Run the plan and return the value of the column marked as index where this is greatest; see `set_index`."""
        return self._label("arg_max")

    def idxmin(self) -> Any:
        """Run the plan and return the value of the column marked as index where this is least; see `set_index`."""
        return self._label("arg_min")

    def _label(self, function: str) -> Any:
        own = self._column
        label = own.frame[only_index(own.frame.index)]
        return own.frame.reduce(value=aggregate(function, label.expr, own.expr))["value"]


def only_index(index: tuple[str, ...]) -> str:
    """Return the one column marked as index.

    Raises
    ------
    PlanError
        If there is none, or several.
    """
    if len(index) != 1:
        raise PlanError(
            "labels of rows are the values of one column marked as index: frame.set_index('key'); or take the whole "
            "row with frame.nlargest(1, 'x') or nsmallest"
        )
    return index[0]


def skewness(count: int, m2: float, m3: float, _: float) -> float:
    """Return the adjusted Fisher-Pearson coefficient (Joanes and Gill 1998, G1), as pandas does."""
    if count < 3:
        return math.nan
    return 0.0 if m2 == 0 else count * math.sqrt(count - 1) / (count - 2) * m3 / m2**1.5


def excess_kurtosis(count: int, m2: float, _: float, m4: float) -> float:
    """Return the adjusted excess kurtosis (Joanes and Gill 1998, G2), as pandas does."""
    if count < 4:
        return math.nan
    if m2 == 0:
        return 0.0
    share = (count - 2) * (count - 3)
    return (count * (count + 1) * (count - 1) * m4 / m2**2 - 3 * (count - 1) ** 2) / share
