"""Rows that go into and come out of the frontier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A URL that was found. `wire` is how to ask for it; smaller `priority` comes first."""

    url: str
    wire: str
    host: str
    depth: int
    priority: float
    origin: str
    template: str
    in_sitemap: bool = False
    linked: bool = False
    lastmod: str = ""
    # Set for a URL that is listed but not to be fetched.
    kind: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A URL to fetch, with what its last good answer left."""

    id: int
    url: str
    wire: str
    host: str
    depth: int
    tries: int
    lastmod: str
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    known_lastmod: str = ""
    checked: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The state that a URL has come to. `page` holds the columns of its `pages` row (None: keep the former row)."""

    url: str
    state: str
    kind: str = ""
    message: str = ""
    ready_in: float = 0.0
    page: Mapping[str, Any] | None = None
    # Columns that change when the server says "not modified".
    touched: Mapping[str, Any] | None = None
    body: tuple[str, int, bytes] | None = None


@dataclass(slots=True)
class Batch:
    """Writes that become visible together."""

    found: list[Found] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    # (URL, date) of rows that a sitemap names and that the frontier has already.
    listed: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        """How many rows it will write."""
        return len(self.found) + len(self.outcomes) + len(self.linked) + len(self.listed)
