"""What stands for ``pylibcudf.strings.combine``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..binding import enumerated, simulated
from ..column import Column
from ..scalar import Scalar
from ..table import Table
from ..values import device, host
from .texts import text, text_of

SeparatorOnNulls = enumerated("pylibcudf.strings.combine.SeparatorOnNulls")
OutputIfEmptyList = enumerated("pylibcudf.strings.combine.OutputIfEmptyList")


@simulated("pylibcudf.strings.combine.concatenate")
def concatenate(
    strings_columns: Table,
    separator: Column | Scalar,
    narep: Scalar | None = None,
    col_narep: Scalar | None = None,
    separate_nulls: Any = SeparatorOnNulls.YES,
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Join the texts of each row. Without ``narep`` nulls count as empty; a null one makes the row null."""
    if isinstance(separator, Column):
        raise NotImplementedError("a separator that differs by row is not simulated")
    if col_narep is not None:
        raise ValueError("col_narep cannot be specified when separator is a Scalar")
    mark = text_of(separator)
    instead = "" if narep is None else host(narep)[0].as_py()
    skipping = SeparatorOnNulls(separate_nulls) == SeparatorOnNulls.NO
    rows = zip(*(text(column).to_pylist() for column in strings_columns.columns()), strict=True)
    return device(pa.array([_joined(row, mark, instead, skipping=skipping) for row in rows], pa.string()))


def _joined(row: tuple[str | None, ...], mark: str, instead: str | None, *, skipping: bool) -> str | None:
    if instead is None and None in row:
        return None
    return mark.join((instead or "") if part is None else part for part in row if part is not None or not skipping)
