"""Methods that only pandas has: the rows are brought into it, all of them, so that they suit small results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _method(name: str, what: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return getattr(self.to_pandas(), name)(*args, **options)

    method.__name__ = name
    method.__doc__ = f"Run the plan, bring all rows into pandas and {what}."
    return method


class ThroughPandas:
    """Methods of frames and columns that bring all rows into pandas."""

    __slots__ = ()

    to_string = _method("to_string", "return them as a text")
    to_latex = _method("to_latex", "return them as LaTeX")
    to_pickle = _method("to_pickle", "write them as a pickled pandas object")
    to_sql = _method("to_sql", "write them into a database")
    hist = _method("hist", "draw histograms")
    unstack = _method("unstack", "turn the innermost index level into columns")

    @property
    def plot(self) -> Any:
        """Run the plan, bring all rows into pandas and return its plots: ``plot.bar()``, ``plot(x=…, y=…)``."""
        return self.to_pandas().plot  # type: ignore[attr-defined]  # of the class that this one is part of


class FrameThroughPandas(ThroughPandas):
    """Methods of frames that bring all rows into pandas."""

    __slots__ = ()

    to_html = _method("to_html", "return them as HTML")
    to_records = _method("to_records", "return them as a numpy array of records")
    to_stata = _method("to_stata", "write a Stata file")
    to_feather = _method("to_feather", "write a Feather file (`to_ipc` does without pandas)")
    boxplot = _method("boxplot", "draw boxes of their quartiles")
    transpose = _method("transpose", "return their transpose")
    stack = _method("stack", "turn columns into an index level")

    @property
    def T(self) -> Any:  # noqa: N802  # as pandas calls it
        """Run the plan, bring all rows into pandas and return their transpose."""
        return self.transpose()

    @property
    def style(self) -> Any:
        """Run the plan, bring all rows into pandas and return its styler."""
        return self.to_pandas().style  # type: ignore[attr-defined]  # of the class that this one is part of
