"""The shape of the repository as a package: links, version, start-up, and what a built wheel holds."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOMS = ("engine", "sql", "io", "ml", "deploy")
HEAVY = ("numba", "pandas", "xgboost", "dask", "distributed", "scipy", "matplotlib", "sqlglot")


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_a_relative_link(repository: Path, room: str) -> None:
    link = repository / "volley" / room
    assert link.is_symlink()
    assert link.readlink() == Path("..") / room
    assert (link / "__init__.py").is_file()


def test_links_are_committed_as_links(repository: Path) -> None:
    if not (repository / ".git").exists():
        return  # a source archive has no index to look into; the links themselves are tested above
    command = ["git", "ls-files", "--stage", *(f"volley/{room}" for room in ROOMS)]
    listing = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    modes = {line.split("\t")[1]: line.split()[0] for line in listing.splitlines()}
    assert modes == {f"volley/{room}": "120000" for room in ROOMS}


def test_import_is_light() -> None:
    code = "import sys, json, volley; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not set(json.loads(printed)).intersection(HEAVY)


def test_version_is_that_of_the_project_file(repository: Path) -> None:
    import volley

    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert volley.__version__ == project["version"]
    assert f"## {volley.__version__}" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_locked_dependency_is_exact(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    assert [line for line in lines if "==" not in line] == []


def test_wheel_holds_every_module(repository: Path, tmp_path: Path) -> None:
    # From a copy, so that the build leaves nothing behind, with the installed back end, so that it needs no network.
    source = tmp_path / "source"
    wanted = _copy_package(repository, source)
    build = "from setuptools import build_meta; import sys; print(build_meta.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, capture_output=True, text=True, check=True)
    (wheel,) = tmp_path.glob("volley_engine-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wanted <= names
    assert {f"volley/{room}/__init__.py" for room in ROOMS} <= names
    assert not [name for name in names if name.split("/")[0] in {*ROOMS, "tests", "benchmarks", "examples"}]


def _copy_package(repository: Path, source: Path) -> set[str]:
    """Copy what a wheel is built from, links as links; return the names that the wheel must hold."""
    import shutil

    caches = shutil.ignore_patterns("__pycache__")
    for folder in ("volley", *ROOMS):
        shutil.copytree(repository / folder, source / folder, symlinks=True, ignore=caches)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / file, source / file)
    wanted = {"volley/py.typed"}
    for folder in ("volley", *ROOMS):
        prefix = "volley" if folder == "volley" else f"volley/{folder}"
        files = (path for path in (source / folder).rglob("*.py") if not path.is_symlink())
        wanted |= {f"{prefix}/{path.relative_to(source / folder).as_posix()}" for path in files}
    return wanted
