"""Frames joined with frames, grouped, and one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType, common_type
from ..errors import PlanError, TypeMismatch
from ..expr import Column, NamedExpr, cast
from ..plan import Plan, Project, Union
from .arguments import explaining
from .core import Core
from .groupby import GroupBy
from .groupers import by_grouper, is_grouper, with_groupers
from .join import as_frame, merged, told
from .pivot import pivoted
from .resample import Resampler
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame


class Combining(Core):
    """Methods of `DataFrame` that join and group."""

    __slots__ = ()

    def merge(
        self,
        right: DataFrame,
        how: str = "inner",
        on: str | Sequence[str] | None = None,
        *,
        left_on: str | Sequence[str] | None = None,
        right_on: str | Sequence[str] | None = None,
        suffixes: tuple[str, str] = ("_x", "_y"),
        indicator: bool | str = False,
    ) -> DataFrame:
        """Join with another frame on equal keys; null keys never match.

        Parameters
        ----------
        right
            The other frame.
        how
            ``inner``, ``left``, ``right``, ``outer``, ``semi`` (rows with a partner), ``anti`` (without) or ``cross``.
        on, left_on, right_on
            Key columns; by default the columns that both have.
        suffixes
            Added to names that both have and that are no keys.
        indicator
            Add a column ``_merge``, or of a name, that says where each row comes from: ``both``, ``left_only`` or
            ``right_only``.
        """
        right = as_frame(self._own, right)
        if indicator:
            keys = (on, left_on, right_on)
            return told(self._own, right, how, keys, suffixes, "_merge" if indicator is True else indicator)
        return merged(self._own, right, how=how, on=on, left_on=left_on, right_on=right_on, suffixes=suffixes)

    def groupby(
        self,
        by: Any = None,
        *,
        level: int | str | Sequence[int | str] | None = None,
        sort: bool = True,
        dropna: bool = True,
        as_index: bool = True,
    ) -> GroupBy:
        """Group rows by columns of the frame, or by expressions such as ``frame.t.dt.year``; see `GroupBy`.

        An expression's key has its name, or its text where a column of that name stays beside it. ``pd.Grouper`` is a
        key too: alone as in `resample`, beside others without lengths that hold no rows. ``level`` groups by columns
        marked as index in place of ``by``, by their names or numbers.
        """
        if level is not None:
            if by is not None:
                raise PlanError("groupby takes columns, or level= for columns marked as index, not both")
            names = self._own._levels(level)  # noqa: SLF001  # of the same class
            return self.groupby(
                names[0] if isinstance(level, int | str) else names, sort=sort, dropna=dropna, as_index=as_index
            )
        if is_grouper(by):
            return by_grouper(self._own, by, as_index=as_index)
        if not isinstance(by, str | Series | Iterable):
            raise TypeMismatch(
                f"groupby takes names of columns and columns, not a {type(by).__name__}; for equal lengths of time use "
                "resample(rule, on=…), or groupby(frame.t.dt.floor('day'))"
            )
        by_itself = isinstance(by, str | Series)
        given = [by] if isinstance(by, str | Series) else list(by)
        made = {self._key(key): key for key in given if isinstance(key, Series) and not self._is_own(key)}
        frame = self._own.assign(**made) if made else self._own
        frame, given = with_groupers(frame, given)
        keys = tuple(self._key(key) if isinstance(key, Series) else key for key in given)
        frame.schema.select(keys)
        return GroupBy(frame, keys, sort=sort, dropna=dropna, as_index=as_index, by_itself=by_itself)

    def resample(self, rule: str, *, on: str | None = None) -> Resampler:
        """Group rows by equal lengths of time, also those without rows; see `Resampler`.

        ``rule`` is a unit or several shorter ones that divide a day: ``MS``, ``D``, ``6h``, ``15min``. Each length is
        called by its start. ``on`` is the column of times, by default the one that is marked as index.
        """
        if on is None and len(self.index) != 1:
            raise PlanError("resample needs its column of times: resample('D', on='t')")
        return Resampler(self._own, rule, self.index[0] if on is None else on)

    def _key(self, key: Series) -> str:
        """Return the name of a key: the expression's text where its column stays beside it."""
        return key.name if self._is_own(key) or key.name not in self.schema else str(key.expr)

    def _is_own(self, key: Series) -> bool:
        return key.name in self.schema and key.frame.plan is self.plan and key.expr == self._column(key.name)

    def join(
        self,
        other: DataFrame,
        on: str | Sequence[str] | None = None,
        how: str = "left",
        *,
        lsuffix: str = "",
        rsuffix: str = "",
    ) -> DataFrame:
        """Join with the columns that another frame has marked as index (see `set_index`).

        Parameters
        ----------
        other
            The other frame, with marked columns.
        on
            This frame's columns to compare with them; by default its own marked columns.
        how
            ``left``, ``inner``, ``right`` or ``outer``.
        lsuffix, rsuffix
            Added to names that both have.
        """
        keys = (on,) if isinstance(on, str) else self.index if on is None else tuple(on)
        if not keys or len(keys) != len(other.index):
            raise PlanError(
                f"join compares {len(keys)} columns with the other frame's {len(other.index)} index columns; mark them "
                "with set_index, or use merge(other, left_on=…, right_on=…)"
            )
        names = dict(zip(other.index, keys, strict=True))
        clashing = [name for name in other.columns if name in self.schema and name not in other.index]
        if clashing and not (lsuffix or rsuffix):
            raise PlanError(f"both frames have {', '.join(clashing)}; give lsuffix or rsuffix")
        joined = self.merge(other.rename(names), how, on=keys, suffixes=(lsuffix, rsuffix))
        return self.with_plan(joined.plan, index=self.index if on is None else ())

    def pivot_table(
        self,
        values: str | Sequence[str] | None = None,
        index: str | Sequence[str] = (),
        columns: str = "",
        aggfunc: Any = "mean",
        *,
        fill_value: Any = None,
        margins: bool = False,
        margins_name: str = "All",
    ) -> DataFrame:
        """Return one row per group of ``index`` and one column per value of ``columns``, holding an aggregate.

        Runs the plan once for the distinct values of ``columns``; the table itself is lazy. Columns are named by the
        values as text, behind the name of the aggregated column if there are several.

        Parameters
        ----------
        values
            Columns to aggregate; by default all numeric ones.
        index
            Columns that make the rows, marked as index.
        columns
            The column whose values make the columns; without it, aggregates of ``values`` alone.
        aggfunc
            Name of an aggregate; without ``columns`` also what `GroupBy.agg` takes.
        fill_value
            Put where there are no rows.
        margins
            Whether a last row and, with ``columns``, a last column hold the aggregate of all rows without nulls in
            ``values``. The columns of ``index`` become texts where they are none.
        margins_name
            What the last row and column are called.
        """
        totals = margins_name if margins else None
        return pivoted(self._own, values, index, columns, aggfunc, fill_value, totals)

    def pivot(self, columns: str, index: str | Sequence[str], values: str | Sequence[str] | None = None) -> DataFrame:
        """Return one row per ``index`` and one column per value of ``columns``, as `pivot_table` names them.

        Runs the plan for the distinct values of ``columns``, and to see that no two rows share a place.

        Raises
        ------
        PlanError
            If two rows do; `pivot_table` aggregates them.
        """
        keys = [index] if isinstance(index, str) else list(index)
        most = self.groupby([*keys, columns], sort=False).size()["size"].max()
        if most is not None and most > 1:
            raise PlanError(f"pivot: {most} rows share one place; aggregate them with pivot_table(aggfunc=…)")
        chosen = [name for name in self.columns if name not in (*keys, columns)] if values is None else values
        return pivoted(self._own, chosen, index, columns, "first", None, reshapes=True)


@explaining
def concat(frames: Iterable[Any], join: str | None = None) -> DataFrame:
    """Return the rows of several frames, one after the other, matched by column name.

    Parameters
    ----------
    frames
        At least one.
    join
        What happens to columns that some frames lack: ``"outer"`` fills them with null, ``"inner"`` leaves them out;
        by default they are an error.
    """
    if hasattr(frames, "schema"):
        raise PlanError("concat takes a list of frames, such as vl.concat([first, second])")
    given = list(frames)
    if not given:
        raise PlanError("concat needs at least one frame")
    if join not in (None, "outer", "inner"):
        raise PlanError(f"concat takes join='outer' or join='inner', not {join!r}")
    given = [one.to_frame() if isinstance(one, Series) else one for one in given]
    home = next((one for one in given if hasattr(one, "with_plan")), None)
    given = [as_frame(home, one) for one in given]
    if join is not None:
        given = _aligned(given, everywhere=join == "inner")
    first = given[0]
    aligned = []
    for number, frame in enumerate(given):
        if set(frame.schema.names) != set(first.schema.names):
            odd = sorted(set(frame.schema.names) ^ set(first.schema.names))
            raise PlanError(
                f"concat: frame {number} and the first differ in the columns {', '.join(odd)}; join='outer' fills them "
                "with null, join='inner' leaves them out"
            )
        aligned.append(frame)
    types = {name: _shared_type(name, given) for name in first.schema.names}
    plans = tuple(_cast_plan(frame, types) for frame in aligned)
    return first.with_plan(Union(inputs=plans))


def _aligned(frames: list[DataFrame], *, everywhere: bool) -> list[DataFrame]:
    """Return frames of the same columns: those that every one has, or those that any has, null where it has not."""
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    if everywhere:
        names = [name for name in names if all(name in frame.schema for frame in frames)]
    return [frame.select(**{n: frame[n] if n in frame.schema else None for n in names}) for frame in frames]


def _shared_type(name: str, frames: list[DataFrame]) -> DataType:
    shared: DataType | None = frames[0].schema[name].dtype
    for frame in frames[1:]:
        other = frame.schema[name].dtype
        shared = None if shared is None else common_type(shared, other)
        if shared is None:
            raise TypeMismatch(
                f"concat: column {name!r} is {frames[0].schema[name].dtype} in one frame, {other} in another"
            )
    assert shared is not None
    return shared


def _cast_plan(frame: DataFrame, types: dict[str, DataType]) -> Plan:
    exprs = tuple(
        NamedExpr(name=name, expr=cast(Column(name=name, dtype=frame.schema[name].dtype), dtype))
        for name, dtype in types.items()
    )
    if all(e.is_passthrough for e in exprs) and tuple(types) == frame.schema.names:
        return frame.plan
    return Project(input=frame.plan, exprs=exprs)
