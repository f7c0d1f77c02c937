"""The only room that knows the network: one URL -> `Fetched` or `Problem`, under rules that keep both sides safe.

In reading order: settings, url, address, robots, pace, coding, connection, exchange, gate; render for pages made by
scripts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.fetch.settings import FetchSettings

if TYPE_CHECKING:
    from pipeline.fetch.gate import Attempt, Fetcher, Validators

__all__ = ["Attempt", "FetchSettings", "Fetcher", "Validators"]


def __getattr__(name: str) -> Any:
    """The gate is imported when first used: readers of hostile pages need `fetch.url` alone, and start three times
    faster without requests."""
    if name in __all__:
        from pipeline.fetch import gate

        return getattr(gate, name)
    raise AttributeError(f"pipeline.fetch has no '{name}'")
