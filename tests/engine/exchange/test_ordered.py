import threading
from dataclasses import dataclass

import pytest

from volley.engine.exchange import OrderedDelivery, Stopped


@dataclass(frozen=True)
class Piece:
    """A stand-in for a device table: ordered delivery only looks at its bytes."""

    name: str
    nbytes: int = 10


def delivery(wanted=10**9, capacity=1000):
    seen = []

    def deliver(piece):
        seen.append(piece.name)
        return len(seen) < wanted

    return seen, OrderedDelivery(deliver, lambda: False, capacity)


def test_tables_arrive_in_task_order_whatever_the_order_of_making():
    seen, ordered = delivery()
    ordered.put(2, Piece("2a"))
    ordered.put(1, Piece("1a"))
    ordered.finish(1)
    ordered.put(0, Piece("0a"))
    ordered.put(0, Piece("0b"))
    assert seen == ["0a", "0b"]
    ordered.finish(0)
    assert seen == ["0a", "0b", "1a", "2a"]
    ordered.put(2, Piece("2b"))
    ordered.finish(2)
    assert seen[-1] == "2b"


def test_tasks_without_tables_do_not_hold_up_later_ones():
    seen, ordered = delivery()
    ordered.put(3, Piece("3"))
    for task in (2, 1, 0):
        ordered.finish(task)
    assert seen == ["3"]


def test_enough_stops_every_task():
    seen, ordered = delivery(wanted=1)
    ordered.put(0, Piece("0"))
    with pytest.raises(Stopped):
        ordered.put(1, Piece("1"))
    assert seen == ["0"]


def test_a_task_running_ahead_waits_until_there_is_room():
    seen, ordered = delivery(capacity=15)
    ordered.put(1, Piece("1a"))
    ordered.put(1, Piece("1b"))
    blocked = threading.Thread(target=ordered.put, args=(1, Piece("1c")))
    blocked.start()
    blocked.join(0.05)
    assert blocked.is_alive()
    ordered.finish(0)
    blocked.join(5)
    assert not blocked.is_alive()
    assert seen == ["1a", "1b", "1c"]


def test_cancelling_wakes_a_waiting_task():
    cancelled = threading.Event()
    ordered = OrderedDelivery(lambda _: True, cancelled.is_set, capacity=5)
    ordered.put(1, Piece("1a"))
    outcome = []

    def put():
        try:
            ordered.put(1, Piece("1b"))
        except Stopped:
            outcome.append("stopped")

    thread = threading.Thread(target=put)
    thread.start()
    cancelled.set()
    thread.join(5)
    assert outcome == ["stopped"]
