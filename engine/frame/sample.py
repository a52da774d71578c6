"""``sample``: rows chosen by a hash of their place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from .. import dtypes
from ..errors import PlanError
from ..expr import Column, NamedExpr, SortKey, call, literal
from ..plan import Filter, Limit, MapBatches, NamedWindow, Plan, Project, Sort, Window, window_call
from ..schema import Field

if TYPE_CHECKING:
    from .frame import DataFrame

_PLACE, _CHANCE = "__place", "__chance"
_COLUMN = Column(name=_CHANCE, dtype=dtypes.float64)


def sampled(frame: DataFrame, n: int | None, frac: float | None, random_state: int | None) -> DataFrame:
    """Return some rows of a frame by chance; see `DataFrame.sample`."""
    return frame.with_plan(sampled_plan(frame.plan, n, frac, random_state), index=frame.index)


def sampled_plan(plan: Plan, n: int | None, frac: float | None, random_state: int | None) -> Plan:
    """Return some rows of a plan by chance: ``n`` rows (default 1), or each with the chance ``frac``."""
    if n is not None and frac is not None:
        raise PlanError("sample takes n or frac, not both")
    if n is not None and n < 0:
        raise PlanError(f"sample cannot take {n} rows")
    if frac is not None and not 0 <= frac <= 1:
        raise PlanError(f"frac is a share between 0 and 1, not {frac}; rows are never taken twice")
    drawn, chance = with_chance(plan, _seed(random_state))
    if frac is None:
        drawn = Limit(input=Sort(input=drawn, keys=(SortKey(expr=chance),)), count=1 if n is None else n)
    else:
        drawn = Filter(input=drawn, predicate=call("less", chance, literal(float(frac))))
    own = tuple(NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in plan.schema)
    return Project(input=drawn, exprs=own)


def with_chances(frame: DataFrame, random_state: int | None) -> tuple[DataFrame, Column]:
    """Return the frame with a number between 0 and 1 beside each row, which its place and the state decide."""
    plan, chance = with_chance(frame.plan, _seed(random_state))
    return frame.with_plan(plan), chance


def _seed(random_state: int | None) -> int:
    return int(np.random.default_rng(random_state).integers(2**63))


def with_chance(plan: Plan, seed: int) -> tuple[Plan, Column]:
    """Return a plan with a number between 0 and 1 beside each row, which its place and the seed decide."""
    place = NamedWindow(name=_PLACE, call=window_call("row_number"))
    drawn = MapBatches(
        input=Window(input=plan, functions=(place,), keeps_order=True),
        label="chances",
        function=partial(_chances, seed=seed),
        adds=(Field(_CHANCE, dtypes.float64, nullable=False),),
        reads=(_PLACE,),
        keeps=True,
    )
    return drawn, _COLUMN


def _chances(table: pa.Table, *, seed: int) -> pa.Table:
    """Map places to [0, 1): SplitMix64 (Steele, Lea and Flood, 2014) from the seed, 53 bits of it."""
    x = table[_PLACE].to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return pa.table({_CHANCE: (x >> np.uint64(11)) * 2.0**-53})
