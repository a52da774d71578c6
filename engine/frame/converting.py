"""Columns of text made times or numbers, in pandas' spellings."""

from __future__ import annotations

from .. import dtypes
from ..errors import PlanError, TypeMismatch
from ..expr import cast
from .arguments import explaining
from .series import Series


@explaining
def to_datetime(column: Series, format: str | None = None, *, errors: str = "raise") -> Series:  # noqa: A002  # as in pandas
    """Return a column of texts or dates as timestamps.

    Parameters
    ----------
    column
        Of a frame.
    format
        Of ``strptime``; by default texts are like ``2024-01-31`` or ``2024-01-31 12:30:00``.
    errors
        ``"raise"``, or ``"coerce"`` for null where a text is no time.
    """
    strict = _strict("to_datetime", column, errors)
    if format is not None:
        made: Series = column.str.to_datetime(format, errors=errors)
        return made
    if column.dtype.kind is dtypes.Kind.TIMESTAMP:
        return column
    return column.derive(cast(column.expr, dtypes.timestamp("us"), strict=strict))


@explaining
def to_numeric(column: Series, *, errors: str = "raise") -> Series:
    """Return a column of texts as ``float64``; numbers stay as they are.

    Parameters
    ----------
    column
        Of a frame.
    errors
        ``"raise"``, or ``"coerce"`` for null where a text is no number.
    """
    strict = _strict("to_numeric", column, errors)
    return column if column.dtype.is_numeric else column.derive(cast(column.expr, dtypes.float64, strict=strict))


def _strict(function: str, column: object, errors: str) -> bool:
    if not isinstance(column, Series):
        raise TypeMismatch(f"{function} takes a column, such as {function}(frame.x), not a {type(column).__name__}")
    if errors not in ("raise", "coerce"):
        raise PlanError(f"{function} takes errors='raise' or 'coerce', not {errors!r}")
    return errors == "raise"
