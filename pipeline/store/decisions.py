"""Decisions about claims, and what has been sent, as they lie in the tables. The rules of the ledger are in `pipeline.ledger`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.store.run_rows import plain
from pipeline.store.schema import ALERTS, LEDGER, LEDGER_LOG

COLUMNS = tuple(c.name for c in LEDGER.columns if c.name not in {"product", "fingerprint"})


class Decisions:
    """Rows of the ledger of one product, as plain dicts of text."""

    def __init__(self, database: Any, product: str) -> None:
        self.engine: Engine = getattr(database, "engine", database)
        self.product = product

    def _insert(self, table: Any) -> Any:
        return (postgresql if self.engine.dialect.name == "postgresql" else sqlite).insert(table)

    def all(self) -> dict[str, dict[str, str]]:
        """{fingerprint: row} in order of fingerprint."""
        query = select(LEDGER).where(LEDGER.c.product == self.product).order_by(LEDGER.c.fingerprint)
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
            return {row["fingerprint"]: {n: row[n] for n in COLUMNS} for row in db.execute(query).mappings()}

    def write(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Sets the rows under their fingerprints and notes each step; whole or not at all."""
        if not rows:
            return
        keyed = [
            {"product": self.product, "fingerprint": mark, **{n: plain(row.get(n, "")) for n in COLUMNS}}
            for mark, row in rows.items()
        ]
        insert = self._insert(LEDGER)
        columns = {name: insert.excluded[name] for name in COLUMNS}
        with self.engine.begin() as db:
            db.execute(insert.on_conflict_do_update(index_elements=["product", "fingerprint"], set_=columns), keyed)
            log = ("product", "fingerprint", "state", "reason", "acted_by", "acted_at")
            db.execute(LEDGER_LOG.insert(), [{name: row[name] for name in log} for row in keyed])

    def history(self, mark: str) -> list[dict[str, str]]:
        """Every step that a claim has taken, oldest first."""
        query = select(LEDGER_LOG).where(LEDGER_LOG.c.product == self.product, LEDGER_LOG.c.fingerprint == mark)
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
            rows = db.execute(query.order_by(LEDGER_LOG.c.id)).mappings().all()
        return [{n: row[n] for n in ("state", "reason", "acted_by", "acted_at")} for row in rows]


class Alerts:
    """Which route has been told about which run."""

    def __init__(self, database: Any) -> None:
        self.engine: Engine = getattr(database, "engine", database)

    def sent(self, run_id: int) -> set[str]:
        """Routes that have been told about the run."""
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
            return {str(row[0]) for row in db.execute(select(ALERTS.c.route).where(ALERTS.c.run_id == run_id))}

    def note(self, run_id: int, route: str, product: str, items: int) -> None:
        """Remembers that `route` has been told."""
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        insert = (postgresql if self.engine.dialect.name == "postgresql" else sqlite).insert(ALERTS)
        row = {"run_id": run_id, "route": plain(route), "product": product, "items": items, "sent_at": moment}
        with self.engine.begin() as db:
            db.execute(insert.values(**row).on_conflict_do_nothing(index_elements=["run_id", "route"]))
