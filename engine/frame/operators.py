"""Operators of a column, and pandas' names for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .series import Series


class Operators:
    """Methods of `Series` that pandas offers beside operators; nulls go through them as through operators."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _binary(self, function: str, other: Any, *, reverse: bool = False) -> Series: ...

    def add(self, other: Any) -> Series:
        """Return the column ``+ other``."""
        return self._binary("add", other)

    def sub(self, other: Any) -> Series:
        """Return the column ``- other``."""
        return self._binary("subtract", other)

    subtract = sub

    def mul(self, other: Any) -> Series:
        """Return the column ``* other``."""
        return self._binary("multiply", other)

    multiply = mul

    def div(self, other: Any) -> Series:
        """Return the column ``/ other``."""
        return self._binary("divide", other)

    divide = truediv = div

    def floordiv(self, other: Any) -> Series:
        """Return the column ``// other``."""
        return self._binary("floor_divide", other)

    def mod(self, other: Any) -> Series:
        """Return the column ``% other``."""
        return self._binary("modulo", other)

    def pow(self, other: Any) -> Series:
        """Return the column ``** other``."""
        return self._binary("power", other)

    def radd(self, other: Any) -> Series:
        """Return ``other +`` the column."""
        return self._binary("add", other, reverse=True)

    def rsub(self, other: Any) -> Series:
        """Return ``other -`` the column."""
        return self._binary("subtract", other, reverse=True)

    def rmul(self, other: Any) -> Series:
        """Return ``other *`` the column."""
        return self._binary("multiply", other, reverse=True)

    def rdiv(self, other: Any) -> Series:
        """Return ``other /`` the column."""
        return self._binary("divide", other, reverse=True)

    rtruediv = rdiv

    def rfloordiv(self, other: Any) -> Series:
        """Return ``other //`` the column."""
        return self._binary("floor_divide", other, reverse=True)

    def rmod(self, other: Any) -> Series:
        """Return ``other %`` the column."""
        return self._binary("modulo", other, reverse=True)

    def rpow(self, other: Any) -> Series:
        """Return ``other **`` the column."""
        return self._binary("power", other, reverse=True)

    def eq(self, other: Any) -> Series:
        """Return whether the column ``== other``."""
        return self._binary("equal", other)

    def ne(self, other: Any) -> Series:
        """Return whether the column ``!= other``."""
        return self._binary("not_equal", other)

    def lt(self, other: Any) -> Series:
        """Return whether the column ``< other``."""
        return self._binary("less", other)

    def le(self, other: Any) -> Series:
        """Return whether the column ``<= other``."""
        return self._binary("less_equal", other)

    def gt(self, other: Any) -> Series:
        """Return whether the column ``> other``."""
        return self._binary("greater", other)

    def ge(self, other: Any) -> Series:
        """Return whether the column ``>= other``."""
        return self._binary("greater_equal", other)
