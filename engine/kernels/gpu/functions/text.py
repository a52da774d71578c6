"""Functions of text: code points, not bytes.

libcudf's tables for letters beyond ASCII are its own, so ``lower``, ``upper`` and what stands on them are computed
there only where all of a column is ASCII, which is seen by comparing bytes with code points. Its regular expressions
are nearly RE2's; ``patterns`` says which are the same in both.
"""

from __future__ import annotations

from typing import Any

from .... import dtypes
from ....expr import Call, Literal
from ....expr.like import like_parts
from ..columns import Op, Value, any_true, binary, cast, constant, filled, full, nulls, truth, where_valid
from ..fallback import on_cpu as computed_on_cpu
from ..library import plc
from ..memory import run
from ..types import INT32, INT64
from . import patterns
from .registry import Kernel, constant_within, constants, literal, on_cpu, scalar

_strings = plc.strings
_EMPTY = ""

on_cpu("libcudf maps characters by a table for the whole column only", "translate")
on_cpu("libcudf has no function for it", "code_point", "character", "like_pattern", "regexp_matches_pattern")
on_cpu("its numbers must be those of every device", "hash")
on_cpu("libcudf splits at patterns in another way", "regexp_split")


def _size(value: int | None) -> plc.Scalar:
    return constant(value, dtypes.int32)


@scalar("length")
def length(_: Call, args: list[Value], rows: int) -> plc.Column:
    """Count code points."""
    return cast(run(_strings.attributes.count_characters, full(args, rows)[0]), INT64)


def is_ascii(text: plc.Column) -> bool:
    """Return whether a column holds ASCII only; waits for the device."""
    size = run(_strings.attributes.count_bytes, text)
    return not any_true(truth(size, run(_strings.attributes.count_characters, text), Op.NOT_EQUAL))


def _of_ascii(function: Any) -> Kernel:
    def converted(call: Call, args: list[Value], rows: int) -> plc.Column:
        [text] = full(args, rows)
        return run(function, text) if is_ascii(text) else computed_on_cpu(call, [(call.args[0], text)], rows)

    return converted


scalar("lower")(_of_ascii(_strings.case.to_lower))
scalar("upper")(_of_ascii(_strings.case.to_upper))
scalar("swapcase")(_of_ascii(_strings.case.swapcase))
scalar("casefold")(_of_ascii(_strings.case.to_lower))
scalar("title")(_of_ascii(_strings.capitalize.title))


@scalar("reverse")
def reverse(_: Call, args: list[Value], rows: int) -> plc.Column:
    """Code points backwards."""
    return run(_strings.reverse.reverse, full(args, rows)[0])


def _trimming(side: Any) -> Kernel:
    def trimmed(call: Call, args: list[Value], rows: int) -> plc.Column:
        [text] = full(args[:1], rows)
        characters = literal(call, 1) if len(call.args) > 1 else " "
        # Of no characters libcudf makes white space.
        return run(_strings.strip.strip, text, side, constant(characters, dtypes.string)) if characters else text

    return trimmed


_Side = _strings.side_type.SideType
for _name, _side in (("trim", _Side.BOTH), ("ltrim", _Side.LEFT), ("rtrim", _Side.RIGHT)):
    scalar(_name, refuses=constants(1))(_trimming(_side))


def _sliced(text: plc.Column, start: int | None, stop: int | None) -> plc.Column:
    # A missing stop is zero to pylibcudf; a null one is the end.
    return run(_strings.slice.slice_strings, text, _size(start), _size(stop), _size(1))


def _refuses_substring(call: Call) -> str | None:
    why = constants(1, 2)(call)
    if why is None and (literal(call, 1) < 1 or (len(call.args) > 2 and literal(call, 2) < 0)):
        return "it counts from the end or backwards"
    if why is None and any(literal(call, place) > _LONGEST for place in range(1, len(call.args))):
        return "it counts beyond 31 bits"
    return why


_LONGEST = 2**30


@scalar("substring", refuses=_refuses_substring)
def substring(call: Call, args: list[Value], rows: int) -> plc.Column:
    """From a 1-based position, for a number of code points."""
    start = literal(call, 1) - 1
    stop = start + literal(call, 2) if len(call.args) > 2 else None
    return _sliced(full(args[:1], rows)[0], start, stop)


@scalar("left", refuses=constant_within(1, _LONGEST))
def left(call: Call, args: list[Value], rows: int) -> plc.Column:
    """So many code points from the start, or all but so many where negative."""
    return _sliced(full(args[:1], rows)[0], 0, literal(call, 1))


@scalar("right", refuses=constant_within(1, _LONGEST))
def right(call: Call, args: list[Value], rows: int) -> plc.Column:
    """So many code points from the end, or all but so many where negative."""
    [text], count = full(args[:1], rows), literal(call, 1)
    return _sliced(text, -count, None) if count else _sliced(text, 0, 0)


@scalar("concat")
def concat(_: Call, args: list[Value], rows: int) -> plc.Column:
    """Texts joined; null where one is."""
    texts = plc.Table(full(args, rows))
    mark, missing = constant(_EMPTY, dtypes.string), constant(None, dtypes.string)
    return run(_strings.combine.concatenate, texts, mark, missing)


@scalar("concat_ws", refuses=constants(0, nullable=True))
def concat_ws(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Texts joined by a constant, nulls left out."""
    if literal(call, 0) is None:
        return nulls(dtypes.string, rows)
    texts = full(args[1:], rows)
    if not texts:
        return full([constant(_EMPTY, dtypes.string)], rows)[0]
    skip = _strings.combine.SeparatorOnNulls.NO
    mark, empty = constant(literal(call, 0), dtypes.string), constant(_EMPTY, dtypes.string)
    return run(_strings.combine.concatenate, plc.Table(texts), mark, empty, None, skip)


@scalar("replace", refuses=constants(1, 2))
def replace(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Each occurrence replaced; an empty text to look for changes nothing."""
    [text] = full(args[:1], rows)
    old, new = (constant(literal(call, place), dtypes.string) for place in (1, 2))
    return run(_strings.replace.replace, text, old, new) if literal(call, 1) else text


def _finding(function: Any) -> Kernel:
    def found(call: Call, args: list[Value], rows: int) -> plc.Column:
        [text] = full(args[:1], rows)
        if isinstance(args[1], plc.Scalar):
            return run(function, text, args[1]) if literal(call, 1) is not None else nulls(dtypes.bool_, rows)
        # Where the sought text is null libcudf answers false.
        return where_valid(run(function, text, args[1]), args[1], dtypes.bool_)

    return found


def _refuses_search(call: Call) -> str | None:
    both = all(not isinstance(argument, Literal) for argument in call.args)
    return None if both or isinstance(call.args[1], Literal) else "it looks for a column in a constant"


scalar("starts_with", refuses=_refuses_search)(_finding(_strings.find.starts_with))
scalar("ends_with", refuses=_refuses_search)(_finding(_strings.find.ends_with))
scalar("contains", refuses=_refuses_search)(_finding(_strings.find.contains))


@scalar("position", refuses=constants(1))
def position(_: Call, args: list[Value], rows: int) -> plc.Column:
    """1-based code point where a text first occurs, 0 where it does not."""
    found = run(_strings.find.find, full(args[:1], rows)[0], args[1])
    return cast(binary(found, _size(1), Op.ADD, INT32), INT64)


@scalar("like")
def like(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Match an SQL pattern."""
    [text] = full(args, rows)
    pattern, escape = call.option("pattern"), call.option("escape")
    like_parts(pattern, escape)  # raises where the pattern ends in its escape character
    if call.option("fold"):
        if not pattern.isascii() or not is_ascii(text):
            return computed_on_cpu(call, [(call.args[0], text)], rows)
        if escape and escape.lower() != escape.upper():
            return computed_on_cpu(call, [(call.args[0], text)], rows)
        text, pattern = run(_strings.case.to_lower, text), pattern.lower()
    if escape:
        return run(_strings.contains.like, text, pattern, escape)
    return run(_strings.contains.like, text, pattern)


def _pattern(call: Call) -> str | None:
    return patterns.refusal(call.option("pattern"))


def _program(call: Call, pattern: str | None = None) -> plc.strings.regex_program.RegexProgram:
    flags = _strings.regex_flags.RegexFlags.DEFAULT
    return _strings.regex_program.RegexProgram.create(pattern or call.option("pattern"), flags)


@scalar("regexp_matches", refuses=_pattern)
def regexp_matches(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Whether a regular expression matches anywhere."""
    return run(_strings.contains.contains_re, full(args, rows)[0], _program(call))


def _matching_something(call: Call) -> str | None:
    return _pattern(call) or patterns.empty_refusal(call.option("pattern"))


@scalar("regexp_count", refuses=_matching_something)
def regexp_count(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Count the matches of a regular expression that do not overlap."""
    return cast(run(_strings.contains.count_re, full(args, rows)[0], _program(call)), INT64)


def _replacing(call: Call) -> str | None:
    return _matching_something(call) or ("it puts groups back" if "\\" in call.option("replacement") else None)


@scalar("regexp_replace", refuses=_replacing)
def regexp_replace(call: Call, args: list[Value], rows: int) -> plc.Column:
    """First match, or all, of a regular expression replaced by a text."""
    instead = constant(call.option("replacement"), dtypes.string)
    limit = -1 if call.option("all") else 1
    return run(_strings.replace_re.replace_re, full(args, rows)[0], _program(call), instead, limit)


@scalar("regexp_extract", refuses=_pattern)
def regexp_extract(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Return what a group of the first match matched (0: the whole), empty where there is no match."""
    [text] = full(args, rows)
    program = _program(call, f"({call.option('pattern')})")
    found = run(_strings.extract.extract_single, text, program, call.option("group"))
    return where_valid(filled(found, constant(_EMPTY, dtypes.string)), text, dtypes.string)


def _refuses_padding(call: Call) -> str | None:
    why = constants(1, 2)(call)
    if why is None and len(literal(call, 2)) != 1:
        return "it pads with more than one character"
    return why or ("it counts beyond 31 bits" if abs(literal(call, 1)) > _LONGEST else None)


def _padding(side: Any) -> Kernel:
    def padded(call: Call, args: list[Value], rows: int) -> plc.Column:
        [text], width = full(args[:1], rows), max(literal(call, 1), 0)
        return run(_strings.padding.pad, _sliced(text, 0, width), width, side, literal(call, 2))

    return padded


scalar("lpad", refuses=_refuses_padding)(_padding(_Side.LEFT))
scalar("rpad", refuses=_refuses_padding)(_padding(_Side.RIGHT))


@scalar("repeat", refuses=constant_within(1, _LONGEST))
def repeat(call: Call, args: list[Value], rows: int) -> plc.Column:
    """So many times after itself."""
    return run(_strings.repeat.repeat_strings, full(args[:1], rows)[0], max(literal(call, 1), 0))


def _refuses_split(call: Call) -> str | None:
    return constants(1)(call) or ("libcudf splits at white space there" if not literal(call, 1) else None)


@scalar("split", refuses=_refuses_split)
def split(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Pieces between separators."""
    mark = constant(literal(call, 1), dtypes.string)
    return run(_strings.split.split.split_record, full(args[:1], rows)[0], mark, -1)


def _digest(function: Any) -> Kernel:
    def digests(_: Call, args: list[Value], rows: int) -> plc.Column:
        [text] = full(args, rows)
        return where_valid(run(function, plc.Table([text])), text, dtypes.string)

    return digests


scalar("md5")(_digest(plc.hashing.md5))
scalar("sha1")(_digest(plc.hashing.sha1))
scalar("sha256")(_digest(plc.hashing.sha256))


@scalar("octet_length")
def octet_length(_: Call, args: list[Value], rows: int) -> plc.Column:
    """Count bytes, which are held as texts."""
    return cast(run(_strings.attributes.count_bytes, full(args, rows)[0]), INT64)


on_cpu(
    "libcudf codes no bytes that way",
    *("to_base64", "from_base64", "to_hex", "from_hex", "to_binary", "from_binary", "to_base", "encode", "decode"),
    *("url_encode", "url_decode", "to_uuid"),
)
on_cpu("libcudf knows no decompositions of letters", "strip_accents", "nfc_normalize")
on_cpu(
    "libcudf has no such distance of letters",
    *("levenshtein", "damerau_levenshtein", "hamming", "jaccard", "jaro_similarity", "jaro_winkler_similarity"),
)
on_cpu("libcudf writes numbers in other formats", "format_bytes", "format_decimal_bytes", "format_text")
on_cpu("libcudf gives the matches of a pattern in another way", "regexp_extract_all")
on_cpu(
    "libcudf reads documents by other rules",
    *("json_checked", "json_valid", "json_extract", "json_type", "json_array_length", "json_keys", "json_contains"),
    *("json_pretty", "to_json", "json_extract_all", "json_structure", "json_merge_patch", "json_each"),
)
on_cpu("it raises for its rows", "error")
on_cpu("libcudf gives null for a piece that is not there, and takes lists apart for it", "split_part")
