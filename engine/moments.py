"""Moments: the one that others are counted from, and the spellings that people write."""

from __future__ import annotations

import datetime as dt
import re

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # by clocks of no zone
_MOMENT = re.compile(r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?:([ T])(\d{1,2})(:.*))?")


def moment_of(text: str) -> dt.datetime:
    """Return the moment that an ISO text means, whose date may lack zeros: ``2024-1-31 12:30``.

    Raises
    ------
    ValueError
        If it means none.
    """
    written = text.strip()
    if found := _MOMENT.fullmatch(written):
        year, month, day, between, hour, rest = found.groups()
        written = f"{year:0>4}-{month:0>2}-{day:0>2}" + (f"{between}{hour:0>2}{rest}" if between else "")
    return dt.datetime.fromisoformat(written)
