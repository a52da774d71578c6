"""Functions that write texts and bytes in another way, and that compare texts letter by letter."""

from __future__ import annotations

from ... import dtypes
from ...dtypes import DataType, Kind
from ..rules import Rule, Types, all_as, reals, text_to
from .entry import Function, function

_TEXT, _BYTES, _NUMBER, _REAL = dtypes.string, dtypes.binary, dtypes.int64, dtypes.float64


def _bytes_or_text(result: DataType) -> Rule:
    """Return a rule from one text or byte string to a type."""

    def rule(types: Types) -> tuple[Types, DataType] | None:
        fits = len(types) == 1 and types[0].kind in (Kind.STRING, Kind.BINARY, Kind.NULL)
        return ((_BYTES if types[0].kind is Kind.BINARY else _TEXT,), result) if fits else None

    return rule


def _written(types: Types) -> tuple[Types, DataType] | None:
    """One whole number, text or byte string, to text."""
    if len(types) == 1 and types[0].is_integer:
        return (_NUMBER,), _TEXT
    return _bytes_or_text(_TEXT)(types)


def _of_bytes(types: Types) -> tuple[Types, DataType] | None:
    return ((_BYTES,), _TEXT) if len(types) == 1 and types[0].kind in (Kind.BINARY, Kind.NULL) else None


_ONE: tuple[tuple[str, Rule, str, str, bool], ...] = (
    ("octet_length", _bytes_or_text(_NUMBER), "octet_length strlen", "number of bytes, of a text in UTF-8", False),
    ("to_base64", _bytes_or_text(_TEXT), "to_base64 base64", "bytes in 64 signs", False),
    ("from_base64", text_to(_BYTES), "from_base64", "bytes that a text in 64 signs means", True),
    ("to_hex", _written, "hex to_hex", "bytes, or a whole number, in hexadecimal digits", False),
    ("from_hex", text_to(_BYTES), "unhex from_hex", "bytes that hexadecimal digits mean", True),
    ("to_binary", _written, "bin to_binary", "bytes, or a whole number, in binary digits", False),
    ("from_binary", text_to(_BYTES), "unbin from_binary", "bytes that binary digits mean", True),
    ("encode", text_to(_BYTES), "encode", "bytes of a text in UTF-8", False),
    ("decode", _of_bytes, "decode", "text of bytes in UTF-8", True),
    ("url_encode", text_to(_TEXT), "url_encode", "text as it stands in an address", False),
    ("url_decode", text_to(_TEXT), "url_decode", "text that stands in an address", False),
    ("strip_accents", text_to(_TEXT), "strip_accents", "letters without marks", False),
    ("nfc_normalize", text_to(_TEXT), "nfc_normalize", "text in Unicode's normal form C", False),
    ("sha1", text_to(_TEXT), "sha1", "SHA-1 digest in hexadecimal digits", False),
    (
        "format_bytes",
        all_as(_NUMBER, 1, _TEXT),
        "format_bytes pg_size_pretty formatreadablesize",
        "such as 1.2 MiB",
        False,
    ),
    ("format_decimal_bytes", all_as(_NUMBER, 1, _TEXT), "formatreadabledecimalsize", "such as 1.2 MB", False),
    ("factorial", all_as(_NUMBER, 1, dtypes.decimal(38, 0)), "factorial", "product of the numbers up to it", True),
    ("gamma", reals(1), "gamma", "gamma function", True),
    ("lgamma", reals(1), "lgamma", "logarithm of the gamma function", True),
    ("error", text_to(dtypes.null), "error", "raises an error of this text", True),
)
_TWO: tuple[tuple[str, DataType, str, str, bool], ...] = (
    ("levenshtein", _NUMBER, "levenshtein editdist3", "letters to put in, leave out or change", False),
    ("damerau_levenshtein", _NUMBER, "damerau_levenshtein", "as levenshtein, or neighbours to swap", False),
    ("hamming", _NUMBER, "hamming mismatches", "places at which texts of one length differ", True),
    ("jaccard", _REAL, "jaccard", "share of letters that both texts have", True),
    ("jaro_similarity", _REAL, "jaro_similarity", "likeness by letters at near places, 0 to 1", False),
    ("jaro_winkler_similarity", _REAL, "jaro_winkler_similarity", "the same, more for a common start", False),
)

CODINGS: tuple[Function, ...] = (
    *(function(name, rule, sql, "", summary, raises=raises) for name, rule, sql, summary, raises in _ONE),
    *(
        function(name, text_to(result, _TEXT), sql, "", summary, raises=raises)
        for name, result, sql, summary, raises in _TWO
    ),
    function("next_after", reals(2), "nextafter", "", "float next to the first towards the second"),
    function(
        "round_even",
        reals(2),
        "round_even roundbankers",
        "a.round(digits)",
        "rounded to so many digits, halves to even",
    ),
    function(
        "to_base",
        all_as(_NUMBER, 3, _TEXT),
        "to_base",
        "",
        "digits of a number to a base, at least so many",
        raises=True,
    ),
    function(
        "format_text",
        lambda types: (types, _TEXT),
        "format printf",
        "",
        "values put into a text, by {} or, for printf, by %",
        options=("form", "percent"),
        raises=True,
    ),
    function(
        "regexp_extract_all",
        text_to(dtypes.list_(_TEXT)),
        "regexp_extract_all",
        "a.str.findall(p)",
        "what a group of each match matched",
        options=("pattern", "group"),
    ),
)
