"""Records are dataclasses: equal, hashed, copied and pickled by their fields, whatever else is kept on them."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from volley.engine import dtypes
from volley.engine.expr import Column, columns_of
from volley.engine.records import dataclass, refitted, replace
from volley.engine.traversal import kinds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two numbers and their sum, which is found and not given."""

    left: int
    right: int = 1
    total: int = dataclasses.field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", self.left + self.right)


@dataclass(frozen=True)
class Hashed:
    """Has a hash of its own."""

    value: list[int]

    def __hash__(self) -> int:
        return 7


def test_records_are_equal_and_hashed_by_their_fields() -> None:
    assert Pair(left=1) == Pair(left=1, right=1)
    assert len({Pair(left=1), Pair(left=1), Pair(left=2)}) == 2
    assert hash(Hashed([1])) == 7
    assert not hasattr(Pair(left=1), "__dict__")


def test_replacing_a_field_finds_anew_what_is_found_of_them() -> None:
    pair = replace(Pair(left=1, right=2), left=5)
    assert (pair.left, pair.right, pair.total) == (5, 2, 7)
    with pytest.raises(TypeError, match="total"):
        replace(pair, total=3)
    with pytest.raises(TypeError, match="middle"):
        replace(pair, middle=3)


def test_refitting_a_field_leaves_what_was_found_of_them_as_it_is() -> None:
    pair = Pair(left=1, right=2)
    made = refitted(pair, left=5)
    assert (made.left, made.right, made.total) == (5, 2, 3)
    assert (pair.left, pair.total) == (1, 3)
    node = Column(name="a", dtype=dtypes.int64)
    kinds_of(node)
    assert not hasattr(refitted(node, name="b"), "kinds")


def test_copies_have_the_fields_and_nothing_that_was_found() -> None:
    node = Column(name="a", dtype=dtypes.int64)
    kinds_of(node)
    columns_of(node)
    for made in (copy.copy(node), copy.deepcopy(node), pickle.loads(pickle.dumps(node)), replace(node)):
        assert made == node
        assert not hasattr(made, "kinds")
        assert not hasattr(made, "facts")
