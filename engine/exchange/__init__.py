"""Moving tables between stages under a memory budget. Knows tables and bytes; must not know plans or operators."""

from .calls import Calls, Request, RowsLost
from .memory import MemoryAccount
from .ordered import OrderedDelivery, Stopped
from .pieces import in_pages
from .relay import DIRECT, FANOUT
from .spool import BucketPart, Spool, Spools
from .store import BucketStore, OutputId, belongs
from .transfer import FETCH, Exchange

__all__ = [
    "DIRECT",
    "FANOUT",
    "FETCH",
    "BucketPart",
    "BucketStore",
    "Calls",
    "Exchange",
    "MemoryAccount",
    "OrderedDelivery",
    "OutputId",
    "Request",
    "RowsLost",
    "Spool",
    "Spools",
    "Stopped",
    "belongs",
    "in_pages",
]
