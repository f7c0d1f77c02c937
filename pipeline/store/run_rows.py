"""Records of stored runs, and how they come out of the tables."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, or_, update

from pipeline.errors import UsageError
from pipeline.store import parts

NIGHTLY, ON_DEMAND = "nightly", "on_demand"
UNFINISHED = ("running", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One audit of one product. `changed` names what differs from the nightly run before: models, config, docs."""

    id: int
    product: str
    kind: str
    started_at: str
    finished_at: str | None
    status: str
    versions: Mapping[str, str]
    config_hash: str
    docs_hash: str
    instrument: str
    changed: tuple[str, ...]
    summary: Mapping[str, Any]
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page as one run has it: where its audit lies and what it was made from."""

    source: str
    part: str
    body_hash: str
    text_hash: str
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVersion:
    """One audit of a page and the runs that it held for; `until` and `run_to` are None while it holds."""

    source: str
    run_from: int
    run_to: int | None
    since: str
    until: str | None
    part: str
    scores: Mapping[str, Any]
    notes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedClaim:
    """A claim of the index. `first_seen` is the run that first met this statement on any page; `run_to` None: still there."""

    product: str
    source: str
    claim_id: str
    fingerprint: str
    text: str
    verdict: str
    overpromise: float | None
    risk: float | None
    first_seen: int
    run_from: int
    run_to: int | None


def page_source(page: Mapping[str, Any]) -> str:
    """The URL or path of a page object."""
    return str(page.get("url") or page.get("path") or "")


def plain(text: str) -> str:
    """`text` as any database takes it: no NUL, no half characters."""
    return text.encode("utf-8", "replace").replace(b"\0", b"").decode("utf-8")


def held(table: Any, product: str, kind: str, run_id: int) -> Any:
    """The rows of `table` that hold for a run."""
    until = or_(table.c.run_to.is_(None), table.c.run_to >= run_id)
    return and_(table.c.product == product, table.c.kind == kind, table.c.run_from <= run_id, until)


def close(db: Connection, table: Any, ids: Sequence[int], run_to: int) -> None:
    """Ends the spans of rows with the run that last had them."""
    for start in range(0, len(ids), parts.CHUNK):
        db.execute(update(table).where(table.c.id.in_(ids[start : start + parts.CHUNK])).values(run_to=run_to))


def claim_key(row: Any) -> tuple[Any, ...]:
    """What makes two rows of the index over claims the same."""
    return tuple(row[n] for n in ("source", "claim_id", "fingerprint", "text", "verdict", "overpromise", "risk"))


def stored(row: Any) -> StoredPage:
    """A page of `drafts` or `run_pages`."""
    return StoredPage(
        source=row.source,
        part=row.part,
        body_hash=row.body_hash,
        text_hash=row.text_hash,
        notes=json.loads(row.notes),
    )


def run_of(row: Any, *, resumed: bool = False) -> Run:
    """A row of `runs`."""
    return Run(
        id=row.id,
        product=row.product,
        kind=row.kind,
        started_at=row.started_at,
        finished_at=row.finished_at,
        status=row.status,
        versions=json.loads(row.versions),
        config_hash=row.config_hash,
        docs_hash=row.docs_hash,
        instrument=row.instrument,
        changed=tuple(word for word in row.changed.split(",") if word),
        summary=json.loads(row.summary),
        resumed=resumed,
    )


def now() -> str:
    """This moment in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def require_product(product: str) -> str:
    """The product's name. Raises UsageError where the configuration names none."""
    if not product.strip():
        raise UsageError("History needs a name to be kept under: set `product:` in the configuration.")
    return product.strip()
