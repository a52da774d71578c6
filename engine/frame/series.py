"""Columns of a frame as expressions: arithmetic, comparison, methods and accessors in pandas' spelling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..dtypes import DataType, Kind
from ..errors import PlanError, TypeMismatch
from ..expr import (
    Column,
    Expr,
    NamedExpr,
    aggregate,
    call,
    case,
    cast,
    columns_of,
    in_list,
    literal,
    substitute,
)
from ..plan import Aggregate, Distinct, Filter, Limit, MapBatches, Plan, Project, Sort, Window
from ..plan.window import has_window
from .accessors import TextAccessor
from .arguments import explained
from .casting import converted
from .categories import CategoryAccessor
from .datetimes import DatetimeAccessor
from .durations import typed, with_durations
from .measures import Measures
from .nested import ListAccessor, StructAccessor
from .offsets import is_offset, moved_by_offset
from .operators import Operators
from .serieslabels import SeriesLabels
from .seriesrows import DistinctValues, SeriesRows
from .timed import reduced
from .types import parse_dtype
from .window import SeriesWindows, keeps_rows, projected

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .frame import DataFrame

Name: TypeAlias = str
"""``str`` itself is the text accessor inside the class."""
Values: TypeAlias = list[Any]
"""``list`` itself is an accessor inside the class."""


_BOUNDS = ("both", "left", "right", "neither")


@explained
class Series(SeriesWindows, SeriesLabels, SeriesRows, Operators, Measures):
    """One column of a frame, or an expression over its columns; lazy like the frame.

    Attributes
    ----------
    frame
        The frame whose rows it is computed over.
    expr
        The typed expression.
    name
        Name it has when shown or collected.
    """

    __slots__ = ("expr", "frame", "name")
    __hash__ = None  # type: ignore[assignment]  # `==` builds an expression, so a series cannot be a dictionary key

    def __init__(self, frame: DataFrame, expr: Expr, name: Name | None = None) -> None:
        self.frame = frame
        self.expr = expr
        self.name = name or (expr.name if isinstance(expr, Column) else str(expr))

    @property
    def dtype(self) -> DataType:
        """Type of the values."""
        return self.expr.dtype

    def __repr__(self) -> str:
        return f"Series {self.name}: {self.dtype} (lazy; .to_pandas() or .to_arrow() computes it)"

    def __bool__(self) -> bool:
        raise TypeMismatch("a lazy column has no truth value; combine conditions with & | ~ instead of and, or, not")

    def derive(self, expr: Expr, name: Name | None = None) -> Series:
        """Return another expression over the same frame."""
        return Series(self.frame, expr, name or self.name)

    def operand(self, other: Any) -> Expr:
        """Return a constant or a column of the same frame as an expression."""
        if isinstance(other, Series):
            return _moved(other, self.frame.plan)
        return literal(other)

    def _binary(self, function: Name, other: Any, *, reverse: bool = False) -> Series:
        if is_offset(other) and function in ("add", "subtract"):
            return self.derive(moved_by_offset(self.expr, other, 1 if function == "add" else -1))
        left, right = self.expr, self.operand(other)
        if reverse:
            left, right = right, left
        return self.derive(_dispatch(function, left, right))

    # arithmetic

    def __add__(self, other: Any) -> Series:
        return self._binary("add", other)

    def __radd__(self, other: Any) -> Series:
        return self._binary("add", other, reverse=True)

    def __sub__(self, other: Any) -> Series:
        return self._binary("subtract", other)

    def __rsub__(self, other: Any) -> Series:
        return self._binary("subtract", other, reverse=True)

    def __mul__(self, other: Any) -> Series:
        return self._binary("multiply", other)

    def __rmul__(self, other: Any) -> Series:
        return self._binary("multiply", other, reverse=True)

    def __truediv__(self, other: Any) -> Series:
        return self._binary("divide", other)

    def __rtruediv__(self, other: Any) -> Series:
        return self._binary("divide", other, reverse=True)

    def __floordiv__(self, other: Any) -> Series:
        return self._binary("floor_divide", other)

    def __rfloordiv__(self, other: Any) -> Series:
        return self._binary("floor_divide", other, reverse=True)

    def __mod__(self, other: Any) -> Series:
        return self._binary("modulo", other)

    def __rmod__(self, other: Any) -> Series:
        return self._binary("modulo", other, reverse=True)

    def __pow__(self, other: Any) -> Series:
        return self._binary("power", other)

    def __rpow__(self, other: Any) -> Series:
        return self._binary("power", other, reverse=True)

    def __neg__(self) -> Series:
        made = with_durations("multiply", self.expr, literal(-1))
        return self.derive(call("negate", self.expr) if made is None else made)

    # comparison and logic

    def __eq__(self, other: object) -> Series:  # type: ignore[override]  # builds an expression, as in pandas
        return self._binary("equal", other)

    def __ne__(self, other: object) -> Series:  # type: ignore[override]  # builds an expression, as in pandas
        return self._binary("not_equal", other)

    def __lt__(self, other: Any) -> Series:
        return self._binary("less", other)

    def __le__(self, other: Any) -> Series:
        return self._binary("less_equal", other)

    def __gt__(self, other: Any) -> Series:
        return self._binary("greater", other)

    def __ge__(self, other: Any) -> Series:
        return self._binary("greater_equal", other)

    def __and__(self, other: Any) -> Series:
        return self._binary("and", other)

    def __rand__(self, other: Any) -> Series:
        return self._binary("and", other, reverse=True)

    def __or__(self, other: Any) -> Series:
        return self._binary("or", other)

    def __ror__(self, other: Any) -> Series:
        return self._binary("or", other, reverse=True)

    def __invert__(self) -> Series:
        return self.derive(call("not", self.expr))

    def isin(self, values: Iterable[Any]) -> Series:
        """Whether the value equals one of some constants; a null value gives false, as in pandas."""
        if isinstance(values, Series):
            raise PlanError(
                "isin takes constants; for the values of another column use merge(other, how='semi', left_on=…, "
                "right_on=…), or isin(other.unique())"
            )
        if not isinstance(values, Iterable):
            raise TypeMismatch(f"isin takes a list of constants, such as isin([1, 2]), not {values!r}")
        present = [value for value in values if value is not None]
        if self.dtype.is_nested:
            if present:
                raise TypeMismatch(f"isin looks for plain values; {self.name!r} is {self.dtype}, see .list and .struct")
            return self.derive(literal(value=False))
        test = in_list(self.expr, present)
        return self.derive(call("coalesce", test, literal(value=False)))

    def between(self, low: Any, high: Any, inclusive: str = "both") -> Series:
        """Whether ``low <= value <= high``; ``inclusive`` is ``both``, or ``left``, ``right`` or ``neither`` bound."""
        if inclusive not in _BOUNDS:
            raise PlanError(f"inclusive is one of {', '.join(_BOUNDS)}, not {inclusive!r}")
        above: Series = self >= low if inclusive in ("both", "left") else self > low
        below: Series = self <= high if inclusive in ("both", "right") else self < high
        return above & below

    def isna(self) -> Series:
        """Whether null (NaN is a number here, not a null)."""
        return self.derive(call("is_null", self.expr))

    isnull = isna

    def notna(self) -> Series:
        """Whether not null."""
        return self.derive(call("is_not_null", self.expr))

    notnull = notna

    def is_nan(self) -> Series:
        """Whether NaN; null gives null."""
        return self.derive(call("is_nan", self.expr))

    def is_finite(self) -> Series:
        """Whether neither NaN nor infinite; null gives null."""
        return self.derive(call("is_finite", self.expr))

    # values

    def fillna(self, value: Any) -> Series:
        """Put a constant or another column's value where this is null."""
        return self.derive(call("coalesce", self.expr, self.operand(value)))

    def where(self, condition: Any, other: Any = None) -> Series:
        """Keep values where a condition, or a function of the column, is true, else take ``other`` (else null)."""
        test, otherwise = (one(self) if callable(one) else one for one in (condition, other))
        return self.derive(case([(self.operand(test), self.expr)], self.operand(otherwise)))

    def mask(self, condition: Any, other: Any = None) -> Series:
        """Take ``other`` (else null) where a condition, or a function of the column, is true, else keep values."""
        test, instead = (one(self) if callable(one) else one for one in (condition, other))
        return self.derive(case([(self.operand(test), self.operand(instead))], self.expr))

    def case_when(self, caselist: Sequence[tuple[Any, Any]]) -> Series:
        """Take the value beside the first condition that is true, else keep values; both may be functions of this."""
        pairs = [[one(self) if callable(one) else one for one in pair] for pair in caselist]
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise PlanError("give pairs of a condition and a value, such as [(frame.x > 1, 0)]")
        return self.derive(case([(self.operand(test), self.operand(value)) for test, value in pairs], self.expr))

    def map(self, arg: Mapping[Any, Any] | Callable[[Any], Any], dtype: Any = None) -> Series:
        """Replace values by a dictionary (values that it lacks become null) or a function; see `Series.apply`."""
        if callable(arg):
            applied: Series = self.apply(arg, dtype)
            return applied
        if not isinstance(arg, Mapping):
            raise TypeMismatch(
                f"map takes a dictionary of values or a function, not {arg!r}; see str and dt for methods"
            )
        return self.derive(case([(call("equal", self.expr, literal(key)), literal(new)) for key, new in arg.items()]))

    def replace(self, to_replace: Any, value: Any = None) -> Series:
        """Replace a value, a list of values (by one, or each by its own), or by a dictionary; others stay."""
        if isinstance(to_replace, Mapping):
            pairs = dict(to_replace)
        elif isinstance(to_replace, list | tuple) and isinstance(value, list | tuple):
            if len(to_replace) != len(value):
                raise PlanError(f"{len(to_replace)} values are to become {len(value)} others; give one for each")
            pairs = dict(zip(to_replace, value, strict=True))
        else:
            pairs = dict.fromkeys(to_replace if isinstance(to_replace, list | tuple) else [to_replace], value)
        branches = [(call("equal", self.expr, literal(old)), literal(new)) for old, new in pairs.items()]
        return self.derive(case(branches, self.expr) if branches else self.expr)

    def combine_first(self, other: Series) -> Series:
        """Put another column's value where this is null."""
        return self.fillna(other)

    def clip(self, lower: Any = None, upper: Any = None) -> Series:
        """Limit values to ``[lower, upper]``; null stays null."""
        expr = self.expr
        if lower is not None:
            expr = case([(call("less", expr, self.operand(lower)), self.operand(lower))], expr)
        if upper is not None:
            expr = case([(call("greater", expr, self.operand(upper)), self.operand(upper))], expr)
        return self.derive(expr)

    def astype(self, dtype: Any) -> Series:
        """Convert to a type, given as ours, a name such as ``"int64"``, or a Python, numpy or pyarrow type."""
        return self.derive(converted(self.expr, parse_dtype(dtype)))

    def rename(self, name: Name) -> Series:
        """Return the same values under another name."""
        return Series(self.frame, self.expr, name)

    def abs(self) -> Series:
        """Absolute value."""
        return self.derive(call("abs", self.expr))

    def sign(self) -> Series:
        """Return -1, 0 or 1."""
        return self.derive(call("sign", self.expr))

    def round(self, digits: int = 0) -> Series:
        """Nearest value with so many digits after the point; halves of floats go to even digits, others from zero."""
        if not self.dtype.is_float:
            return self.derive(call("round", self.expr, literal(digits)))
        return self.derive(cast(call("round_even", self.expr, literal(digits)), self.dtype))

    def floor(self) -> Series:
        """Greatest whole number not above."""
        return self.derive(call("floor", self.expr))

    def ceil(self) -> Series:
        """Least whole number not below."""
        return self.derive(call("ceil", self.expr))

    def sqrt(self) -> Series:
        """Square root; NaN below zero."""
        return self.derive(call("sqrt", self.expr))

    def exp(self) -> Series:
        """E to the power."""
        return self.derive(call("exp", self.expr))

    def log(self) -> Series:
        """Natural logarithm."""
        return self.derive(call("ln", self.expr))

    def log10(self) -> Series:
        """Logarithm to base 10."""
        return self.derive(call("log10", self.expr))

    def log2(self) -> Series:
        """Logarithm to base 2."""
        return self.derive(call("log2", self.expr))

    @property
    def str(self) -> TextAccessor:
        """Functions of text; of lists, such as `TextAccessor.split` gives, those of ``.list``, as in pandas."""
        kind: Any = ListAccessor if self.dtype.kind is Kind.LIST else TextAccessor
        made: TextAccessor = kind(self)
        return made

    @property
    def dt(self) -> DatetimeAccessor:
        """Functions of dates and timestamps."""
        return DatetimeAccessor(self)

    @property
    def cat(self) -> CategoryAccessor:
        """Functions of the distinct values."""
        return CategoryAccessor(self)

    @property
    def list(self) -> ListAccessor:
        """Functions of lists."""
        return ListAccessor(self)

    @property
    def struct(self) -> StructAccessor:
        """Fields of structs."""
        return StructAccessor(self)

    # running

    def to_frame(self, name: Name | None = None) -> DataFrame:
        """Return a frame with this one column."""
        named = NamedExpr(name=name or self.name, expr=self.expr)
        return self.frame.with_plan(projected(self.frame.plan, (named,)))

    def to_arrow(self) -> pa.ChunkedArray:
        """Run the plan and return the values."""
        return self.to_frame().to_arrow().column(0)

    def to_pandas(self) -> pd.Series[Any]:
        """Run the plan and return the values as a pandas Series."""
        return self.to_frame().to_pandas().iloc[:, 0]

    def to_list(self) -> Values:
        """Run the plan and return the values as Python objects."""
        values: Values = self.to_arrow().to_pylist()
        return values

    tolist = to_list

    def unique(self) -> DistinctValues:
        """Run the plan and return the distinct values, in no promised order."""
        values = self.to_frame()
        key = NamedExpr(name=self.name, expr=values[self.name].expr)
        return DistinctValues(
            Series.to_list(self.frame.with_plan(Aggregate(input=values.plan, keys=(key,)))[self.name])
        )

    def _reduce(self, function: Name) -> Any:
        return self.frame.reduce(value=reduced(function, self.expr))["value"]

    def sum(self, min_count: int = 0) -> Any:
        """Run the plan and return the sum; 0 of no values, None of fewer than ``min_count``."""
        value = self._reduce("sum")
        return self._of_enough(0 if value is None else value, min_count)

    def mean(self) -> Any:
        """Run the plan and return the mean; None of no values."""
        return self._reduce("mean")

    def min(self) -> Any:
        """Run the plan and return the least value."""
        return self._reduce("min")

    def max(self) -> Any:
        """Run the plan and return the greatest value."""
        return self._reduce("max")

    def count(self) -> int:
        """Run the plan and return the number of values that are not null."""
        return int(self._reduce("count"))

    def any(self) -> bool:
        """Run the plan and return whether any value is true, or of numbers not 0."""
        return bool(self._reduce("any"))

    def all(self) -> bool:
        """Run the plan and return whether all values are true, or of numbers not 0."""
        value = self._reduce("all")
        return True if value is None else bool(value)

    def nunique(self) -> int:
        """Run the plan and return the number of distinct values that are not null."""
        return int(self.frame.reduce(value=aggregate("count", self.expr, distinct=True))["value"])


def _moved(series: Series, plan: Plan) -> Expr:
    """Return a column's expression as an expression over a plan made from its frame, or from what that chose of."""
    expr, home = located(series, plan)
    if home is plan:
        return expr
    if has_window(expr) and not keeps_rows(plan, home):
        raise PlanError(
            f"column {series.name!r} looks at rows around each row, which this frame may have dropped or moved; assign "
            "it to its own frame first, then filter or sort"
        )
    names = carried(plan, home)
    needed = columns_of(expr)
    if names is None or not needed <= names.keys():
        lost = "" if names is None else f" (its column {min(needed - names.keys())!r} was replaced or dropped)"
        raise PlanError(
            f"column {series.name!r} belongs to another frame{lost}; take it from this one, or merge the frames first"
        )
    schema = plan.schema
    return substitute(expr, {then: Column(name=now, dtype=schema[now].dtype) for then, now in names.items()})


def located(series: Series, plan: Plan) -> tuple[Expr, Plan]:
    """Return a column's expression over the nearest plan that another is made from, if there is one."""
    expr, home = series.expr, series.frame.plan
    while home is not plan and isinstance(home, Project) and carried(plan, home) is None:
        expr, home = substitute(expr, {one.name: one.expr for one in home.exprs}), home.input
    return expr, home


def carried(plan: Plan, ancestor: Plan) -> dict[str, str] | None:
    """Return under which names a plan still has an ancestor's columns; None if its rows are not among the ancestor's.

    Steps that only drop or reorder rows, or add columns, keep each remaining row's values, which is what pandas' index
    alignment comes to.
    """
    names = {name: name for name in plan.schema.names}
    while plan is not ancestor:
        if isinstance(plan, Project):
            passed = {e.name: e.expr.name for e in plan.exprs if isinstance(e.expr, Column)}
            names = {now: passed[then] for now, then in names.items() if then in passed}
        elif not (
            isinstance(plan, Filter | Sort | Limit | Distinct | Window) or (isinstance(plan, MapBatches) and plan.keeps)
        ):
            return None
        plan = plan.input
    return {then: now for now, then in names.items()}


def _dispatch(function: str, left: Expr, right: Expr) -> Expr:
    """Apply an operator, choosing by type: ``+`` joins texts and moves times, ``-`` of times is a difference."""
    if function == "add" and Kind.STRING in (left.dtype.kind, right.dtype.kind):
        return call("concat", left, right)
    left, right = typed(function, left, right), typed(function, right, left)
    if function == "subtract" and left.dtype.is_temporal and right.dtype.is_temporal:
        return call("difference", left, right)
    made = with_durations(function, left, right)
    return call(function, left, right) if made is None else made
