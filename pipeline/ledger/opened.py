"""Opens the ledger that the configuration names."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from pipeline.compare.statements import Statement, statements
from pipeline.config import Config
from pipeline.ledger.book import Ledger, YamlRows
from pipeline.ledger.substantiation import read_proofs
from pipeline.store.decisions import Decisions
from pipeline.store.runs import RunStore


def open_ledger(config: Config, database: Any, product: str) -> Ledger:
    """The ledger of `product`: in the file that `ledger:` names, else in the store. Raises UsageError for unusable files."""
    runs = RunStore(database)

    @functools.cache
    def last() -> Mapping[str, Statement]:
        run = runs.latest(product) or runs.latest(product, kind=None)
        return {} if run is None else statements(runs.audit_of(run.id)["pages"])

    def known(mark: str) -> tuple[str, str] | None:
        found = last().get(mark)
        return None if found is None else (found.text, found.quote)

    rows = YamlRows(pathlib.Path(config.ledger).expanduser()) if config.ledger else Decisions(database, product)
    return Ledger(rows, proofs=read_proofs(config.substantiation), known=known)
