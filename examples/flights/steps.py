"""The Python step of the flights job: frames in, a frame out, lazily planned."""

from __future__ import annotations

import volley as vl


def by_destination(flown: vl.DataFrame) -> vl.DataFrame:
    """Return flights, mean delay in minutes and share of late arrivals per destination, the latest first."""
    found = flown.groupby(["dest", "destination"], dropna=False, as_index=False).agg(
        flights=("late", "size"), mean_delay=("arr_delay", "mean"), late=("late", "mean")
    )
    return found.sort_values("late", ascending=False)
