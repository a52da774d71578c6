"""Moving tables between stages under a memory budget. Knows tables and bytes; must not know plans or operators."""

from .memory import MemoryAccount
from .ordered import OrderedDelivery, Stopped
from .store import BucketStore, OutputId, belongs, in_pages
from .transfer import FETCH, Calls, Exchange, Request, RowsLost

__all__ = [
    "FETCH",
    "BucketStore",
    "Calls",
    "Exchange",
    "MemoryAccount",
    "OrderedDelivery",
    "OutputId",
    "Request",
    "RowsLost",
    "Stopped",
    "belongs",
    "in_pages",
]
