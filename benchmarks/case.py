"""What a case is: a question, the data it is asked of, and one function per engine that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

Call: TypeAlias = Callable[[], Any]
"""Computes the answer once, from the files or the rows in memory to a materialised table; this is what is timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What an engine's function is given.

    Parameters
    ----------
    threads
        How many threads the engine may use.
    files
        Paths of Parquet files by table name.
    tables
        Rows in memory by table name.
    device
        What engines that can choose compute on: ``cpu`` or ``gpu``.
    """

    threads: int
    device: str = "cpu"
    files: Mapping[str, Path] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


Prepare: TypeAlias = Callable[[Bench], Call]
"""Connects, registers and converts what the engine needs beforehand (not timed) and returns the call to be timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question put to several engines.

    Parameters
    ----------
    name, about
        How it is chosen on the command line, and what it does in one line.
    engines
        How each engine answers; all answers must have the same columns.
    files
        Tables of a suite, or generated ones, that it reads from Parquet.
    suite
        Whose tables those are, ``tpch`` or ``tpcds``: both have one called customer.
    memory
        Generated tables that it finds in memory as Arrow.
    keys
        Columns that identify a row of the answer; answers are put in their order before they are compared. Empty where
        the order of the rows is part of the answer, or where there is one row.
    tolerances
        Allowed relative difference of columns where more than rounding may differ.
    only_named
        Whether it runs only where it is asked for by its name.
    """

    name: str
    about: str
    engines: Mapping[str, Prepare]
    files: tuple[str, ...] = ()
    suite: str = "tpch"
    memory: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    tolerances: Mapping[str, float] = field(default_factory=dict)
    only_named: bool = False
