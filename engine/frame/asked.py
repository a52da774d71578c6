"""``frame.sql``: the frame room knows that texts can be asked of frames, not what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import ConfigError
from .core import Core

if TYPE_CHECKING:
    from .frame import DataFrame

Ask: TypeAlias = Callable[[str, Any, Any, str], Any]
"""Takes a text, the frame that it calls ``self``, parameters and a dialect; gives a frame."""

_asked: list[Ask] = []


def use_sql(ask: Ask) -> None:
    """Say who answers texts from now on."""
    _asked[:] = [ask]


class Asked(Core):
    """The part of a frame that answers SQL."""

    __slots__ = ()

    def sql(
        self, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None, *, dialect: str = "duckdb"
    ) -> DataFrame:
        """Return a lazy frame for a query over this frame, which the text calls ``self``.

        Parameters
        ----------
        text
            One query, such as ``select a, count(*) from self group by a``.
        params
            Values for ``$name`` (a mapping) or ``?`` (a sequence).
        dialect
            Any dialect that sqlglot reads.

        Raises
        ------
        SqlError
            If the text is wrong; carries line and column.
        """
        if not _asked:
            raise ConfigError("no SQL is known; import volley rather than its engine alone")
        made: DataFrame = _asked[0](text, self._own, params, dialect)
        return made
