"""Functions of users over the values of rows that move: ``rolling(3).apply``. Knows Arrow, not plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..dtypes import Kind, float64
from ..errors import PlanError
from .applied import failed
from .compiled import Compiled, compiled_groups
from .udf import UserFunction

_ENGINES = (None, "cython", "numba")


def moving_function(
    func: Callable[..., Any], *, raw: bool, engine: str | None, args: tuple[Any, ...], options: Mapping[str, Any]
) -> UserFunction:
    """Return a function of a frame of rows as one of a column of lists, one for each row; null gives null."""
    if isinstance(func, UserFunction) and isinstance(func.function, OfMoving):
        return func
    if not callable(func):
        raise PlanError(f"apply takes a function of values, not {func!r}; agg takes names of aggregates")
    if engine not in _ENGINES:
        raise PlanError(f"apply has no engine {engine!r}; choose 'numba', or leave it out")
    user = func if isinstance(func, UserFunction) else UserFunction(func)
    if engine == "numba" and (not raw or args or options):
        raise PlanError("a compiled function gets an array and nothing else: apply(f, raw=True, engine='numba')")
    compiles = engine == "numba" or user.compile is True
    own = user.function
    if compiles:
        found = compiled_groups(own, Kind.FLOAT64)
        if isinstance(found, str):
            raise PlanError(f"{user.label} is to be compiled, and cannot be: {found}")
    elif args or options:
        own = _Bound(own, args, options)
    may = raw and not args and not options and engine is None and user.compile is not False
    made = UserFunction(OfMoving(own, user.label, raw=raw or compiles, compiles=compiles or may), dtype=float64)
    made.vectorized, made.label = True, user.label
    return made


@dataclass(frozen=True, slots=True)
class _Bound:
    """A function with arguments behind the values."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: Mapping[str, Any]

    def __call__(self, values: Any) -> Any:
        return self.function(values, *self.args, **self.options)


@dataclass(frozen=True, slots=True)
class OfMoving:
    """A function of a frame's values as one of an Arrow array of lists.

    Attributes
    ----------
    function
        The user's function.
    label
        Its name, for errors.
    raw
        Whether it gets an array, else a pandas Series.
    compiles
        Whether to run it compiled, if that can be.
    """

    function: Callable[[Any], Any]
    label: str
    raw: bool
    compiles: bool

    def __call__(self, lists: pa.Array) -> pa.Array:
        """Return the results as floats, null where there is no list."""
        present = lists.is_valid()
        known = lists.drop_null() if lists.null_count else lists
        offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(known).to_numpy(), dtype=np.int64)])
        # pandas gives NaN for null, which a function of floats takes
        values = pc.fill_null(known.flatten(), np.nan).to_numpy(zero_copy_only=False)
        results = self._compiled(offsets, values) if self.compiles else None
        if results is None:
            results = self._interpreted(offsets, values)
        out = np.full(len(lists), np.nan)
        out[present.to_numpy(zero_copy_only=False)] = results
        return pa.array(out, from_pandas=True)  # as null is NaN for the function, NaN is null behind it

    def _compiled(self, offsets: NDArray[Any], values: NDArray[Any]) -> NDArray[Any] | None:
        """Return the results, or None where it cannot be compiled or raised: Python then finds the values."""
        made = compiled_groups(self.function, Kind.FLOAT64)
        if not isinstance(made, Compiled):
            return None
        out = np.zeros(len(offsets) - 1, dtype=made.dtype.kind.value)
        try:
            made.loop(offsets, out, np.ascontiguousarray(values))
        except Exception:  # noqa: BLE001  # the user's own error, which Python will raise again
            return None
        return out.astype(np.float64)

    def _interpreted(self, offsets: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        out = np.empty(len(offsets) - 1)
        for number, (start, end) in enumerate(pairwise(offsets.tolist())):
            given = values[start:end]
            try:
                out[number] = self.function(given if self.raw else _series(given))
            except Exception as error:
                raise failed(self.label, error, f"for the values {given.tolist()[:10]}") from error
        return out


def _series(values: NDArray[Any]) -> Any:
    import pandas as pd

    return pd.Series(values)
