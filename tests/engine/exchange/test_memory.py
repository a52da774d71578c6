import pytest

from volley.engine.errors import MemoryLimitExceeded
from volley.engine.exchange import MemoryAccount
from volley.engine.quantities import format_bytes


def test_the_peak_is_the_most_ever_held():
    account = MemoryAccount()
    account.reserve(100, "a")
    account.reserve(50, "b")
    account.release(120)
    account.reserve(10, "a")
    assert (account.used, account.peak) == (40, 150)


def test_passing_the_limit_names_the_owner_and_reserves_nothing():
    account = MemoryAccount(limit=2048)
    account.reserve(2000, "stage 0 (build)")
    with pytest.raises(MemoryLimitExceeded, match=r"stage 1 \(group\) needs 2.9 KiB .* memory_limit is 2.0 KiB"):
        account.reserve(1000, "stage 1 (group)")
    assert account.used == 2000


def test_shrinking_is_allowed_above_the_limit():
    account = MemoryAccount(limit=10)
    account.reserve(10, "a")
    account.reserve(-4, "a")
    assert account.used == 6


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**40, "3.0 TiB")])
def test_bytes_for_people(size, text):
    assert format_bytes(size) == text
