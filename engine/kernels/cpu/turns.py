"""How long a thread that comes back from a kernel may wait for the interpreter's lock.

Python asks a thread that holds it to let go after 5 ms, in which a thread here would do a dozen kernels' work.
"""

from __future__ import annotations

import sys

_PYTHONS_OWN = 0.005
_OURS = 0.0005


def shorten_turns() -> bool:
    """Have the lock asked for after half a millisecond; return whether this was set, not where somebody chose another.

    It holds for the whole process. Two threads took 2 to 10 % less time for queries over Parquet files, and shorter
    turns brought no more (``docs/adr/0014-several-calls-at-once.md``).
    """
    if sys.getswitchinterval() != _PYTHONS_OWN:
        return False
    sys.setswitchinterval(_OURS)
    return True
