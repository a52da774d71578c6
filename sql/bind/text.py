"""Functions of text in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.expr import Expr, Literal, call, case, literal
from .arguments import arguments, constant_text, counted_arguments, of_two
from .operators import as_text
from .structs import struct_of

if TYPE_CHECKING:
    from .expressions import ExpressionBinder


def _concat(binder: ExpressionBinder, node: Any) -> Expr:
    parts = [as_text(binder.bind(item)) for item in node.expressions]
    # The function skips nulls, the operator || does not; dialects differ and sqlglot marks which is meant.
    if node.args.get("coalesce"):
        parts = [
            part if isinstance(part, Literal) and part.value else call("coalesce", part, literal("")) for part in parts
        ]
    return call("concat", *parts)


def _trim(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression", "position"), "TRIM")
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "trim")
    extra = [] if node.expression is None else [binder.bind(node.expression)]
    return call(name, binder.bind(node.this), *extra)


def _regexp(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression", "flag"), "a regular expression")
    flags = _flags(binder, node.args.get("flag"), "ims")
    return _search(binder, node, f"(?{flags})" if flags else "", whole=isinstance(node, exp.RegexpFullMatch))


def _search(binder: ExpressionBinder, node: Any, start: str = "", *, whole: bool) -> Expr:
    """Return whether a regular expression matches, anywhere or the whole; it may differ by row."""
    text, pattern = binder.bind(node.this), binder.bind(node.expression)
    start, end = (f"^(?:{start}", ")$") if whole else (start, "")
    if isinstance(pattern, Literal) and isinstance(pattern.value, str):
        return call("regexp_matches", text, pattern=start + pattern.value + end)
    if not pattern.dtype.is_text:
        raise binder.source.error(node.expression, f"a regular expression must be text, not {pattern.dtype}")
    built = call("concat", literal(start), pattern, literal(end)) if start or end else pattern
    return call("regexp_matches_pattern", text, built)


def _glob(binder: ExpressionBinder, node: Any) -> Expr:
    pattern = constant_text(binder, node.expression, "a pattern of GLOB")
    return call("regexp_matches", binder.bind(node.this), pattern=f"(?s)^{_of_glob(pattern)}$")


def _of_glob(pattern: str) -> str:
    """Return the regular expression of ``*``, ``?``, ``[a-c]``, ``[!a]`` and characters escaped by a backslash."""
    parts, place = [], 0
    while place < len(pattern):
        sign = pattern[place]
        closing = pattern.find("]", place + 2) if sign == "[" else -1
        if sign == "\\" and place + 1 < len(pattern):
            place += 1
            parts.append(re.escape(pattern[place]))
        elif closing > 0:
            inner = pattern[place + 1 : closing]
            parts.append(f"[^{inner[1:]}]" if inner[0] == "!" else f"[{inner}]")
            place = closing
        else:
            parts.append({"*": ".*", "?": "."}.get(sign, re.escape(sign)))
        place += 1
    return "".join(parts)


def _flags(binder: ExpressionBinder, node: exp.Expr | None, known: str) -> str:
    if node is None:
        return ""
    flags = constant_text(binder, node, "flags of a regular expression")
    if set(flags) - set(known):
        raise binder.source.error(node, f"unknown flags {flags!r}; known are {', '.join(known)}")
    return flags


def _flagged(pattern: str, flags: str) -> str:
    return f"(?{flags}){pattern}" if flags else pattern


def _regexp_replace(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(
        node, ("this", "expression", "replacement", "modifiers", "single_replace"), "regexp_replace"
    )
    pattern = constant_text(binder, node.expression, "a regular expression")
    replacement = (
        "" if node.args.get("replacement") is None else constant_text(binder, node.args["replacement"], "a replacement")
    )
    flags = _flags(binder, node.args.get("modifiers"), "gims")
    # Other dialects replace every match; DuckDB's (and PostgreSQL's) flag g is what asks for it there.
    every = "g" in flags or binder.source.dialect not in ("duckdb", "postgres")
    pattern = _flagged(pattern, flags.replace("g", ""))
    return call("regexp_replace", binder.bind(node.this), pattern=pattern, replacement=replacement, all=every)


def _regexp_extract(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(
        node, ("this", "expression", "group", "parameters", "null_if_pos_overflow"), "regexp_extract"
    )
    pattern = constant_text(binder, node.expression, "a regular expression")
    pattern = _flagged(pattern, _flags(binder, node.args.get("parameters"), "ims"))
    asked = node.args.get("group")
    if isinstance(asked, exp.Array):
        return _named_groups(binder, node, pattern, asked)
    group = literal(0) if asked is None else binder.bind(asked)
    if not isinstance(group, Literal) or not isinstance(group.value, int):
        raise binder.source.unsupported(node, "a group that is neither a constant number nor a list of names")
    return call("regexp_extract", binder.bind(node.this), pattern=pattern, group=group.value)


def _named_groups(binder: ExpressionBinder, node: Any, pattern: str, names: exp.Array) -> Expr:
    """Return a struct of what the first groups matched; of a null text, null."""
    text = binder.bind(node.this)
    fields = [constant_text(binder, name, "the name of a group") for name in names.expressions]
    groups = [call("regexp_extract", text, pattern=pattern, group=number) for number in range(1, len(fields) + 1)]
    return case([(call("is_not_null", text), struct_of(binder, node, fields, groups))])


def _regexp_split(binder: ExpressionBinder, node: Any) -> Expr:
    text, pattern = counted_arguments(binder, node, 2)
    return call("regexp_split", binder.bind(text), pattern=constant_text(binder, pattern, "a regular expression"))


def _concat_ws(binder: ExpressionBinder, node: Any) -> Expr:
    return call("concat_ws", *(as_text(binder.bind(part)) for part in node.expressions))


def _pad(binder: ExpressionBinder, node: Any) -> Expr:
    fill = literal(" ") if node.args.get("fill_pattern") is None else binder.bind(node.args["fill_pattern"])
    name = "lpad" if node.args.get("is_left") else "rpad"
    return call(name, binder.bind(node.this), binder.bind(node.expression), fill)


def _position(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "substr"), "position")
    return call("position", binder.bind(node.this), binder.bind(node.args["substr"]))


def _character(binder: ExpressionBinder, node: Any) -> Expr:
    (code,) = counted_arguments(binder, node, 1)
    return call("character", binder.bind(code))


def _split(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression"), "split")
    return call("split", binder.bind(node.this), binder.bind(node.expression))


def _split_part(binder: ExpressionBinder, node: Any) -> Expr:
    return call("split_part", *(binder.bind(node.args.get(key)) for key in ("this", "delimiter", "part_index")))


def _sha2(binder: ExpressionBinder, node: Any) -> Expr:
    if node.args.get("length") is not None and node.args["length"].name not in ("0", "256"):
        raise binder.source.unsupported(node, "SHA-2 of another length than 256")
    return call("sha256", binder.bind(node.this))


def _format(binder: ExpressionBinder, node: Any) -> Expr:
    """Put values into a text: what holds plain braces only is joined, which is quick."""
    given = arguments(node)
    percent = isinstance(node, exp.Anonymous)
    if not given:
        raise binder.source.error(node, f"{binder.source.written(node)} needs a text to fill")
    form = constant_text(binder, given[0], "a format")
    values = [binder.bind(value) for value in given[1:]]
    pieces = form.split("{}")
    plain = (
        not percent and len(pieces) == len(values) + 1 and not any(sign in piece for piece in pieces for sign in "{}")
    )
    if not plain and values:
        return call("format_text", *values, form=form, percent=percent)
    if not plain:
        try:
            return literal(form % () if percent else form.format())
        except (ValueError, TypeError, IndexError, KeyError) as problem:
            raise binder.source.error(node, f"{form!r} cannot be filled without values: {problem}") from None
    parts: list[Expr] = []
    for piece, value in zip(pieces, [*values, None], strict=True):
        parts += [literal(piece)] if piece else []
        parts += [] if value is None else [as_text(value)]
    return call("concat", *parts) if parts else literal("")


def _extract_all(binder: ExpressionBinder, node: Any) -> Expr:
    given = arguments(node)
    pattern = constant_text(binder, given[1], "a regular expression")
    group = literal(0) if len(given) < 3 else binder.bind(given[2])
    if not isinstance(group, Literal) or not isinstance(group.value, int):
        raise binder.source.unsupported(node, "a group that is not a constant number")
    return call("regexp_extract_all", binder.bind(given[0]), pattern=pattern, group=group.value)


def _named(name: str) -> Callable[[ExpressionBinder, Any], Expr]:
    """Return a handler for a function that the parser knows by another name; what it adds to the call is left out."""
    return lambda binder, node: call(name, *(binder.bind(arg) for arg in arguments(node)[:1]))


def _to_base(binder: ExpressionBinder, node: Any) -> Expr:
    given = [binder.bind(arg) for arg in counted_arguments(binder, node, 2, 3)]
    return call("to_base", *given, *([] if len(given) > 2 else [literal(0)]))


def _like_escape(binder: ExpressionBinder, node: Any) -> Expr:
    text, pattern, escape = counted_arguments(binder, node, 3)
    folds, negates = "ilike" in str(node.name).lower(), str(node.name).lower().startswith("not_")
    made: exp.Expr = (exp.ILike if folds else exp.Like)(this=text, expression=pattern)
    made = exp.Escape(this=made, expression=escape)
    return binder.bind(exp.Not(this=exp.Paren(this=made)) if negates else made)


BY_NAME: dict[str, Callable[[ExpressionBinder, Any], Expr]] = {
    "regexp_split_to_array": _regexp_split,
    "string_split_regex": _regexp_split,
    "printf": _format,
    **dict.fromkeys(("like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape"), _like_escape),
    "to_base": _to_base,
}

SPECIAL: dict[type[exp.Expr], Callable[[ExpressionBinder, Any], Expr]] = {
    exp.Concat: _concat,
    exp.Trim: _trim,
    exp.Chr: _character,
    exp.ConcatWs: _concat_ws,
    exp.Initcap: lambda binder, node: call("title", binder.bind(node.this)),
    exp.Pad: _pad,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.RegexpSplit: _regexp_split,
    exp.SHA2: _sha2,
    exp.Split: _split,
    exp.SplitPart: _split_part,
    exp.StrPosition: _position,
    exp.RegexpLike: _regexp,
    exp.SimilarTo: lambda binder, node: _search(binder, node, whole=True),
    exp.Glob: _glob,
    exp.Format: _format,
    exp.RegexpExtractAll: _extract_all,
    exp.Levenshtein: of_two("levenshtein"),
    exp.JarowinklerSimilarity: of_two("jaro_winkler_similarity"),
    exp.ToBase64: _named("to_base64"),
    exp.FromBase64: _named("from_base64"),
    exp.Hex: _named("to_hex"),
    exp.Unhex: _named("from_hex"),
    exp.Encode: _named("encode"),
    exp.Decode: _named("decode"),
    exp.SHA: _named("sha1"),
    exp.RegexpFullMatch: _regexp,
}
