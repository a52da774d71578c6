"""What the documentation repeats of the code is what the code says; ``python docs/generate.py`` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import volley as vl
from docs.generate import BLOCKS, COMMANDS, filled, generated_names
from tests.docs.markdown import ROOT, name
from volley.engine.expr.catalogue import FUNCTIONS
from volley.engine.frame.accessors import DatetimeAccessor, TextAccessor

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


def test_frame_spellings_of_the_catalogue_exist() -> None:
    homes = {"str": TextAccessor, "dt": DatetimeAccessor, None: vl.Series}
    missing = []
    for entry in FUNCTIONS.values():
        spelled = re.match(r"a(?:\.(str|dt))?\.(\w+)", entry.frame)
        if spelled and not hasattr(homes[spelled[1]], spelled[2]):
            missing.append(entry.frame)
    assert missing == []


def test_tables_survive_bars() -> None:
    assert "<code>a &#124; b</code>" in BLOCKS["functions"]()
    rows = [line for line in BLOCKS["functions"]().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {6}
