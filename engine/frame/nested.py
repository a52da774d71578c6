"""``.list`` and ``.struct`` of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..dtypes import DataType, Kind
from ..errors import TypeMismatch
from ..expr import call, literal
from .accessor import Accessor
from .arguments import explained

if TYPE_CHECKING:
    from .frame import DataFrame
    from .series import Series


@explained
class ListAccessor(Accessor):
    """Functions of a column of lists; a null list gives null."""

    __slots__ = ()

    def __init__(self, column: Series) -> None:
        if column.dtype.kind is not Kind.LIST:
            raise TypeMismatch(f".list needs lists; {column.name!r} is {column.dtype}")
        self._column = column

    def len(self) -> Series:
        """Count the values, also null ones."""
        return self._column.derive(call("list_length", self._column.expr))

    def get(self, index: int) -> Series:
        """Value at a 0-based place, from the end where negative; null where there is none."""
        if not isinstance(index, int):
            raise TypeMismatch(f"a place in a list is a whole number, such as .list[0], not {index!r}")
        place = literal(index if index < 0 else index + 1)
        return self._column.derive(call("list_element", self._column.expr, place))

    __getitem__ = get

    def contains(self, value: Any) -> Series:
        """Whether a value is in the list."""
        return self._column.derive(call("list_contains", self._column.expr, self._column.operand(value)))

    def join(self, sep: str) -> Series:
        """Texts of the list joined, nulls left out."""
        return self._column.derive(call("list_join", self._column.expr, separator=sep))

    def flatten(self) -> Series:
        """Return the values of all lists, one a row; see `Series.explode`."""
        return self._column.explode()

    def quantile(self, q: float) -> Series:
        """Value at a share of the sorted list, linear between neighbours."""
        return self._column.derive(call("list_quantile", self._column.expr, q=q, discrete=False))

    def mode(self) -> Series:
        """Most frequent value, the least of several."""
        return self._column.derive(call("list_mode", self._column.expr))


class StructAccessor(Accessor):
    """Fields of a column of structs; a null struct gives null."""

    __slots__ = ()

    def __init__(self, column: Series) -> None:
        if column.dtype.kind is not Kind.STRUCT:
            raise TypeMismatch(f".struct needs structs; {column.name!r} is {column.dtype}")
        self._column = column

    def field(self, name: str) -> Series:
        """Value of a field, under its name."""
        return self._column.derive(call("struct_field", self._column.expr, name=name), name)

    __getitem__ = field

    @property
    def dtypes(self) -> dict[str, DataType]:
        """Types of the fields by name."""
        return dict(self._column.dtype.fields)

    def explode(self) -> DataFrame:
        """Return a frame with a column for each field."""
        return self._column.frame.select(**{name: self.field(name) for name in self.dtypes})
