"""What runs a user's function over a batch: on rows, on whole columns, on groups. Knows Arrow, not plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrow import to_arrow_schema, to_arrow_type
from ..dtypes import DataType, Kind
from ..errors import UserFunctionError
from ..plan.functions import GroupFunction, GroupFunctions, ValueFunction
from ..schema import Field, Schema
from .compiled import Compiled, compiled, compiled_groups

if TYPE_CHECKING:  # whoever groups for a function loads pandas; nobody else waits for it
    import pandas as pd


@dataclass(frozen=True, slots=True)
class OfRows:
    """A function of values as a function of batches, which `MapBatches` takes; null where an argument is.

    Attributes
    ----------
    function
        The user's function.
    label
        Its name, for errors.
    arguments
        What each argument is called in errors, and its type.
    result
        The column that it makes.
    compiles
        Whether to run it compiled.
    takes_nulls
        Whether it is called for nulls too, as None; never where it is compiled.
    """

    function: Callable[..., Any]
    label: str
    arguments: tuple[tuple[str, DataType], ...]
    result: Field
    compiles: bool
    takes_nulls: bool = False

    def of_values(self) -> ValueFunction | None:
        """Return it as what a device may compile for itself; None where it runs in the interpreter."""
        types = tuple(dtype for _, dtype in self.arguments)
        return ValueFunction(function=self.function, arguments=types, result=self.result) if self.compiles else None

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the column of results."""
        columns = [column.combine_chunks() for column in table.columns]
        made = self._compiled(columns) if self.compiles else None
        return pa.table({self.result.name: self._interpreted(columns) if made is None else made})

    def _compiled(self, columns: list[pa.Array]) -> pa.Array | None:
        """Return the results, or None where the compiled function raised: Python then finds the row."""
        made = compiled(self.function, tuple(dtype.kind for _, dtype in self.arguments))
        assert isinstance(made, Compiled)
        valid = np.ones(len(columns[0]), dtype=np.bool_)
        for column in columns:
            if column.null_count:
                valid &= column.is_valid().to_numpy(zero_copy_only=False)
        arrays = [_plain(column) for column in columns]
        kind = to_arrow_type(made.dtype)
        out = np.zeros(len(valid), dtype=kind.to_pandas_dtype())
        try:
            made.loop(valid, out, *arrays)
        except Exception:  # noqa: BLE001  # the user's own error, which Python will raise again with its row
            return None
        return _converted(pa.array(out, kind, mask=~valid), self.result, self.label)

    def _interpreted(self, columns: list[pa.Array]) -> pa.Array:
        rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
        values = [self._applied(number, row) for number, row in enumerate(rows)]
        try:
            return _array(values, self.result, self.label)
        except UserFunctionError:
            for number, value in enumerate(values):  # the first that is none by itself
                try:
                    _array([value], self.result, self.label)
                except UserFunctionError:
                    said = f"{self.label} returned what is no {self.result.dtype}: {value!r}"
                    raise self._failed(said, number, rows[number]) from None
            raise

    def _applied(self, number: int, row: tuple[Any, ...]) -> Any:
        if not self.takes_nulls and None in row:
            return None
        try:
            return self.function(*row)
        except Exception as error:
            raise self._failed(_raised(self.label, error), number, row) from error

    def _failed(self, said: str, number: int, row: tuple[Any, ...]) -> UserFunctionError:
        values = ", ".join(f"{name} = {value!r}" for (name, _), value in zip(self.arguments, row, strict=True))
        failed = UserFunctionError(f"{said}; for {values}" if values else said)
        failed.row = number
        return failed


@dataclass(frozen=True, slots=True)
class OfColumns:
    """A function of Arrow arrays as a function of batches; see `OfRows`."""

    function: Callable[..., Any]
    label: str
    result: Field

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the column of results."""
        columns = [column.combine_chunks() for column in table.columns]
        try:
            made = self.function(*columns)
        except UserFunctionError:
            raise
        except Exception as error:
            raise failed(self.label, error, f"for a batch of {table.num_rows:,} rows") from error
        values = made if isinstance(made, pa.Array) else None
        values = made.combine_chunks() if isinstance(made, pa.ChunkedArray) else values
        if values is None:
            return pa.table({self.result.name: _array(made, self.result, self.label)})
        return pa.table({self.result.name: _converted(values, self.result, self.label)})


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCall:
    """A function of a group's values.

    Attributes
    ----------
    label
        Its name, for errors.
    lists
        The column of lists of the groups' values.
    name
        The name that the values have for the function.
    kind
        Of the values, where the function is compiled: it then gets an array of those that are not null. None: it gets a
        pandas Series.
    """

    label: str
    function: Callable[[Any], Any]
    lists: str
    name: str
    result: Field
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class InPandas:
    """A method of a pandas Series as a function of a group's values; its NaN, of too few values, is null."""

    method: str

    def __call__(self, values: pd.Series[Any]) -> Any:
        """Return the method's result."""
        made = getattr(values, self.method)()
        return None if made != made else made  # noqa: PLR0124  # NaN alone differs from itself


@dataclass(frozen=True, slots=True)
class OfGroups:
    """Functions of groups over a batch with a row per group: keys, and lists of the group's values.

    Attributes
    ----------
    keys
        Columns of keys, for errors.
    calls
        The functions.
    """

    keys: tuple[str, ...]
    calls: tuple[GroupCall, ...]

    def of_values(self) -> GroupFunctions | None:
        """Return it as what a device may compile for itself; None where one of them runs in the interpreter."""
        calls = tuple(
            GroupFunction(function=own.function, lists=own.lists, kind=own.kind, result=own.result)
            for own in self.calls
            if own.kind is not None
        )
        return GroupFunctions(calls) if len(calls) == len(self.calls) else None

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return a column of results for each function."""
        return pa.table({own.result.name: self._column(table, own) for own in self.calls})

    def _column(self, table: pa.Table, own: GroupCall) -> pa.Array:
        if own.kind is not None:
            return self._compiled(table, own, own.kind)
        groups = ((start, end, values) for start, end, values in _spans(table[own.lists]))
        return self._interpreted(table, own, (_named(*group, own.name) for group in groups))

    def _compiled(self, table: pa.Table, own: GroupCall, kind: Kind) -> pa.Array:
        """Return the results; where the function raised, it is called again group by group to find which one."""
        made = compiled_groups(own.function, kind)
        assert isinstance(made, Compiled)
        offsets, values = _present_values(table[own.lists])
        out = np.zeros(table.num_rows, dtype=to_arrow_type(made.dtype).to_pandas_dtype())
        try:
            made.loop(offsets, out, values)
        except Exception as error:
            raise self._located(table, own, lambda g: made.loop(offsets[g : g + 2], out[g : g + 1], values)) from error
        return _converted(pa.array(out), own.result, own.label)

    def _located(self, table: pa.Table, own: GroupCall, call: Callable[[int], None]) -> UserFunctionError:
        for number in range(table.num_rows):
            try:
                call(number)
            except Exception as error:  # noqa: BLE001  # the user's own error
                return failed(own.label, error, f"for the group {_key(table, self.keys, number)}")
        raise AssertionError("a function that raises for all groups raises for one")

    def _interpreted(self, table: pa.Table, own: GroupCall, groups: Iterator[Any]) -> pa.Array:
        found = []
        for number, group in enumerate(groups):
            try:
                found.append(_scalar(own.function(group)))
            except Exception as error:
                raise failed(own.label, error, f"for the group {_key(table, self.keys, number)}") from error
        return _array(found, own.result, own.label)


@dataclass(frozen=True, slots=True)
class OfGroupFrames:
    """A function of a group's rows as a pandas DataFrame, over a batch with a row per group; gives any number of rows.

    Attributes
    ----------
    keys
        Columns of keys, put before what the function returns.
    columns
        The names that the columns have for the function, and those of their lists.
    adds
        What it returns: a mapping or Series (one row), a DataFrame, or for one column a value.
    """

    function: Callable[[pd.DataFrame], Any]
    label: str
    keys: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    adds: tuple[Field, ...]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the rows of all groups, each with its keys."""
        import pandas as pd

        rows: list[int] = []
        found: dict[str, list[Any]] = {field.name: [] for field in self.adds}
        spans = [list(_spans(table[lists])) for _, lists in self.columns]
        for number in range(table.num_rows):
            slices = {
                name: column[number][2].slice(column[number][0], column[number][1] - column[number][0]).to_pandas()
                for (name, _), column in zip(self.columns, spans, strict=True)
            }
            made = self._of_group(pd.DataFrame(slices), table, number)
            for name, values in made.items():
                found[name].extend(values)
            rows.extend([number] * len(next(iter(made.values()))))
        keys = table.select(list(self.keys)).take(pa.array(rows, pa.int64()))
        columns = {field.name: _array(found[field.name], field, self.label) for field in self.adds}
        return pa.table({**dict(zip(self.keys, keys.columns, strict=True)), **columns})

    def _of_group(self, group: pd.DataFrame, table: pa.Table, number: int) -> dict[str, list[Any]]:
        import pandas as pd

        names = [field.name for field in self.adds]
        try:
            made = self.function(group)
            if isinstance(made, pd.DataFrame):
                return {name: made[name].tolist() for name in names}
            if isinstance(made, Mapping | pd.Series):
                return {name: [_scalar(made[name])] for name in names}
            if len(names) != 1:
                raise TypeError(f"it must return the columns {', '.join(names)}, not {type(made).__name__}")
            return {names[0]: [_scalar(made)]}
        except Exception as error:
            raise failed(self.label, error, f"for the group {_key(table, self.keys, number)}") from error


def _mistyped(label: str, result: Field, error: Exception) -> UserFunctionError:
    return UserFunctionError(
        f"{label} returned what is no {result.dtype}: {error}; say the type, such as vl.udf({label}, dtype='string')"
    )


def _raised(label: str, error: Exception) -> str:
    return f"{label} raised {type(error).__name__}: {error}"


def failed(label: str, error: Exception, where: str) -> UserFunctionError:
    """Return the error for a user's function that raised, and where."""
    return UserFunctionError(f"{_raised(label, error)}; {where}")


def _plain(column: pa.Array) -> np.ndarray[Any, Any]:
    """Return a column's values as a numpy array; anything where it is null."""
    filled = pc.fill_null(column, pa.scalar(0).cast(column.type)) if column.null_count else column
    values: np.ndarray[Any, Any] = np.ascontiguousarray(filled.to_numpy(zero_copy_only=False))
    return values


def _spans(lists: pa.ChunkedArray) -> Iterator[tuple[int, int, pa.Array]]:
    """Yield start, end and values of each list."""
    for chunk in lists.chunks:
        offsets = chunk.offsets.to_pylist()
        for start, end in pairwise(offsets):
            yield start, end, chunk.values


def _named(start: int, end: int, values: pa.Array, name: str) -> pd.Series[Any]:
    group: pd.Series[Any] = values.slice(start, end - start).to_pandas()
    group.name = name
    return group


def _present_values(lists: pa.ChunkedArray) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the values of lists that are not null, one list after the other, and where each list begins and ends."""
    whole = lists.combine_chunks()
    counts = pc.fill_null(pc.list_value_length(whole), 0).to_numpy(zero_copy_only=False)
    values = pc.list_flatten(whole)
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    if values.null_count:
        kept = np.concatenate([[0], np.cumsum(values.is_valid().to_numpy(zero_copy_only=False), dtype=np.int64)])
        ends, values = kept[ends], values.drop_null()
    return ends, _plain(values)


def _key(table: pa.Table, keys: tuple[str, ...], number: int) -> str:
    return ", ".join(f"{key} = {table[key][number].as_py()!r}" for key in keys)


def _scalar(value: Any) -> Any:
    """Return a plain Python value; what pandas calls missing is null, but for NaN."""
    import pandas as pd

    plain = value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64) else value
    return None if plain is pd.NaT or plain is pd.NA else plain


def _array(values: Any, result: Field, label: str) -> pa.Array:
    """Return a user's values as a column of the type that was said."""
    kind = to_arrow_schema(Schema((result,))).field(0).type
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, OverflowError) as error:
        raise _mistyped(label, result, error) from error


def _converted(column: pa.Array, result: Field, label: str) -> pa.Array:
    try:
        return column.cast(to_arrow_type(result.dtype))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _mistyped(label, result, error) from error
