"""The machines that are assumed, and what a message and a task are assumed to cost; sources beside each number."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..record import FOLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A cluster of nodes with GPUs, one worker of one thread for each GPU; bytes and seconds.

    Attributes
    ----------
    nvlink, nic
        Bytes a second and direction of one GPU to others of its node, and of its network card to other nodes.
    storage
        Bytes a second that one GPU reads of files when all of them do.
    decode
        Bytes a second of rows that one GPU makes of stored ones.
    pass_over
        Bytes a second that go through one operator (a filter, a join's probe, an aggregate) of one GPU.
    memory
        Bytes of one GPU.
    message
        Seconds that a message of the exchange costs the Python of each of its two ends.
    task
        Seconds that a task costs the scheduler's one thread.
    client_task
        Seconds that a task costs the client's Dask threads.
    pickled
        Bytes a second that the scheduler takes in and sends on.
    """

    nodes: int = 64
    gpus: int = 8
    nvlink: float = 450e9  # NVLink 4: 900 GB/s in both directions (H100 SXM data sheet)
    nic: float = 50e9  # one ConnectX-7 of 400 Gb/s for each GPU (DGX H100 user guide)
    storage: float = 5e9  # 40 GB/s for a node: two 400 Gb/s storage cards (DGX H100) at four tenths of their rate
    decode: float = 50e9  # Parquet decoded on an H100, of rows: an assumption, to be replaced by a measurement
    pass_over: float = 100e9  # 1/33 of 3.35 TB/s of HBM3 (H100 SXM data sheet): hashing and gathering read at random
    memory: float = 80e9  # H100 SXM data sheet
    message: float = 0.4e-3
    task: float = 0.75e-3
    client_task: float = 0.25e-3
    pickled: float = 500e6  # a Dask comm over TCP moves pickled tasks no faster

    @property
    def workers(self) -> int:
        """Workers in all."""
        return self.nodes * self.gpus

    def about(self) -> dict[str, float]:
        """Return the assumptions."""
        return asdict(self)


def measured() -> dict[str, float]:
    """Return what the cluster's record says that a task and a message cost, as options of `Hardware`."""
    path = FOLDER / "cluster.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    names = {
        "task": "scheduler ms per task",
        "client_task": "client ms per task",
        "message": "exchange ms per message",
    }
    return {ours: known[theirs] / 1e3 for ours, theirs in names.items() if theirs in known}
