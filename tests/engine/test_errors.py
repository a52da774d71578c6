from __future__ import annotations

import errno
import inspect
import pickle

import pytest

from volley.engine import errors
from volley.engine.errors import ColumnNotFound, SqlError, VolleyError, is_temporary, suggestion

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]


@pytest.mark.parametrize("error", CLASSES)
def test_all_errors_are_volleys(error: type[Exception]) -> None:
    assert issubclass(error, VolleyError)


@pytest.mark.parametrize(
    "error",
    [
        ColumnNotFound("x", ["y"]),
        SqlError("bad", line=1, column=2, text="ab"),
        *(c("message") for c in CLASSES if c not in (ColumnNotFound, SqlError)),
    ],
    ids=lambda e: type(e).__name__,
)
def test_errors_travel_between_processes(error: VolleyError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("name", "available", "expected"),
    [
        ("dely", ["delay", "day"], "; did you mean 'delay'"),
        ("DELAY", ["delay"], "; did you mean 'delay'?"),
        ("zzz", ["a", "b"], "; available: a, b"),
        ("zzz", [f"{n}" for n in range(20)], "; available: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …"),
        ("zzz", [], "; there are no columns to choose from"),
    ],
)
def test_suggestion(name: str, available: list[str], expected: str) -> None:
    assert suggestion(name, available).startswith(expected)


def test_sql_errors_point_at_the_place() -> None:
    error = SqlError("no such column", line=2, column=8, text="select a,\n       b from t")
    assert str(error).splitlines() == ["no such column (line 2, column 8)", "         b from t", "         ^"]


def test_standard_errors_can_be_caught() -> None:
    assert issubclass(ColumnNotFound, AttributeError)
    assert issubclass(errors.DivisionByZero, ZeroDivisionError)
    assert issubclass(errors.ArithmeticOverflow, OverflowError)
    assert issubclass(errors.MemoryLimitExceeded, MemoryError)


def caused_by(cause: OSError) -> VolleyError:
    """Return an error as it is raised by code that says an operating system's error in its own words."""
    try:
        try:
            raise cause
        except OSError:
            raise errors.ReadError("cannot read") from None
    except VolleyError as error:
        return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.TemporaryFailure("another run"), True),
        (caused_by(ConnectionResetError()), True),
        (caused_by(TimeoutError()), True),
        (caused_by(OSError(errno.ENOSPC, "full")), True),
        (caused_by(FileNotFoundError(errno.ENOENT, "gone")), False),
        (caused_by(PermissionError()), False),
        (errors.ReadError("broken"), False),
        (errors.MemoryLimitExceeded("too much"), False),
    ],
)
def test_what_may_be_better_another_time(error: VolleyError, expected: bool) -> None:
    assert is_temporary(error) is expected
