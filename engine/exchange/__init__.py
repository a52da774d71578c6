"""Moving tables between stages under a memory budget. Knows tables and bytes; must not know plans or operators."""

from .memory import MemoryAccount
from .ordered import OrderedDelivery, Stopped

__all__ = ["MemoryAccount", "OrderedDelivery", "Stopped"]
