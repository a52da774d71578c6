"""``.str`` of a column."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeAlias

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import Expr, call, case, literal
from .arguments import explained
from .textpieces import WHITE_SPACE, TextPieces

if TYPE_CHECKING:
    from .series import Series

Range: TypeAlias = slice
"""``slice`` itself is a method inside the class."""


@explained
class TextAccessor(TextPieces):
    """Functions of a text column; null gives null."""

    __slots__ = ()

    def __init__(self, column: Series) -> None:
        if column.dtype.kind not in (Kind.STRING, Kind.BINARY, Kind.NULL):
            raise TypeMismatch(f".str needs text; {column.name!r} is {column.dtype} (astype('string') converts it)")
        self._column = column

    def _call(self, function: str, *args: Any, **options: Any) -> Series:
        operands = [self._column.operand(arg) for arg in args]
        return self._column.derive(call(function, self._column.expr, *operands, **options))

    def len(self) -> Series:
        """Length in code points."""
        return self._call("length")

    def lower(self) -> Series:
        """Lower case."""
        return self._call("lower")

    def upper(self) -> Series:
        """Upper case."""
        return self._call("upper")

    def strip(self, characters: str | None = None) -> Series:
        """Without white space, or some characters, at both ends."""
        return self._call("trim", WHITE_SPACE if characters is None else characters)

    def lstrip(self, characters: str | None = None) -> Series:
        """Without white space, or some characters, at the start."""
        return self._call("ltrim", WHITE_SPACE if characters is None else characters)

    def rstrip(self, characters: str | None = None) -> Series:
        """Without white space, or some characters, at the end."""
        return self._call("rtrim", WHITE_SPACE if characters is None else characters)

    def slice(self, start: int | None = None, stop: int | None = None, step: int | None = None) -> Series:
        """Code points from ``start`` (0-based) up to ``stop``, from the end where negative; step -1 alone reverses."""
        for place in (start, stop, step):
            if place is not None and not isinstance(place, int):
                raise TypeMismatch(f"places in a text are whole numbers, such as .str[0:3], not {place!r}")
        if step == -1 and start is None and stop is None:
            return self.reverse()
        if step not in (None, 1):
            raise PlanError("str.slice takes code points side by side: step is 1, or -1 for the whole text backwards")
        text, first = self._column.expr, start or 0
        if first >= 0 and (stop is None or stop >= 0):
            length = [] if stop is None else [max(0, stop - first)]
            return self._call("substring", first + 1, *length)
        size = call("length", text)
        begin = self._place(first, size)
        end = size if stop is None else self._place(stop, size)
        count = call("greatest", call("subtract", end, begin), literal(0))
        return self._column.derive(call("substring", text, call("add", begin, literal(1)), count))

    def _place(self, place: int, size: Expr) -> Expr:
        """Return a place as one from the start."""
        return literal(place) if place >= 0 else call("greatest", call("add", size, literal(place)), literal(0))

    def get(self, i: int) -> Series:
        """Code point at a 0-based place, from the end where negative; null where there is none."""
        size = call("length", self._column.expr)
        inside = call("greater" if i >= 0 else "greater_equal", size, literal(abs(i)))
        one = self.slice(i, i + 1 if i != -1 else None)
        return self._column.derive(case([(inside, one.expr)]))

    def slice_replace(self, start: int = 0, stop: int | None = None, repl: str = "") -> Series:
        """Text with the code points from ``start`` up to ``stop`` replaced."""
        parts = [self.slice(0, start).expr, literal(repl)]
        if stop is not None:
            parts.append(self.slice(stop).expr)
        return self._column.derive(call("concat", *parts))

    def removeprefix(self, prefix: str) -> Series:
        """Text without a start, where it has it."""
        cut = self.slice(len(prefix)).expr
        return self._column.derive(case([(self.startswith(prefix).expr, cut)], self._column.expr))

    def removesuffix(self, suffix: str) -> Series:
        """Text without an end, where it has it."""
        if not suffix:
            return self._column
        cut = self.slice(0, -len(suffix)).expr
        return self._column.derive(case([(self.endswith(suffix).expr, cut)], self._column.expr))

    def translate(self, table: Mapping[int | str, str | int | None]) -> Series:
        """Text with code points replaced one by one, or dropped: ``str.maketrans`` makes such a table."""
        pairs = {chr(k) if isinstance(k, int) else k: chr(v) if isinstance(v, int) else v for k, v in table.items()}
        if any(len(new) != 1 for new in pairs.values() if new is not None):
            raise PlanError("str.translate replaces code points by single ones or by None; use str.replace for texts")
        kept = {old: new for old, new in pairs.items() if new is not None}
        gone = "".join(old for old, new in pairs.items() if new is None)
        return self._call("translate", "".join(kept) + gone, "".join(kept.values()))

    def isalpha(self) -> Series:
        """Whether all code points are letters, and there is one."""
        return self.fullmatch(r"\p{L}+")

    def isalnum(self) -> Series:
        """Whether all code points are letters or numbers, and there is one."""
        return self.fullmatch(r"[\p{L}\p{N}]+")

    def isdecimal(self) -> Series:
        """Whether all code points are decimal digits of any script, and there is one."""
        return self.fullmatch(r"\p{Nd}+")

    def isdigit(self) -> Series:
        """Whether all code points are digits, superscripts among them, and there is one."""
        return self.fullmatch(r"[\p{Nd}²³¹⁰⁴-⁹₀-₉]+")

    def isnumeric(self) -> Series:
        """Whether all code points are numbers, fractions among them, and there is one."""
        return self.fullmatch(r"\p{N}+")

    def isspace(self) -> Series:
        """Whether all code points are white space, and there is one."""
        return self.fullmatch(r"[\s\p{Z}\x{1c}-\x{1f}\x{85}\x{0b}]+")

    def isascii(self) -> Series:
        """Whether all code points are below 128."""
        return self.fullmatch(r"[\x{00}-\x{7f}]*")

    def islower(self) -> Series:
        """Whether there are lower-case letters and no others that have case."""
        return self.contains(r"\p{Ll}") & (self._column == self.lower())

    def isupper(self) -> Series:
        """Whether there are upper-case letters and no others that have case."""
        return self.contains(r"\p{Lu}") & (self._column == self.upper())

    def istitle(self) -> Series:
        """Whether words start upper case and go on lower case, and there is one."""
        return self.contains(r"[\p{Lu}\p{Lt}]") & (self._column == self.title())

    def zfill(self, width: int) -> Series:
        """Pad with zeros at the start, behind a sign, to so many code points."""
        signed = self.startswith("+") | self.startswith("-")
        after = TextAccessor(self.slice(1)).rjust(width - 1, "0")
        return self._column.derive(
            case([(signed.expr, call("concat", self.slice(0, 1).expr, after.expr))], self.rjust(width, "0").expr)
        )

    def contains(self, pattern: str, *, regex: bool = True, case: bool = True, na: bool | None = None) -> Series:
        """Whether a regular expression (RE2), or with ``regex=False`` a text, occurs; ``na`` is what null gives."""
        if not regex and case:
            return self._known(self._call("contains", pattern), na)
        if not regex:
            raise PlanError("str.contains(regex=False) is case-sensitive; lower both sides with str.lower() first")
        return self._known(self._call("regexp_matches", pattern=pattern if case else f"(?i){pattern}"), na)

    @staticmethod
    def _known(test: Series, na: Any) -> Series:
        return test if na is None else test.fillna(na)

    def like(self, pattern: str, *, escape: str | None = None, case: bool = True) -> Series:
        """Whether a SQL pattern (``%`` any text, ``_`` any character) matches the whole text."""
        return self._call("like", pattern=pattern, escape=escape, fold=not case)

    def startswith(self, prefix: str | tuple[str, ...], *, na: bool | None = None) -> Series:
        """Whether the text starts so, or with one of several; ``na`` is what null gives."""
        return self._known(self._any_of("starts_with", prefix), na)

    def endswith(self, suffix: str | tuple[str, ...], *, na: bool | None = None) -> Series:
        """Whether the text ends so, or with one of several; ``na`` is what null gives."""
        return self._known(self._any_of("ends_with", suffix), na)

    def _any_of(self, function: str, parts: str | tuple[str, ...]) -> Series:
        given = (parts,) if isinstance(parts, str) else parts
        if not given:
            raise PlanError(f"str.{function.replace('s_w', 'sw')} needs a text to look for, or a tuple of them")
        return reduce(or_, (self._call(function, part) for part in given))

    def replace(self, old: str, new: str, *, regex: bool = False, n: int = -1) -> Series:
        r"""Replace each occurrence of a text, or each match (``n=1``: the first) of a regular expression (RE2).

        In the replacement of a regular expression ``\1`` stands for what its first group matched.
        """
        if not regex and n == -1:
            return self._call("replace", old, new)
        if n not in (-1, 1):
            raise PlanError("str.replace replaces every occurrence (n=-1) or the first (n=1)")
        pattern = old if regex else "".join(f"\\x{{{ord(c):x}}}" for c in old)
        return self._call(
            "regexp_replace", pattern=pattern, replacement=new if regex else new.replace("\\", "\\\\"), all=n == -1
        )

    def fullmatch(self, pattern: str, *, case: bool = True, na: bool | None = None) -> Series:
        """Whether a regular expression (RE2) matches the whole text; ``na`` is what null gives."""
        return self.contains(f"^(?:{pattern})$", case=case, na=na)

    def match(self, pattern: str, *, case: bool = True, na: bool | None = None) -> Series:
        """Whether a regular expression (RE2) matches at the start; ``na`` is what null gives."""
        return self.contains(f"^(?:{pattern})", case=case, na=na)

    def count(self, pattern: str) -> Series:
        """Count the matches of a regular expression (RE2)."""
        return self._call("regexp_count", pattern=pattern)

    def find(self, part: str) -> Series:
        """0-based place of the first occurrence, -1 without."""
        return self._call("position", part) - 1

    def rfind(self, sub: str) -> Series:
        """0-based place of the last occurrence, -1 without."""
        if not sub:
            return self.len()
        at = call("position", call("reverse", self._column.expr), literal(sub[::-1]))
        behind = call("subtract", call("length", self._column.expr), call("add", at, literal(len(sub) - 1)))
        found = (call("greater", at, literal(0)), behind)
        return self._column.derive(case([found, (call("equal", at, literal(0)), literal(-1))]))

    def pad(self, width: int, side: str = "left", fillchar: str = " ") -> Series:
        """Pad to so many code points on one side (``left``, ``right``) or ``both``; longer texts stay."""
        if side == "both":
            return self.center(width, fillchar)
        functions = {"left": "lpad", "right": "rpad"}
        if side not in functions:
            raise PlanError(f"str.pad takes side='left', 'right' or 'both', not {side!r}")
        return self._padded(functions[side], literal(width), fillchar)

    def center(self, width: int, fillchar: str = " ") -> Series:
        """Pad at both ends to so many code points; where one end gets more, it is Python's choice."""
        size = call("length", self._column.expr)
        missing = call("greatest", call("subtract", literal(width), size), literal(0))
        odd = call("bitwise_and", missing, literal(width & 1)) if width & 1 else literal(0)
        before = call("add", call("floor_divide", missing, literal(2)), odd)
        inner = TextAccessor(self._padded("lpad", call("add", size, before), fillchar))
        return inner.pad(width, "right", fillchar)

    def _padded(self, function: str, width: Expr, fillchar: str) -> Series:
        padded = call(function, self._column.expr, width, literal(fillchar))
        long = call("greater", call("length", self._column.expr), width)
        return self._column.derive(case([(long, self._column.expr)], padded))

    def rjust(self, width: int, fillchar: str = " ") -> Series:
        """Pad at the start to so many code points."""
        return self.pad(width, "left", fillchar)

    def ljust(self, width: int, fillchar: str = " ") -> Series:
        """Pad at the end to so many code points."""
        return self.pad(width, "right", fillchar)

    def repeat(self, repeats: int) -> Series:
        """So many times after itself."""
        return self._call("repeat", repeats)

    def reverse(self) -> Series:
        """Code points backwards."""
        return self._call("reverse")

    def swapcase(self) -> Series:
        """Upper case where lower, lower case where upper."""
        return self._call("swapcase")

    def casefold(self) -> Series:
        """Lower case for comparison: ``"ß"`` becomes ``"ss"``."""
        return self._call("casefold")

    def title(self) -> Series:
        """Each word starts upper case and goes on lower case."""
        return self._call("title")

    def capitalize(self) -> Series:
        """First letter upper case, the rest lower case."""
        text = self._column.expr
        first = call("upper", call("left", text, literal(1)))
        return self._column.derive(call("concat", first, call("lower", call("substring", text, literal(2)))))

    def encode(self, encoding: str = "utf-8") -> Series:
        """Bytes of a text in UTF-8."""
        return self._in_utf8("encode", encoding)

    def decode(self, encoding: str = "utf-8") -> Series:
        """Text of bytes in UTF-8; bytes that are none raise."""
        return self._in_utf8("decode", encoding)

    def _in_utf8(self, function: str, encoding: str) -> Series:
        if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise PlanError(f"str.{function} knows UTF-8 alone, not {encoding!r}; use vl.udf for others")
        return self._call(function)

    def md5(self) -> Series:
        """MD5 digest in hexadecimal digits."""
        return self._call("md5")

    def sha256(self) -> Series:
        """SHA-256 digest in hexadecimal digits."""
        return self._call("sha256")

    def to_datetime(self, date_format: str, *, errors: str = "raise") -> Series:
        """Read timestamps by a format of ``strptime``; with ``errors="coerce"`` what does not follow it gives null."""
        if errors not in ("raise", "coerce"):
            raise PlanError(f"to_datetime takes errors='raise' or 'coerce', not {errors!r}")
        return self._call("strptime" if errors == "raise" else "try_strptime", format=date_format)

    def cat(self, other: Any, sep: str = "", na_rep: str | None = None) -> Series:
        """Join with another text column or constant; null where one of them is, unless ``na_rep`` stands for it."""
        operands = [self._column.expr, self._column.operand(other)]
        if na_rep is not None:
            operands = [call("coalesce", one, literal(na_rep)) for one in operands]
        first, second = operands
        return self._column.derive(call("concat", first, *([literal(sep)] if sep else []), second))

    def __getitem__(self, part: Range | int) -> Series:
        if not isinstance(part, int | Range):
            raise TypeMismatch(f"a place in a text is a whole number or a slice, such as .str[0:3], not {part!r}")
        return self.get(part) if isinstance(part, int) else self.slice(part.start, part.stop, part.step)
