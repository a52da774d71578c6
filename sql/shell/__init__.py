"""The prompt of ``volley sql``. Knows the binder and sessions; must not know how results are formatted."""

from .loop import WELCOME, Shell, run_shell

__all__ = ["WELCOME", "Shell", "run_shell"]
