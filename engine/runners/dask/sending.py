"""Plans and functions as bytes for workers, which have the client's packages but not the files beside its program."""

from __future__ import annotations

from typing import Any

import cloudpickle
from distributed.protocol import pickle

from ...errors import ConfigError


def to_bytes(what: Any) -> bytes:
    """Pickle something, with the code of what stands in modules that workers cannot import.

    These are ``__main__`` and what was told to `cloudpickle.register_pickle_by_value`, which Dask's own pickling looks
    up only for a function itself, not for one within a plan.
    """
    dumps = cloudpickle.dumps if cloudpickle.list_registry_pickle_by_value() else pickle.dumps
    return bytes(dumps(what))


def from_bytes(packed: bytes) -> Any:
    """Return what was pickled.

    Raises
    ------
    ConfigError
        Where its code is not here.
    """
    try:
        return pickle.loads(packed)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"a worker cannot load a function of the query ({error}): install its module on the workers, or define it "
            "in the program's own file"
        ) from error
