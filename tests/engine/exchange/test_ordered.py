import threading
from dataclasses import dataclass

import pytest

from volley.engine.exchange import MemoryAccount, OrderedDelivery, Stopped


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


def test_tasks_running_ahead_hold_a_quarter_of_the_memory_and_no_more_than_a_table():
    waits = []

    def meanwhile():
        waits.append(memory.used)
        ordered.finish(0)
        return True

    memory = MemoryAccount(400)
    ordered = OrderedDelivery(lambda _: True, lambda: False, memory=memory, meanwhile=meanwhile)
    for name in ("1a", "1b", "1c"):
        ordered.put(1, Piece(name, 45))
    assert (memory.used, waits) == (135, [])
    ordered.put(1, Piece("1d", 45))
    assert (memory.used, waits) == (0, [135])


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


def test_what_is_buffered_is_charged_and_given_back():
    account = MemoryAccount()
    taken = []
    ordered = OrderedDelivery(lambda piece: taken.append(account.used) or True, lambda: False, memory=account)
    ordered.put(1, Piece("1a"))
    ordered.put(2, Piece("2a"))
    ordered.put(0, Piece("0a"))
    assert account.used == 20
    ordered.finish(0)
    assert account.used == 10
    ordered.close()
    assert (account.used, account.peak) == (0, 20)
    assert taken == [20, 10]  # a table that is handed over is charged by whoever takes it
    ordered.close()
    assert account.used == 0


def test_enough_gives_back_what_is_buffered():
    account = MemoryAccount()
    ordered = OrderedDelivery(lambda _: False, lambda: False, memory=account)
    for name in ("1a", "1b"):
        ordered.put(1, Piece(name))
    ordered.put(2, Piece("2a"))
    ordered.finish(0)
    assert account.used == 0


def test_a_task_running_ahead_waits_rather_than_pass_the_memory_limit():
    seen = []
    account = MemoryAccount(limit=25)
    ordered = OrderedDelivery(lambda piece: seen.append(piece.name) or True, lambda: False, memory=account)

    def ahead():
        for name in ("1a", "1b", "1c", "1d"):
            ordered.put(1, Piece(name))
        ordered.finish(1)

    running = threading.Thread(target=ahead)
    running.start()
    for name in ("0a", "0b"):
        ordered.put(0, Piece(name))
    ordered.finish(0)
    running.join(30)
    assert not running.is_alive()
    assert seen == ["0a", "0b", "1a", "1b", "1c", "1d"]
    assert account.used == 0
    assert account.peak <= 25
