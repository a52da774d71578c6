"""Every ``python`` block of the documentation runs, page by page, and prints what the page says it prints.

The blocks of a page are one program, run in a folder that shows `examples/` and takes what the page writes.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, name, pages, snippets

PROGRAMS = [page for page in pages() if snippets(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PROGRAMS, ids=name)
def test_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for snippet in snippets(page.read_text(encoding="utf-8")):
        # Blank lines in front put the page's own line numbers into a traceback.
        code = compile("\n" * (snippet.line - 1) + snippet.code, str(page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, namespace)
        if snippet.output is not None:
            assert printed.getvalue().strip() == snippet.output.strip(), f"{name(page)}:{snippet.line}"


def test_a_block_takes_the_output_right_below_it_only() -> None:
    promised = "```python\nprint(1)\n```\n\n```text\n1\n```\n\n"
    text = promised + "```python\nprint(2)\n```\nwords\n```text\n3\n```\n```py\nshown\n```\n"
    first, second = snippets(text)
    assert (first.line, first.code, first.output) == (2, "print(1)\n", "1\n")
    assert (second.line, second.code, second.output) == (10, "print(2)\n", None)
