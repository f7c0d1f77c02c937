"""The only room that knows SQL: SQLite or PostgreSQL, migrations, the frontier of crawls, raw bodies.

In reading order: schema, migrations, database, bodies, holding, rows, frontier, crawls.
"""

from __future__ import annotations

import pathlib
import tempfile
from types import TracebackType

from pipeline.store.crawls import former_pages, inherit, last_answer, open_frontier, prune
from pipeline.store.database import open_database
from pipeline.store.frontier import Frontier
from pipeline.store.holding import Fenced, Held, Hold, HostTurns
from pipeline.store.rows import Batch, Found, Item, Outcome

__all__ = [
    "Batch",
    "Fenced",
    "Found",
    "Frontier",
    "Held",
    "Hold",
    "HostTurns",
    "Item",
    "Outcome",
    "Store",
    "former_pages",
    "inherit",
    "last_answer",
    "open_frontier",
    "prune",
]


class Store:
    """An open store. Without a place it lives in a temporary folder and is gone when closed."""

    def __init__(self, place: str | pathlib.Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="saysdoes-") if place is None else None
        self.engine = open_database(pathlib.Path(self._folder.name) / "store.sqlite" if self._folder else place or "")

    def __enter__(self) -> Store:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Closes connections, and removes a temporary store."""
        self.engine.dispose()
        if self._folder is not None:
            self._folder.cleanup()
