"""What of a job may be shown or stored: all but credentials.

Knows where credentials stand in a job: in storage options, and in URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...io.store import public_url
from .document import Location

_PUBLIC_OPTIONS = frozenset(
    {
        "endpoint_url", "region_name", "region", "host", "hostname", "port", "account_name", "project", "protocol",
        "profile", "anon", "access", "consistency", "cache_type", "addressing_style", "signature_version",
        "requester_pays", "compression", "mode", "version_aware",
    }
)  # fmt: skip
"""Storage options whose values may be seen; every other text may be a credential."""
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+")


def is_secret_place(location: Location) -> bool:
    """Tell whether a text at ``location`` of a job is a storage option that may be a credential."""
    return "storage_options" in location[:-1] and location[-1] not in _PUBLIC_OPTIONS


def without_options(data: Any, location: Location = ()) -> Any:
    """Return a job's data without credentials in storage options: a result does not depend on who reads."""
    if isinstance(data, Mapping):
        return {key: without_options(part, (*location, str(key))) for key, part in data.items()}
    if isinstance(data, list | tuple):
        return [without_options(part, (*location, index)) for index, part in enumerate(data)]
    return "***" if isinstance(data, str) and is_secret_place(location) else data


def public(data: Any) -> Any:
    """Return a job's data without credentials in storage options, URLs, or URLs in queries."""
    return _public_urls(without_options(data))


def _public_urls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _public_urls(part) for key, part in data.items()}
    if isinstance(data, list):
        return [_public_urls(part) for part in data]
    return _URL.sub(lambda url: public_url(url[0]), data) if isinstance(data, str) else data
