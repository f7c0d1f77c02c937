"""The frontier of a crawl: every URL once, from `pending` to its final state, in transactions that are whole or not at
all. Kill the process anywhere: what was committed is done, the rest is pending again.

It decides nothing about pages; see `pipeline.crawl.site`.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.store import holding
from pipeline.store.bodies import keep, read_body
from pipeline.store.holding import Hold
from pipeline.store.rows import Batch, Found, Item, Outcome
from pipeline.store.schema import BODIES, CRAWLS, FRONTIER, PAGES

# Asked for page by page: a ready statement costs a third of one that is put together each time.
FACTS = select(PAGES.c.facts).where(PAGES.c.site == bindparam("site"), PAGES.c.url == bindparam("url"))
FINAL = ("done", "problem", "left_out")


class Frontier:
    """One crawl of one site, under a hold. Made by `open_frontier`."""

    def __init__(self, engine: Engine, hold: Hold, crawl_id: int, *, lease_s: float, resumed: bool) -> None:
        self.engine = engine
        self.hold = hold
        self._lease_s = lease_s
        self.crawl_id = crawl_id
        self.resumed = resumed
        self.site = hold.site
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")

    def _here(self, name: str) -> Any:
        """The row of this crawl whose URL is the bound parameter `name`."""
        return and_(FRONTIER.c.crawl_id == self.crawl_id, FRONTIER.c.url == bindparam(name))

    def _insert(self, table: Any) -> Any:
        return (postgresql if self.engine.dialect.name == "postgresql" else sqlite).insert(table)

    def write(self, batch: Batch) -> None:
        """Commits `batch` and renews the hold. Raises Fenced when the hold is lost; nothing is written then."""
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            self._add(db, batch.found)
            if batch.listed:
                # A page may also be named as another one's translation, without a date: that must not take its own.
                dated = {url: lastmod for url, lastmod in batch.listed if lastmod}
                bare = {url for url, _ in batch.listed} - set(dated)
                listed = update(FRONTIER).where(self._here("key")).values(in_sitemap=1)
                if dated:
                    rows = [{"key": url, "new_lastmod": lastmod} for url, lastmod in dated.items()]
                    db.execute(listed.values(lastmod=bindparam("new_lastmod")), rows)
                if bare:
                    db.execute(listed, [{"key": url} for url in sorted(bare)])
            if batch.linked:
                db.execute(
                    update(FRONTIER).where(self._here("key")).values(linked=1), [{"key": url} for url in batch.linked]
                )
            self._settle(db, batch.outcomes)
            holding.renew(db, self.hold, self._lease_s)

    def _add(self, db: Connection, found: Iterable[Found]) -> None:
        rows = [
            {
                "crawl_id": self.crawl_id,
                "url": f.url,
                "wire": f.wire,
                "host": f.host,
                "depth": f.depth,
                "priority": f.priority,
                "origin": f.origin,
                "template": f.template,
                "in_sitemap": int(f.in_sitemap),
                "linked": int(f.linked),
                "lastmod": f.lastmod,
                "state": "left_out" if f.kind else "pending",
                "fence": 0,
                "tries": 0,
                "ready_at": 0.0,
                "kind": f.kind,
                "message": f.message,
            }
            for f in found
        ]
        if rows:
            db.execute(self._insert(FRONTIER).on_conflict_do_nothing(index_elements=["crawl_id", "url"]), rows)

    def _settle(self, db: Connection, outcomes: list[Outcome]) -> None:
        if not outcomes:
            return
        now = time.time()
        db.execute(
            update(FRONTIER)
            .where(self._here("key"))
            .values(
                state=bindparam("new_state"),
                kind=bindparam("new_kind"),
                message=bindparam("new_message"),
                ready_at=bindparam("new_ready"),
                tries=FRONTIER.c.tries + 1,
            ),
            [
                {
                    "key": o.url,
                    "new_state": o.state,
                    "new_kind": o.kind,
                    "new_message": o.message,
                    "new_ready": now + o.ready_in,
                }
                for o in outcomes
            ],
        )
        keep(db, [o.body for o in outcomes if o.body is not None])
        rows = [
            {"site": self.site, "url": o.url, "crawl_id": self.crawl_id, **o.page}
            for o in outcomes
            if o.page is not None
        ]
        if rows:
            insert = self._insert(PAGES)
            columns = {c.name: insert.excluded[c.name] for c in PAGES.columns if c.name not in {"site", "url"}}
            db.execute(insert.on_conflict_do_update(index_elements=["site", "url"], set_=columns), rows)
        touched = [{"key": o.url, "new_crawl": self.crawl_id, **o.touched} for o in outcomes if o.touched is not None]
        if touched:
            db.execute(
                update(PAGES)
                .where(PAGES.c.site == self.site, PAGES.c.url == bindparam("key"))
                .values(
                    crawl_id=bindparam("new_crawl"),
                    checked=bindparam("new_checked"),
                    lastmod=bindparam("new_lastmod"),
                    fetched_at=bindparam("new_fetched_at"),
                ),
                touched,
            )

    def claim(self, limit: int, per_host: int) -> list[Item]:
        """Up to `limit` URLs to fetch, at most `per_host` of one host; they are ours until the hold is lost."""
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            place = func.row_number().over(partition_by=FRONTIER.c.host, order_by=(FRONTIER.c.priority, FRONTIER.c.id))
            free = or_(
                FRONTIER.c.state == "pending", and_(FRONTIER.c.state == "leased", FRONTIER.c.fence < self.hold.fence)
            )
            inner = (
                select(FRONTIER.c.id, FRONTIER.c.priority, place.label("place"))
                .where(FRONTIER.c.crawl_id == self.crawl_id, free, FRONTIER.c.ready_at <= time.time())
                .subquery()
            )
            chosen = [
                row[0]
                for row in db.execute(
                    select(inner.c.id)
                    .where(inner.c.place <= per_host)
                    .order_by(inner.c.priority, inner.c.id)
                    .limit(limit)
                )
            ]
            if not chosen:
                return []
            db.execute(update(FRONTIER).where(FRONTIER.c.id.in_(chosen)).values(state="leased", fence=self.hold.fence))
            found = db.execute(
                select(
                    FRONTIER,
                    PAGES.c.etag,
                    PAGES.c.last_modified,
                    PAGES.c.body_hash,
                    PAGES.c.checked,
                    PAGES.c.lastmod.label("known_lastmod"),
                )
                .join(PAGES, and_(PAGES.c.site == self.site, PAGES.c.url == FRONTIER.c.url), isouter=True)
                .where(FRONTIER.c.id.in_(chosen))
                .order_by(FRONTIER.c.priority, FRONTIER.c.id)
            ).all()
            return [
                Item(
                    id=r.id,
                    url=r.url,
                    wire=r.wire,
                    host=r.host,
                    depth=r.depth,
                    tries=r.tries,
                    lastmod=r.lastmod,
                    etag=r.etag or "",
                    last_modified=r.last_modified or "",
                    body_hash=r.body_hash or "",
                    known_lastmod=r.known_lastmod or "",
                    checked=r.checked or 0.0,
                )
                for r in found
            ]

    def _reading(self) -> Engine:
        return self._autocommit

    def waiting(self) -> tuple[int, float | None]:
        """How many URLs are not final, and in how many seconds the next one of them may be asked for."""
        with self._reading().connect() as db:
            count, ready = db.execute(
                select(func.count(), func.min(FRONTIER.c.ready_at)).where(
                    FRONTIER.c.crawl_id == self.crawl_id, FRONTIER.c.state.not_in(FINAL)
                )
            ).one()
        return int(count), None if ready is None else max(0.0, float(ready) - time.time())

    def leave(self, kind: str, message: str, *, template: str | None = None) -> int:
        """Ends all URLs that are not final yet (of `template`, if given) as left out; gives their number."""
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            rest = update(FRONTIER).where(FRONTIER.c.crawl_id == self.crawl_id, FRONTIER.c.state.not_in(FINAL))
            if template is not None:
                rest = rest.where(FRONTIER.c.template == template, FRONTIER.c.in_sitemap == 0)
            return db.execute(rest.values(state="left_out", kind=kind, message=message)).rowcount

    def again(self, kind: str) -> int:
        """Takes back the final state of URLs that came to it for reason `kind`; gives their number."""
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            return db.execute(
                update(FRONTIER)
                .where(FRONTIER.c.crawl_id == self.crawl_id, FRONTIER.c.kind == kind)
                .values(state="pending", kind="", ready_at=0.0)
            ).rowcount

    def skip_unchanged(self, checked_since: float, sample: int) -> int:
        """Ends, without a fetch, pages whose sitemap date is the one of our last fetch; gives their number.

        Every `sample`-th is fetched all the same (0: none), and so is what was last checked before `checked_since`.
        """
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            same = select(PAGES.c.url).where(
                PAGES.c.site == self.site,
                PAGES.c.url == FRONTIER.c.url,
                PAGES.c.lastmod == FRONTIER.c.lastmod,
                PAGES.c.checked >= checked_since,
            )
            skip = update(FRONTIER).where(
                FRONTIER.c.crawl_id == self.crawl_id,
                FRONTIER.c.state.not_in(FINAL),
                FRONTIER.c.lastmod != "",
                same.exists(),
            )
            if sample:
                skip = skip.where((FRONTIER.c.id + self.crawl_id) % sample != 0)
            return db.execute(skip.values(state="done", kind="lastmod")).rowcount

    def relink(self, linked: Iterable[str]) -> None:
        """Replaces the `linked` marks of the whole crawl."""
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            db.execute(update(FRONTIER).where(FRONTIER.c.crawl_id == self.crawl_id).values(linked=0))
            rows = [{"key": url} for url in linked]
            if rows:
                db.execute(update(FRONTIER).where(self._here("key")).values(linked=1), rows)

    def known(self) -> Iterator[Any]:
        """(url, linked, template, state, origin, host, depth, in_sitemap) of all rows so far, for a resumed crawl."""
        with self._reading().connect() as db:
            yield from db.execute(
                select(
                    FRONTIER.c.url,
                    FRONTIER.c.linked,
                    FRONTIER.c.template,
                    FRONTIER.c.state,
                    FRONTIER.c.origin,
                    FRONTIER.c.host,
                    FRONTIER.c.depth,
                    FRONTIER.c.in_sitemap,
                ).where(FRONTIER.c.crawl_id == self.crawl_id)
            )

    def facts(self, url: str) -> bytes | None:
        """The packed facts of a page as stored."""
        with self._reading().connect() as db:
            found: bytes | None = db.execute(FACTS, {"site": self.site, "url": url}).scalar_one_or_none()
        return found

    def results(self, *, bodies: bool = True, size: int = 200) -> Iterator[Any]:
        """All rows of the crawl in order of their URL, each with its page (columns None where there is none).

        With `bodies` the column `data` is the page's packed body.
        """
        after = ""
        while True:
            columns = [c for c in PAGES.columns if c.name not in {"site", "url", "crawl_id", "lastmod"}]
            page = and_(PAGES.c.site == self.site, PAGES.c.url == FRONTIER.c.url, FRONTIER.c.state == "done")
            query = select(FRONTIER, *columns, *([BODIES.c.data] if bodies else [])).join(PAGES, page, isouter=True)
            if bodies:
                query = query.join(BODIES, BODIES.c.hash == PAGES.c.body_hash, isouter=True)
            with self._reading().connect() as db:
                rows = db.execute(
                    query.where(FRONTIER.c.crawl_id == self.crawl_id, FRONTIER.c.url > after)
                    .order_by(FRONTIER.c.url)
                    .limit(size)
                ).all()
            yield from rows
            if len(rows) < size:
                return
            after = rows[-1].url

    def prints(self) -> Iterator[Any]:
        """(url, text_hash, print, in_sitemap, origin, template) of the pages that are done, in order of their URL."""
        query = (
            select(
                FRONTIER.c.url,
                PAGES.c.text_hash,
                PAGES.c.print,
                FRONTIER.c.in_sitemap,
                FRONTIER.c.origin,
                FRONTIER.c.template,
            )
            .join(PAGES, and_(PAGES.c.site == self.site, PAGES.c.url == FRONTIER.c.url))
            .where(FRONTIER.c.crawl_id == self.crawl_id, FRONTIER.c.state == "done")
            .order_by(FRONTIER.c.url)
        )
        after = ""
        while True:
            with self._reading().connect() as db:
                rows = db.execute(query.where(FRONTIER.c.url > after).limit(1000)).all()
            yield from rows
            if len(rows) < 1000:
                return
            after = rows[-1].url

    def notes(self) -> dict[str, Any]:
        """What the crawl wrote down about itself."""
        with self._reading().connect() as db:
            found: dict[str, Any] = json.loads(
                db.execute(select(CRAWLS.c.notes).where(CRAWLS.c.id == self.crawl_id)).scalar_one()
            )
        return found

    def note(self, notes: Mapping[str, Any], *, finished: bool = False) -> None:
        """Replaces the notes; `finished` closes the crawl."""
        values: dict[str, Any] = {"notes": json.dumps(notes, sort_keys=True)}
        if finished:
            values["finished_at"] = _now()
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            db.execute(update(CRAWLS).where(CRAWLS.c.id == self.crawl_id).values(**values))

    def body(self, name: str) -> bytes:
        """A stored body; see `bodies.read_body`."""
        return read_body(self._reading(), name)

    def renew(self) -> None:
        """Renews the hold. Raises Fenced."""
        with self.engine.begin() as db:
            holding.check(db, self.hold)
            holding.renew(db, self.hold, self._lease_s)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
