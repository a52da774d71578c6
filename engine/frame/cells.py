"""Methods of frames that treat the values of many columns alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..expr import literal
from .core import Core

if TYPE_CHECKING:
    from .frame import DataFrame


class Cells(Core):
    """Methods of `DataFrame` that treat the values of many columns alike."""

    __slots__ = ()

    def fillna(self, value: Any) -> DataFrame:
        """Fill nulls with a constant (in columns of its kind) or by a dictionary of columns."""
        if isinstance(value, Mapping):
            return self.assign(**{name: self[name].fillna(one) for name, one in value.items()})
        kind = literal(value).dtype
        fits = [f.name for f in self.schema if f.dtype == kind or (f.dtype.is_numeric and kind.is_numeric)]
        return self.assign(**{name: self[name].fillna(value) for name in fits})
