"""Moving tables between stages under a memory budget. Knows tables and bytes; must not know plans or operators.

What moves them between processes is had from its modules, `calls`, `relay` and `transfer`: they load `asyncio`, which a
run in this process does without.
"""

from .memory import MemoryAccount
from .ordered import OrderedDelivery, Stopped
from .pieces import in_pages
from .spool import BucketPart, Spool, Spools
from .store import BucketStore, OutputId, belongs

__all__ = [
    "BucketPart",
    "BucketStore",
    "MemoryAccount",
    "OrderedDelivery",
    "OutputId",
    "Spool",
    "Spools",
    "Stopped",
    "belongs",
    "in_pages",
]
