"""The installed pylibcudf, where there is one: it knows without a GPU which operations and casts it has."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .types import DataType


@cache
def _library() -> Any:
    return importlib.import_module("pylibcudf") if importlib.util.find_spec("pylibcudf") is not None else None


def _typed(library: Any, dtype: DataType) -> Any:
    return library.DataType(getattr(library.TypeId, dtype.id().name), dtype.scale())


def refuses_operation(op: Any, left: DataType, right: DataType, out: DataType) -> bool:
    """Return whether the installed library says that it has no such binary operation."""
    library = _library()
    if library is None:
        return False
    kinds = [_typed(library, dtype) for dtype in (out, left, right)]
    return not library.binaryop.is_supported_operation(*kinds, getattr(library.binaryop.BinaryOperator, op.name))


def refuses_cast(source: DataType, target: DataType) -> bool:
    """Return whether the installed library says that it has no such cast."""
    library = _library()
    return library is not None and not library.unary.is_supported_cast(_typed(library, source), _typed(library, target))
