"""The page about jobs names every key there is, and its example and the shipped jobs are valid."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from volley.deploy.job.load import load_job
from volley.deploy.job.spec import JobSpec, PreprocessorSpec

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")


def sections(section: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a section and all sections in it."""
    yield section
    for field in section.model_fields.values():
        queue: list[object] = [field.annotation]
        while queue:
            found = queue.pop()
            queue.extend(typing.get_args(found))
            if isinstance(found, type) and issubclass(found, BaseModel):
                yield from sections(found)


def test_every_key_stands_on_the_page() -> None:
    keys = {name for s in sections(JobSpec) if s is not PreprocessorSpec for name in s.model_fields}
    missing = [key for key in sorted(keys) if not re.search(rf"(?<!\w){key}(?!\w)", PAGE)]
    assert len(keys) > 50
    assert missing == []


def test_the_example_on_the_page_is_a_valid_job(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "job.yaml"
    path.write_text(example)
    assert load_job(path, environment={}).spec.name == "Late flights"


@pytest.mark.parametrize("name", ["census", "flights"])
def test_shipped_jobs_are_valid(name: str) -> None:
    assert load_job(ROOT / "examples" / name / "job.yaml", environment={}).spec.train is not None
