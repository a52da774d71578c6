"""Just enough of Markdown for the documentation's tests: its pages, fenced blocks and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>[\w+-]*)[^\n]*\n(?P<body>.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)|(?:src|href)=\"(?P<attribute>[^\"]+)\"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A ``python`` block, where it starts, and the ``text`` block right below it: the output it promises."""

    line: int
    code: str
    output: str | None


def pages() -> list[Path]:
    """Return every Markdown page that people read."""
    folders = ("docs", "examples")
    return sorted([*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))])


def name(page: Path) -> str:
    """Return the page's path from the root, as a test's id."""
    return page.relative_to(ROOT).as_posix()


def snippets(text: str) -> list[Snippet]:
    """Return the ``python`` blocks of a page in order."""
    blocks = list(_FENCE.finditer(text))
    found = []
    for number, block in enumerate(blocks):
        if block["language"] != "python":
            continue
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        promised = (
            following is not None
            and following["language"] == "text"
            and not text[block.end() : following.start()].strip()
        )
        found.append(
            Snippet(
                line=text.count("\n", 0, block.start()) + 2,
                code=block["body"],
                output=following["body"] if promised and following is not None else None,
            )
        )
    return found


def links(text: str) -> Iterator[str]:
    """Yield the targets of links and images outside code blocks."""
    for match in _LINK.finditer(_FENCE.sub("", text)):
        yield match["target"] or match["attribute"]
