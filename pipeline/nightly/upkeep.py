"""What keeps a store small: old runs go, and bodies that no page shows any more."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.store import Store, prune
from pipeline.store.retention import prune_runs


def keep_house(store: Store, config: Config) -> None:
    """Applies `store.keep_crawls` and `nightly.keep_runs`."""
    prune(store.engine, keep_crawls=config.store.keep_crawls)
    prune_runs(store.engine, config.product, keep=config.nightly.keep_runs)
