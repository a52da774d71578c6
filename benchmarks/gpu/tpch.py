"""TPC-H's 22 queries on the GPU device and the CPU device of this machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import volley as vl
from tests.support.tpc import frames, generate, texts
from volley.sql import query

from .measure import least_seconds

_LARGE = 40 << 30
"""Bytes of device memory from which on the columns that a query of scale 100 reads fit, with room to work."""


def scale_for(_: vl.Session) -> str:
    """Return the scale factor whose queries fit the device's memory."""
    from volley.engine.kernels.gpu.library import rmm

    _, total = rmm.mr.available_device_memory()
    return "100" if total >= _LARGE else "10"


def measured(
    session: vl.Session, data: Path, scale: str, wanted: Collection[int], repeat: int, *, cpu: bool
) -> Iterator[dict[str, Any]]:
    """Yield seconds of each query, and the bytes that crossed the bus in one run."""
    folder = data / scale
    if not folder.is_dir():
        folder.mkdir(parents=True)
        generate(folder, scale)
    for text in texts("tpch"):
        number = int(text.stem[1:])
        if number not in wanted:
            continue
        line: dict[str, Any] = {"query": number, "scale": scale, "device": session.device.name}
        line["seconds"] = least_seconds(lambda text=text: _answer(session, text, folder), repeat)
        before = session.device.account
        ours = _answer(session, text, folder)
        after = session.device.account
        assert before is not None
        assert after is not None
        moved = after.since(before)
        line |= {"to_device": moved.to_device, "to_host": moved.to_host, "spilled": moved.spilled}
        line |= {"kept": moved.kept, "retries": moved.retries, "splits": moved.splits}
        if cpu:
            line["cpu_seconds"] = least_seconds(
                lambda text=text: _answer(vl.Session(device="cpu"), text, folder), repeat
            )
            line["same_rows"] = ours.num_rows == _answer(vl.Session(device="cpu"), text, folder).num_rows
        yield line


def _answer(session: vl.Session, text: Path, folder: Path) -> pa.Table:
    with session:
        return query(text.read_text(), frames(folder)).to_arrow()
