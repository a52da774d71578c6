"""Which columns a frame has, and how they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType, Kind, common_type
from ..errors import PlanError, TypeMismatch
from ..expr import NamedExpr, call, cast, literal
from ..plan import Plan, Project, Unnest
from .casting import converted
from .core import Core
from .series import Series
from .types import parse_dtype

if TYPE_CHECKING:
    from .frame import DataFrame


class Columns(Core):
    """Methods of `DataFrame` that add, drop, name and convert columns."""

    __slots__ = ()

    def rename(
        self,
        mapper: Mapping[str, str] | Callable[[str], str] | str | None = None,
        *,
        columns: Mapping[str, str] | Callable[[str], str] | None = None,
    ) -> DataFrame:
        """Rename columns by a dictionary or a function; by a text the one column beside those marked as index."""
        new = columns if mapper is None else mapper
        if isinstance(new, str):
            new = {self._only("rename"): new}
        if not (isinstance(new, Mapping) or callable(new)) or (mapper is not None and columns is not None):
            raise PlanError(
                "rename takes one dictionary or function: rename(columns={'old': 'new'}); set_axis takes a list"
            )
        if isinstance(new, Mapping):
            self.schema.select(new)
        names = {name: new(name) if callable(new) else new.get(name, name) for name in self.columns}
        renamed = self._project(NamedExpr(name=names[name], expr=self._column(name)) for name in self.columns)
        return self.with_plan(renamed.plan, index=tuple(names[name] for name in self.index))

    def add_prefix(self, prefix: str) -> DataFrame:
        """Put a text before every column's name; columns marked as index keep theirs."""
        return self.rename(lambda name: name if name in self.index else f"{prefix}{name}")

    def add_suffix(self, suffix: str) -> DataFrame:
        """Put a text behind every column's name; columns marked as index keep theirs."""
        return self.rename(lambda name: name if name in self.index else f"{name}{suffix}")

    def set_axis(self, labels: Sequence[str]) -> DataFrame:
        """Give all columns new names, in order."""
        if len(labels) != len(self.columns):
            raise PlanError(f"set_axis needs {len(self.columns)} names, one for each column, not {len(labels)}")
        return self.rename(dict(zip(self.columns, labels, strict=True)))

    def drop(
        self,
        labels: str | Sequence[str] | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        index: Any = None,
        errors: str = "raise",
    ) -> DataFrame:
        """Return the frame without some columns; with ``errors="ignore"`` some may be missing.

        ``index`` is a label or a list of labels of the column marked as index, whose rows are left out, if there are
        any.
        """
        if index is not None:
            rows = self._without(index)
            return rows if labels is None and columns is None else rows.drop(labels, columns=columns, errors=errors)
        names = columns if labels is None else labels
        if names is None or (labels is not None and columns is not None):
            raise PlanError("drop takes the names of columns: drop(columns=['a', 'b'])")
        if not isinstance(names, str | Iterable):
            raise PlanError(f"drop takes the names of columns, not {names!r}; rows have no labels: frame[frame.x != 3]")
        gone = {names} if isinstance(names, str) else set(names)
        if errors != "ignore":
            self.schema.select(gone)
        return self.select(*(name for name in self.columns if name not in gone))

    def _without(self, labels: Any) -> DataFrame:
        """Return the rows with other labels."""
        if len(self.index) != 1:
            raise PlanError("rows have no labels here; choose the rows that stay: frame[frame.x != 3]")
        label = self._own[self.index[0]]
        gone = [labels] if isinstance(labels, str) or not isinstance(labels, Iterable) else list(labels)
        return self._own.filter(~label.isin(gone).fillna(value=False))

    def astype(self, types: Any) -> DataFrame:
        """Convert all columns to one type, or some by a dictionary."""
        wanted = types if isinstance(types, Mapping) else dict.fromkeys(self.schema.names, types)
        self.schema.select(wanted)
        return self.assign(
            **{name: Series(self._own, converted(self._column(name), parse_dtype(t))) for name, t in wanted.items()}
        )

    def get(self, key: str, default: Any = None) -> Any:
        """Return a column, or ``default`` if there is none of the name."""
        return self._own[key] if key in self.schema else default

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return self.columns

    def rename_axis(self, index: str | Sequence[str] | Mapping[str, str]) -> DataFrame:
        """Rename the columns marked as index."""
        if isinstance(index, Mapping):
            return self.rename(index)
        names = [index] if isinstance(index, str) else list(index)
        if len(names) != len(self.index):
            raise PlanError(f"{len(self.index)} columns are marked as index; rename_axis got {len(names)} names")
        return self.rename(dict(zip(self.index, names, strict=True)))

    def squeeze(self, axis: int | str | None = None) -> Any:
        """Return the only column of a frame that has one, else the frame; without ``axis=1`` a single value as such.

        Without ``axis=1`` (``"columns"``) the plan runs for two rows.
        """
        if len(self.columns) != 1:
            return self._own
        column = self._own[self.columns[0]]
        return column if axis in (1, "columns") else column.squeeze()

    def select_dtypes(
        self, include: Any | Sequence[Any] | None = None, exclude: Any | Sequence[Any] | None = None
    ) -> DataFrame:
        """Return the columns of some types, or without some: a type, ``"number"``, ``"datetime"``, or a list."""
        if include is None and exclude is None:
            raise PlanError("select_dtypes needs include or exclude, such as include='number'")
        kept = [f.name for f in self.schema if include is None or _is_any(f.dtype, include)]
        gone = {f.name for f in self.schema if exclude is not None and _is_any(f.dtype, exclude)}
        return self.select(*(name for name in kept if name not in gone))

    def to_frame(self, name: str | None = None) -> DataFrame:
        """Return the frame itself, as it is where pandas has a Series, its one column beside the index renamed."""
        return self._own if name is None else self.rename(name)

    def reset_index(self, *, drop: bool = False, name: str | None = None) -> DataFrame:
        """Unmark the columns marked as index, or with ``drop`` leave them out; ``name`` renames the one beside them."""
        if name is not None:
            return self.rename({self._only("reset_index"): name}).reset_index(drop=drop)
        if drop:
            return self.select(*(name for name in self.columns if name not in self.index))
        if not self.index:
            raise PlanError("no column is marked as index, and rows have no numbers; leave reset_index() out")
        front = [*self.index, *self._unmarked]
        return self.with_plan(self.plan) if front == self.columns else self.with_plan(self.select(*front).plan)

    def melt(
        self,
        id_vars: str | Sequence[str] = (),
        value_vars: str | Sequence[str] | None = None,
        *,
        var_name: str = "variable",
        value_name: str = "value",
    ) -> DataFrame:
        """Return a row for each row and column: the column's name and its value, beside the ``id_vars``.

        The rows that are made of one row follow each other.

        Raises
        ------
        TypeMismatch
            If the columns share no type; convert them with ``astype``.
        """
        ids = [id_vars] if isinstance(id_vars, str) else list(id_vars)
        self.schema.select(ids)
        rest = [name for name in self._unmarked if name not in ids]
        values = rest if value_vars is None else [value_vars] if isinstance(value_vars, str) else list(value_vars)
        if not values:
            raise PlanError("melt needs at least one column of values")
        dtype = self._shared_type(values)
        return self.with_plan(self._melted(ids, values, dtype, var_name, value_name))

    def _shared_type(self, names: Sequence[str]) -> DataType:
        shared = self.schema[names[0]].dtype
        for name in names[1:]:
            other = common_type(shared, self.schema[name].dtype)
            if other is None:
                raise TypeMismatch(
                    f"melt: {name!r} is {self.schema[name].dtype}, {names[0]!r} {self.schema[names[0]].dtype}; "
                    "convert them with astype, or choose value_vars"
                )
            shared = other
        return shared

    def _melted(self, ids: list[str], values: list[str], dtype: DataType, var_name: str, value_name: str) -> Plan:
        """Return a row for each entry of lists of the names and of the values, which takes one pass over the rows."""
        exprs = [NamedExpr(name=key, expr=self._column(key)) for key in ids]
        names = call("list_value", *(literal(name) for name in values))
        exprs.append(NamedExpr(name=var_name, expr=names))
        cells = call("list_value", *(cast(self._column(name), dtype) for name in values))
        exprs.append(NamedExpr(name=value_name, expr=cells))
        return Unnest(
            input=Project(input=self.plan, exprs=tuple(exprs)), columns=(var_name, value_name), keeps_empty=False
        )


_FAMILIES: Mapping[Any, Callable[[DataType], bool]] = {
    "number": lambda dtype: dtype.is_numeric,
    "integer": lambda dtype: dtype.is_integer,
    "floating": lambda dtype: dtype.is_float,
    "object": lambda dtype: dtype.is_text,
    "datetime": lambda dtype: dtype.kind is Kind.TIMESTAMP,
    "datetime64": lambda dtype: dtype.kind is Kind.TIMESTAMP,
    "timedelta": lambda dtype: dtype.kind is Kind.DURATION,
    "category": lambda _: False,
}


def _is_any(dtype: DataType, wanted: Any) -> bool:
    """Return whether a type is one of those wanted, which may be families of types."""
    listed: Iterable[Any] = wanted if isinstance(wanted, list | tuple | set) else [wanted]
    return any(_is(dtype, one) for one in listed)


def _is(dtype: DataType, wanted: Any) -> bool:
    name = wanted if isinstance(wanted, str) else getattr(wanted, "__name__", None)
    if name in _FAMILIES:
        return _FAMILIES[name](dtype)
    return dtype == parse_dtype(wanted)
