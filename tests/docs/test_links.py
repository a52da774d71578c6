"""Relative links between pages, pictures and files point at something that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import links, name, pages

ELSEWHERE = ("http://", "https://", "mailto:", "#", "data:")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_relative_links_exist(page: Path) -> None:
    targets = [target for target in links(page.read_text(encoding="utf-8")) if not target.startswith(ELSEWHERE)]
    missing = [target for target in targets if not (page.parent / target.split("#")[0]).exists()]
    assert not missing


def test_links_in_code_blocks_are_not_links() -> None:
    text = '[a](b.md) ![p](c.png)\n```md\n[no](no.md)\n```\n<img src="d.svg">'
    assert list(links(text)) == ["b.md", "c.png", "d.svg"]
