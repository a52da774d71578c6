"""A screen that remembers what a shell shows."""

from __future__ import annotations

from volley.engine.frame import DataFrame


class Remembered:
    """Shows a result as the list of its rows; keeps results, messages and errors apart and in order."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.errors: list[str] = []
        self.exported: dict[str, list[dict[str, object]]] = {}

    @property
    def text(self) -> str:
        return "".join(self.shown)

    def render(self, frame: DataFrame, *, action: bool) -> str:
        rows = frame.to_arrow().to_pylist()
        return f"did {rows}\n" if action else f"{rows}\n"

    def present(self, text: str) -> None:
        self.shown.append(text)

    def say(self, text: str) -> None:
        self.shown.append(f"{text}\n")

    def complain(self, text: str) -> None:
        self.errors.append(text)

    def export(self, frame: DataFrame, path: str) -> None:
        self.exported[path] = frame.to_arrow().to_pylist()
