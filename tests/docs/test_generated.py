"""What the documentation repeats of the code is what the code says; ``python docs/generate.py`` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import BLOCKS, COMMANDS, filled, frame_spelling, generated_names
from tests.docs.markdown import ROOT, name

PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if generated_names(page.read_text(encoding="utf-8"))]
_OPTION_WITH_VALUE = re.compile(r"(--[\w-]+|-\w) [A-Z.]+(?=, -)")


def plain(text: str) -> str:
    """Return a text without its line breaks, and help texts as every version of Python words them."""
    return " ".join(_OPTION_WITH_VALUE.sub(r"\1", text).split())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_generated_blocks_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert plain(text) == plain(filled(text)), "run: python docs/generate.py"


def test_a_changed_block_is_noticed() -> None:
    text = "before\n<!-- generated: aggregates -->\nold\n<!-- end of aggregates -->\nafter"
    made = filled(text)
    assert generated_names(text) == ["aggregates"]
    assert made != text
    assert made == filled(made)
    assert made.startswith("before\n<!-- generated: aggregates -->\n\n| name |")
    assert made.endswith("|\n\n<!-- end of aggregates -->\nafter")


def test_every_block_stands_on_a_page() -> None:
    shown = {block for page in PAGES for block in generated_names(page.read_text(encoding="utf-8"))}
    assert set(BLOCKS) == shown
    assert {f"volley {command} help".replace("  ", " ") for command in COMMANDS} <= shown


@pytest.mark.parametrize(
    ("spelled", "shown"),
    [
        ("a + b", "a + b"),
        ("a.log2()", "a.log2()"),
        ("a.str.len()", "a.str.len()"),
        ("a.dt.floor(unit)", "a.dt.floor(unit)"),
        ("a.nothing_of_the_kind()", ""),
        ("a.dt.nothing_of_the_kind", ""),
    ],
)
def test_a_spelling_is_shown_where_columns_have_it(spelled: str, shown: str) -> None:
    assert frame_spelling(spelled) == shown


def test_tables_survive_bars() -> None:
    assert "<code>a &#124; b</code>" in BLOCKS["functions"]()
    rows = [line for line in BLOCKS["functions"]().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {9}
