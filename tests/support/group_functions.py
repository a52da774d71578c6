"""Users' functions of groups that several suites call."""

from __future__ import annotations

import volley as vl


@vl.udf(compile=True)
def energy(values):
    total = 0.0
    for value in values:
        total += value * value
    return total
