"""Which regular expressions mean the same to RE2 and to libcudf.

Both know groups, character classes, anchors and repetition, and both look for the leftmost match; they differ in flags,
named groups, Unicode classes, word boundaries, escapes, and in how many repetitions they allow. Only patterns made of
what is known to agree go to the device; the rest is matched on the CPU.
"""

from __future__ import annotations

import re

_ALLOWED = re.compile(
    r"""(?x)
    (?: [A-Za-z0-9\ _,;:!@&=<>/~%"'\#-]          # characters that stand for themselves
      | \\[.\\^$|()\[\]{}*+?/-]                  # escaped ones
      | \.                                       # anything but a new line
      | \[\^?(?:[A-Za-z0-9\ _,;:!@&=<>/~%"'\#.*+?$|(){}]|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|\\[.\\\]\[-])+\]
      | \( (?!\?) | \((?=\?:)\?: | \) | \|
      | [*+?] (?! [*+?] )                        # greedy, once
      | \{[0-9]{1,3}(?:,[0-9]{0,3})?\} (?! [*+?] )
      | \^ | \$
    )*"""
)
_LARGEST_COUNT = 200


def refusal(pattern: str) -> str | None:
    """Return why a pattern is matched on the CPU, or None."""
    if not _ALLOWED.fullmatch(pattern):
        return "the pattern has parts that RE2 and libcudf may read differently"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"the pattern is left to RE2, which may refuse it: {error}"
    if "|" in pattern:
        return "alternatives are tried in an order of libcudf's own"
    if "$" in pattern[:-1] or "^" in re.sub(r"\[\^", "", pattern[1:]):
        return "an anchor stands within the pattern"
    if any(int(count) > _LARGEST_COUNT for count in re.findall(r"\{(\d+)", pattern)):
        return "libcudf limits how often a part may be repeated"
    return None


def empty_refusal(pattern: str) -> str | None:
    """Return why a pattern that may match nothing is counted and replaced on the CPU, or None."""
    if re.compile(pattern).match("") is not None or re.compile(pattern).search("\n") is not None:
        return "the pattern matches the empty text, of which each library counts other occurrences"
    return None
