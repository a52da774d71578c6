"""Binds each simulated call to the recorded signature, checks streams, resources and arguments, and counts."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, TypeVar, cast

from .machine import Call, MissingStream, current, under_way
from .rmm import DeviceMemoryResource, Stream, get_current_device_resource
from .signatures import enumeration, signature

Function = TypeVar("Function", bound=Callable[..., Any])

calls: Counter[str] = Counter()
"""Number of calls that were bound, by full name."""


def simulated(name: str, *, method: bool = False) -> Callable[[Function], Function]:
    """Make a function answer for one of pylibcudf's.

    Parameters
    ----------
    name
        Full name of the real one, whose signature every call must fit.
    method
        Whether the first argument is the object, which recorded signatures leave out.
    """

    def wrap(function: Function) -> Function:
        wanted = signature(name)
        streamed, allocating = "stream" in wanted.parameters, "mr" in wanted.parameters

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            own, rest = (args[:1], args[1:]) if method else ((), args)
            bound = wanted.bind(*rest, **kwargs)
            if current() is not None:  # one simulated function may use another as libcudf's do, on the same stream
                return function(*own, *bound.args, **bound.kwargs)
            calls[name] += 1
            stream = _given(name, kwargs, "stream", Stream) if streamed else None
            mr = _given(name, kwargs, "mr", DeviceMemoryResource) if allocating else get_current_device_resource()
            with under_way(Call(name, stream or _IDLE, mr)):
                for buffer in _buffers((*own, *bound.arguments.values())):
                    if stream is not None:
                        buffer.check(stream)
                return function(*own, *bound.args, **bound.kwargs)

        return cast("Function", call)  # it takes what the recorded signature takes

    return wrap


def enumerated(name: str) -> Any:
    """Return an enumeration with the recorded members."""
    return IntEnum(name.rpartition(".")[2], enumeration(name))


_IDLE = Stream()
"""Stands for the stream of calls that only look at what the host knows already."""


def _given(name: str, kwargs: dict[str, Any], parameter: str, kind: type) -> Any:
    value = kwargs.get(parameter)
    if not isinstance(value, kind):
        raise MissingStream(f"{name} must be given {parameter}= by keyword, or it uses the default one")
    return value


def _buffers(values: Any) -> Iterator[Any]:
    """Yield the device memory that arguments refer to."""
    for value in values:
        found = getattr(value, "_buffers", None)
        if found is not None:
            yield from found()
        elif isinstance(value, (list, tuple)):
            yield from _buffers(value)
