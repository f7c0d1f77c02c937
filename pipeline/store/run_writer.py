"""Writing runs: begun or gone on with, page by page, and made visible in one transaction. See `runs` for the whole API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, and_, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.fingerprint import fingerprint
from pipeline.store import parts
from pipeline.store.holding import Hold, release
from pipeline.store.run_rows import (
    NIGHTLY,
    ON_DEMAND,
    UNFINISHED,
    Run,
    StoredPage,
    claim_key,
    close,
    now,
    page_source,
    plain,
    run_of,
    stored,
)
from pipeline.store.schema import ALERTS, CLAIMS, DRAFTS, RUN_PAGES, RUNS

# What has a place of its own; everything else of an audit's head (undersold, clones, ...) is kept together as it is.
PLACED = frozenset(
    {"schema", "product", "generated_at", "versions", "summary", "pages", "problems", "trend", "changes"}
)
# Beside the routes that were told of a run: nothing is left to do for it.
CLOSED = "closed"


class RunWriter:
    """What writes runs into an open store (`Store`, or its engine)."""

    def __init__(self, database: Any) -> None:
        self.engine: Engine = getattr(database, "engine", database)

    def _reading(self) -> Engine:
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def _insert(self, table: Any) -> Any:
        return (postgresql if self.engine.dialect.name == "postgresql" else sqlite).insert(table)

    def begin_run(
        self,
        product: str,
        kind: str,
        *,
        instrument: str = "",
        config_hash: str = "",
        docs_hash: str = "",
        versions: Mapping[str, str] | None = None,
        documents: Mapping[str, str] | None = None,
        changed: Sequence[str] = (),
    ) -> Run:
        """A new run, or the unfinished nightly one under the same marks (`resumed`); others of it are abandoned.

        `documents` names each document with the hash of its text. The caller holds the lock on the product.
        """
        with self.engine.begin() as db:
            if kind == NIGHTLY:
                same = and_(
                    RUNS.c.instrument == instrument, RUNS.c.config_hash == config_hash, RUNS.c.docs_hash == docs_hash
                )
                mine = and_(RUNS.c.product == product, RUNS.c.kind == kind, RUNS.c.status.in_(UNFINISHED))
                query = select(RUNS.c.id, same.label("same")).where(mine).order_by(RUNS.c.id.desc())
                # The server may still be ending the last transaction of a process that was killed: its row is waited for.
                left = db.execute(query.with_for_update() if db.dialect.name == "postgresql" else query).all()
                go_on = next((row.id for row in left if row.same), None)
                for row in left:
                    if row.id != go_on:
                        self._abandon(db, row.id)
                if go_on is not None:
                    db.execute(update(RUNS).where(RUNS.c.id == go_on).values(status="running"))
                    return run_of(db.execute(select(RUNS).where(RUNS.c.id == go_on)).one(), resumed=True)
            former = select(RUNS.c.documents).where(RUNS.c.product == product, RUNS.c.status == "done")
            like = db.execute(former.order_by(RUNS.c.id.desc()).limit(1)).scalar() or ""
            (listed,) = parts.put(db, [dict(sorted((documents or {}).items()))], [like])
            made = db.execute(
                RUNS.insert().values(
                    product=product,
                    kind=kind,
                    started_at=now(),
                    status="running",
                    versions=json.dumps(dict(versions or {}), sort_keys=True),
                    config_hash=config_hash,
                    docs_hash=docs_hash,
                    instrument=instrument,
                    changed=",".join(changed),
                    summary="{}",
                    undersold="",
                    problems="",
                    documents=listed,
                )
            )
            key = made.inserted_primary_key
            assert key is not None
            return run_of(db.execute(select(RUNS).where(RUNS.c.id == int(key[0]))).one())

    def _abandon(self, db: Connection, run_id: int) -> None:
        db.execute(update(RUNS).where(RUNS.c.id == run_id).values(status="abandoned", finished_at=now()))
        db.execute(DRAFTS.delete().where(DRAFTS.c.run_id == run_id))

    def save_page(
        self,
        run_id: int,
        page: Mapping[str, Any],
        *,
        body_hash: str = "",
        text_hash: str = "",
        notes: Mapping[str, Any] | None = None,
        like: str = "",
    ) -> str:
        """Keeps one audited page of a run in progress, at once and for good; gives the hash of its part.

        `like` is the part of the page's former audit: where little changed, only the difference is kept.
        """
        source = page_source(page)
        if not source:
            raise ValueError("a page object needs `url` or `path`")
        with self.engine.begin() as db:
            (name,) = parts.put(db, [page], [like])
            kept = StoredPage(source=source, part=name, body_hash=body_hash, text_hash=text_hash, notes=notes or {})
            self._draft(db, run_id, [kept])
        return name

    def keep_pages(self, run_id: int, pages: Iterable[StoredPage]) -> None:
        """Takes pages that are as they were over into the run in progress."""
        with self.engine.begin() as db:
            self._draft(db, run_id, pages)

    def _draft(self, db: Connection, run_id: int, pages: Iterable[StoredPage]) -> None:
        rows = [
            {
                "run_id": run_id,
                "source": plain(p.source),
                "part": p.part,
                "body_hash": p.body_hash,
                "text_hash": p.text_hash,
                "notes": json.dumps(dict(p.notes), sort_keys=True),
            }
            for p in pages
        ]
        if rows:
            insert = self._insert(DRAFTS)
            columns = {c.name: insert.excluded[c.name] for c in DRAFTS.columns if c.name not in {"run_id", "source"}}
            db.execute(insert.on_conflict_do_update(index_elements=["run_id", "source"], set_=columns), rows)

    def set_notes(self, product: str, notes: Mapping[str, Mapping[str, Any]]) -> None:
        """Replaces the notes beside the page audits that hold now: {source: notes}."""
        rows = [{"key": source, "new_notes": json.dumps(dict(n), sort_keys=True)} for source, n in notes.items()]
        if rows:
            mine = and_(RUN_PAGES.c.product == product, RUN_PAGES.c.kind == NIGHTLY, RUN_PAGES.c.run_to.is_(None))
            here = update(RUN_PAGES).where(mine, RUN_PAGES.c.source == bindparam("key"))
            with self.engine.begin() as db:
                db.execute(here.values(notes=bindparam("new_notes")), rows)

    def drafts(self, run_id: int) -> dict[str, StoredPage]:
        """{source: page} of what a run in progress has so far."""
        with self._reading().connect() as db:
            return {row.source: stored(row) for row in db.execute(select(DRAFTS).where(DRAFTS.c.run_id == run_id))}

    def drop_drafts(self, run_id: int, sources: Iterable[str]) -> None:
        """Takes pages out of a run in progress."""
        rows = [{"key": plain(source)} for source in sources]
        if rows:
            here = DRAFTS.delete().where(DRAFTS.c.run_id == run_id, DRAFTS.c.source == bindparam("key"))
            with self.engine.begin() as db:
                db.execute(here, rows)

    def drop_run(self, run_id: int) -> None:
        """Takes back a run in progress that turned out to be none."""
        with self.engine.begin() as db:
            db.execute(DRAFTS.delete().where(DRAFTS.c.run_id == run_id))
            db.execute(RUNS.delete().where(RUNS.c.id == run_id, RUNS.c.status.in_(UNFINISHED)))

    def close_night(self, run: Run, hold: Hold) -> None:
        """All that follows a run has been done: says so and gives the lock back, both or neither."""
        insert = self._insert(ALERTS)
        row = {"run_id": run.id, "route": CLOSED, "product": run.product, "items": 0, "sent_at": now()}
        with self.engine.begin() as db:
            db.execute(insert.values(**row).on_conflict_do_nothing(index_elements=["run_id", "route"]))
            release(db, hold)

    def is_closed(self, run_id: int) -> bool:
        """Whether all that follows a run has been done."""
        query = select(ALERTS.c.run_id).where(ALERTS.c.run_id == run_id, ALERTS.c.route == CLOSED)
        with self._reading().connect() as db:
            return db.execute(query).first() is not None

    def stop_run(self, run_id: int) -> None:
        """Puts a run aside to be gone on with."""
        with self.engine.begin() as db:
            db.execute(update(RUNS).where(RUNS.c.id == run_id).values(status="stopped"))

    def finish_run(self, run_id: int, head: Mapping[str, Any]) -> Run:
        """Makes a run and its pages visible, in one transaction. `head` is the audit's dict; its pages are passed over."""
        with self.engine.begin() as db:
            run = run_of(db.execute(select(RUNS).where(RUNS.c.id == run_id)).one())
            if run.status not in UNFINISHED:
                return run
            drafts = {r.source: r for r in db.execute(select(DRAFTS).where(DRAFTS.c.run_id == run_id))}
            before = self._before(db, run)
            fresh = self._merge(db, run, drafts, before)
            self._index(db, run, fresh, drafts.keys(), before)
            db.execute(DRAFTS.delete().where(DRAFTS.c.run_id == run_id))
            rest = {"undersold": [], **{name: value for name, value in head.items() if name not in PLACED}}
            was = db.execute(select(RUNS.c.undersold, RUNS.c.problems).where(RUNS.c.id == before)).first()
            undersold, problems = parts.put(db, [rest, list(head.get("problems", []))], tuple(was or ()))
            db.execute(
                update(RUNS)
                .where(RUNS.c.id == run_id)
                .values(
                    status="done",
                    finished_at=str(head.get("generated_at") or now()),
                    versions=json.dumps(dict(head.get("versions") or run.versions), sort_keys=True),
                    summary=json.dumps(dict(head.get("summary", {})), sort_keys=True),
                    undersold=undersold,
                    problems=problems,
                )
            )
            return run_of(db.execute(select(RUNS).where(RUNS.c.id == run_id)).one())

    def _before(self, db: Connection, run: Run) -> int:
        """The finished nightly run before `run`; 0 where there is none."""
        query = select(func.max(RUNS.c.id)).where(
            RUNS.c.product == run.product, RUNS.c.kind == run.kind, RUNS.c.status == "done", RUNS.c.id < run.id
        )
        return int(db.execute(query).scalar() or 0)

    def _merge(self, db: Connection, run: Run, drafts: Mapping[str, Any], before: int) -> set[str]:
        """Opens and closes spans of page audits; gives the sources whose audit differs from the one before."""
        here = {"product": run.product, "kind": run.kind, "run_from": run.id}
        current: dict[str, Any] = {}
        if run.kind == NIGHTLY:
            mine = and_(RUN_PAGES.c.product == run.product, RUN_PAGES.c.kind == NIGHTLY, RUN_PAGES.c.run_to.is_(None))
            current = {row.source: row for row in db.execute(select(RUN_PAGES).where(mine))}
        closed, rows, fresh = [], [], set()
        for source, row in current.items():
            draft = drafts.get(source)
            if draft is None or draft.part != row.part:
                closed.append(row.id)
            elif (draft.body_hash, draft.text_hash, draft.notes) != (row.body_hash, row.text_hash, row.notes):
                values = {"body_hash": draft.body_hash, "text_hash": draft.text_hash, "notes": draft.notes}
                db.execute(update(RUN_PAGES).where(RUN_PAGES.c.id == row.id).values(**values))
        for source, draft in drafts.items():
            row = current.get(source)
            if row is None or row.part != draft.part:
                fresh.add(source)
                values = {n: getattr(draft, n) for n in ("source", "part", "body_hash", "text_hash", "notes")}
                rows.append({**here, **values, "run_to": None if run.kind == NIGHTLY else run.id})
        close(db, RUN_PAGES, closed, before)
        if rows:
            db.execute(RUN_PAGES.insert(), rows)
        return fresh

    def _index(self, db: Connection, run: Run, fresh: set[str], sources: Iterable[str], before: int) -> None:
        """Brings the index over claims up to this run: only what came, went or changed is written."""
        drafts = {
            r.source: r.part for r in db.execute(select(DRAFTS).where(DRAFTS.c.run_id == run.id)) if r.source in fresh
        }
        content = parts.get(db, drafts.values())
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        for source, part in drafts.items():
            for claim in content[part].get("claims", []):
                text = str(claim["claim"])
                row = {
                    "product": run.product,
                    "kind": run.kind,
                    "source": source,
                    "claim_id": plain(str(claim.get("id", ""))),
                    "fingerprint": fingerprint(text),
                    "text": plain(text),
                    "verdict": str(claim["verdict"]),
                    "overpromise": claim.get("overpromise"),
                    "risk": claim.get("risk"),
                    "run_from": run.id,
                    "run_to": None if run.kind == NIGHTLY else run.id,
                }
                wanted[claim_key(row)] = row
        if run.kind == NIGHTLY:
            kept = set(sources)
            mine = and_(CLAIMS.c.product == run.product, CLAIMS.c.kind == NIGHTLY, CLAIMS.c.run_to.is_(None))
            closed = []
            for was in db.execute(select(CLAIMS).where(mine)).mappings():
                if was["source"] in kept and was["source"] not in fresh:
                    continue
                if wanted.pop(claim_key(was), None) is None:
                    closed.append(was["id"])
            close(db, CLAIMS, closed, before)
        known = self._first_seen(db, run.product, {row["fingerprint"] for row in wanted.values()})
        rows = [{**row, "first_seen": known.get(row["fingerprint"], run.id)} for row in wanted.values()]
        if rows:
            db.execute(CLAIMS.insert(), rows)

    def _first_seen(self, db: Connection, product: str, names: set[str]) -> dict[str, int]:
        wanted, found = sorted(names), {}
        for start in range(0, len(wanted), parts.CHUNK):
            chunk = wanted[start : start + parts.CHUNK]
            query = select(CLAIMS.c.fingerprint, func.min(CLAIMS.c.first_seen))
            query = query.where(CLAIMS.c.product == product, CLAIMS.c.fingerprint.in_(chunk)).group_by(
                CLAIMS.c.fingerprint
            )
            found.update({row[0]: int(row[1]) for row in db.execute(query)})
        return found

    def save_audit(
        self, document: Mapping[str, Any], *, kind: str = ON_DEMAND, product: str = "", instrument: str = ""
    ) -> Run:
        """A whole audit as one finished run."""
        run = self.begin_run(
            product or str(document["product"]), kind, instrument=instrument, versions=document.get("versions")
        )
        with self.engine.begin() as db:
            names = parts.put(db, document["pages"])
            pages = zip(document["pages"], names, strict=True)
            self._draft(
                db, run.id, [StoredPage(source=page_source(p), part=n, body_hash="", text_hash="") for p, n in pages]
            )
        return self.finish_run(run.id, document)
