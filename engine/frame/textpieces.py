"""Methods of ``.str`` that take texts to pieces: lists of them, or columns of a frame where their number is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import PlanError, TypeMismatch
from ..expr import Expr, aggregate, call, case, literal
from ..expr.regex import group_names
from .accessor import Accessor
from .pivot import MOST_COLUMNS

if TYPE_CHECKING:
    from .frame import DataFrame
    from .series import Series

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What Python calls white space."""
_CODES = "".join(f"\\x{{{ord(one):x}}}" for one in WHITE_SPACE)
_SPACES, _WORD = f"[{_CODES}]+", f"[^{_CODES}]+"
_SPECIAL = frozenset("\\.^$*+?{}[]|()")
_MOST_TIMES = 1000
"""More than RE2 repeats anything."""


class TextPieces(Accessor):
    """Methods of `TextAccessor` that take texts to pieces."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _call(self, function: str, *args: Any, **options: Any) -> Series: ...
        def strip(self, characters: str | None = None) -> Series:
            """Without white space, or some characters, at both ends."""

        def lstrip(self, characters: str | None = None) -> Series:
            """Without white space, or some characters, at the start."""

        def rstrip(self, characters: str | None = None) -> Series:
            """Without white space, or some characters, at the end."""

        def rfind(self, sub: str) -> Series:
            """0-based place of the last occurrence, -1 without."""

    # between separators

    def split(self, pat: str | None = None, *, n: int = -1, expand: bool = False, regex: bool | None = None) -> Any:
        """Return the list of pieces between separators, or between matches of a regular expression (RE2).

        Parameters
        ----------
        pat
            The separator; without it pieces stand between white space, and none of them is empty. ``.str[0]`` takes one
            of them.
        n
            How many times at most: the rest of the text is the last piece.
        expand
            Return a frame with a column for each piece, called ``"0"``, ``"1"``, …, null where a text has fewer:
            ``n + 1`` of them. Without ``n`` the plan runs to find how many there are.
        regex
            Whether the separator is a regular expression; by default, as in pandas, if it is longer than one character.
        """
        if pat is not None and not isinstance(pat, str):
            raise TypeMismatch(f"str.split takes a text to split at, not {pat!r}; n={pat!r} is how many times")
        if pat == "":
            raise PlanError("str.split needs a separator that is not empty; str.split() takes words")
        if pat is None:
            made = self._words(n)
        elif _is_regex(pat) if regex is None else regex:
            if n > 0:
                raise PlanError(
                    f"str.split with n= needs a separator that is a plain text; {pat!r} is a regular expression "
                    "(regex=False takes it as it is written)"
                )
            made = self._call("regexp_split", pattern=pat)
        else:
            made = self._cut(pat, n)
        return self._columns(made, n) if expand else made

    def rsplit(self, pat: str | None = None, *, n: int = -1, expand: bool = False) -> Any:
        """Return the list of pieces between separators, with ``n`` of them cut from the end; see `split`."""
        if pat == "":
            raise PlanError("str.rsplit needs a separator that is not empty; str.rsplit() takes words")
        made = self._words(n, from_end=True) if pat is None else self._cut(pat, n, from_end=True)
        return self._columns(made, n) if expand else made

    def _words(self, n: int, *, from_end: bool = False) -> Series:
        """Return the pieces between white space."""
        bare = self.strip().expr
        words = call("regexp_split", bare, pattern=_SPACES)
        none = call("list_slice", words, literal(1), literal(0))
        if n > 0:
            if n > _MOST_TIMES:
                raise PlanError(f"words can be cut off {_MOST_TIMES:,} times at most, not {n:,}")
            side, pattern = (
                (self.rstrip(), f"(?:{_SPACES}{_WORD}){{{n}}}$")
                if from_end
                else (self.lstrip(), f"^(?:{_WORD}{_SPACES}){{{n}}}")
            )
            rest = call("regexp_replace", side.expr, pattern=pattern, replacement="", all=False)
            words = _with_rest(words, n, rest, from_end=from_end)
        return self._column.derive(case([(call("equal", bare, literal("")), none)], words))

    def _cut(self, pat: str, n: int, *, from_end: bool = False) -> Series:
        """Return the pieces between separators that are plain texts."""
        pieces = call("split", self._column.expr, literal(pat))
        if n <= 0:
            return self._column.derive(pieces)
        size = call("list_length", pieces)
        first, last = (literal(1), call("subtract", size, literal(n))) if from_end else (literal(n + 1), size)
        rest = call("list_join", call("list_slice", pieces, first, last), separator=pat)
        return self._column.derive(_with_rest(pieces, n, rest, from_end=from_end))

    def _columns(self, lists: Series, n: int) -> DataFrame:
        """Return a frame with a column for each piece: ``n + 1``, or as many as the longest list has."""
        count = n + 1
        if n <= 0:
            size = call("coalesce", call("list_length", lists.expr), literal(1))
            count = lists.frame.reduce(most=aggregate("max", size))["most"] or 0
        if count > MOST_COLUMNS:
            raise PlanError(f"a text of {self._column.name!r} has {count:,} pieces; n= takes the first ones")
        return self._column.frame.select(**{str(i): lists.list.get(i) for i in range(count)})

    def partition(self, sep: str = " ", *, expand: bool = False) -> Any:
        """Return the list of what stands before the first ``sep``, of ``sep``, and of what stands behind it.

        Without ``sep`` in it: the text and two empty ones. ``.str[0]`` takes one of the three; ``expand=True`` (of
        pandas the default) gives a frame of three columns, ``"0"``, ``"1"`` and ``"2"``.
        """
        if not sep:
            raise PlanError("str.partition needs a separator that is not empty")
        at = call("position", self._column.expr, literal(sep))
        made = self._parted(at, sep, [self._column.expr, literal(""), literal("")])
        return self._columns(made, 2) if expand else made

    def rpartition(self, sep: str = " ", *, expand: bool = False) -> Any:
        """Return the same of the last ``sep``; without it: two empty texts and the text."""
        if not sep:
            raise PlanError("str.rpartition needs a separator that is not empty")
        at = call("add", self.rfind(sep).expr, literal(1))
        made = self._parted(at, sep, [literal(""), literal(""), self._column.expr])
        return self._columns(made, 2) if expand else made

    def _parted(self, at: Expr, sep: str, without: list[Expr]) -> Series:
        text = self._column.expr
        before = call("substring", text, literal(1), call("subtract", at, literal(1)))
        behind = call("substring", text, call("add", at, literal(len(sep))))
        parts = call("list_value", before, literal(sep), behind)
        found, missing = call("greater", at, literal(0)), call("is_null", text)
        return self._column.derive(
            case([(missing, literal(None, parts.dtype)), (found, parts)], call("list_value", *without))
        )

    def get_dummies(self, sep: str = "|") -> DataFrame:
        """Return a frame with a column for each different piece, 1 where a text has it, else 0; runs the plan."""
        if not sep:
            raise PlanError("str.get_dummies needs a separator that is not empty")
        lists = self._cut(sep, -1)
        found = sorted(one for one in lists.explode().unique() if one)
        if len(found) > MOST_COLUMNS:
            raise PlanError(
                f"{self._column.name!r} has {len(found):,} different pieces; get_dummies makes at most {MOST_COLUMNS:,}"
            )
        return self._column.frame.select(
            **{one: lists.list.contains(one).fillna(False).astype("int64") for one in found}  # noqa: FBT003
        )

    # matches

    def extract(self, pattern: str, group: int | None = None, *, expand: bool | None = None) -> Any:
        """Return what a group (0: the whole) of the first match matched; null without a match.

        Parameters
        ----------
        pattern
            A regular expression (RE2). If it has several groups, and none is chosen, a frame has a column for each,
            called by the group's name, or by its number from ``"0"``.
        group
            The group to take.
        expand
            Whether to return a frame also of one group; by default a column.
        """
        groups = [name or str(number) for number, name in enumerate(group_names(pattern))]
        if group is None and (expand or len(groups) > 1):
            if not groups:
                raise PlanError(f"{pattern!r} has no group; write one, such as ({pattern})")
            return self._column.frame.select(**{name: self._group(pattern, i + 1) for i, name in enumerate(groups)})
        return self._group(pattern, 1 if group is None else group)

    def _group(self, pattern: str, group: int) -> Series:
        found = self._call("regexp_extract", pattern=pattern, group=group)
        return found.where(self._call("regexp_matches", pattern=pattern))

    def findall(self, pat: str) -> Series:
        """Return the list of all matches of a regular expression (RE2): of its group, or the whole without one.

        Raises
        ------
        PlanError
            If the pattern has several groups, of which pandas makes tuples.
        """
        groups = len(group_names(pat))
        if groups > 1:
            raise PlanError(f"{pat!r} has {groups} groups; findall takes one, write the others as (?:…)")
        return self._call("regexp_extract_all", pattern=pat, group=groups)


def _is_regex(pat: str) -> bool:
    """Return whether a separator is a regular expression where nothing is said, as in pandas."""
    return len(pat) > 1 and not _SPECIAL.isdisjoint(pat)


def _with_rest(pieces: Expr, n: int, rest: Expr, *, from_end: bool) -> Expr:
    """Return ``n`` pieces and the rest of the text where there are more, else the pieces."""
    size, one = call("list_length", pieces), call("list_value", rest)
    if from_end:
        kept = call("list_slice", pieces, call("subtract", size, literal(n - 1)), size)
        cut = call("list_concat", one, kept)
    else:
        cut = call("list_concat", call("list_slice", pieces, literal(1), literal(n)), one)
    return case([(call("greater", size, literal(n)), cut)], pieces)
