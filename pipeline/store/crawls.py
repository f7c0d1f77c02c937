"""Crawls as a whole: begun or resumed, begun with what the last one found, forgotten."""

from __future__ import annotations

import datetime
import json
from typing import Any

from sqlalchemy import Engine, func, select, text

from pipeline.store import holding
from pipeline.store.frontier import Frontier
from pipeline.store.holding import Hold
from pipeline.store.schema import CRAWLS, FRONTIER, PAGES


def open_frontier(engine: Engine, hold: Hold, fingerprint: str, *, lease_s: float) -> Frontier:
    """The unfinished crawl of the site under the same settings, or a new one."""
    with engine.begin() as db:
        holding.check(db, hold)
        row = db.execute(
            select(CRAWLS.c.id)
            .where(CRAWLS.c.site == hold.site, CRAWLS.c.fingerprint == fingerprint, CRAWLS.c.finished_at.is_(None))
            .order_by(CRAWLS.c.id.desc())
        ).first()
        if row is not None:
            return Frontier(engine, hold, int(row[0]), lease_s=lease_s, resumed=True)
        made = db.execute(
            CRAWLS.insert().values(site=hold.site, fingerprint=fingerprint, started_at=_now(), notes="{}")
        )
        key = made.inserted_primary_key
        assert key is not None
        return Frontier(engine, hold, int(key[0]), lease_s=lease_s, resumed=False)


def prune(engine: Engine, *, keep_crawls: int) -> int:
    """Forgets all but the last `keep_crawls` finished crawls of each site, the URLs of all but the last one under the same settings, and bodies
    that no page shows any more.

    Gives the number of bodies removed.
    """
    with engine.begin() as db:
        # Only the last crawl's URLs are ever asked for again; those of 30 nights would outgrow what changed on the site.
        db.execute(
            text(
                "DELETE FROM frontier WHERE crawl_id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY site, fingerprint "
                "ORDER BY id DESC) AS place FROM crawls WHERE finished_at IS NOT NULL) AS ranked WHERE place > 1)"
            )
        )
        old = [
            row[0]
            for row in db.execute(
                text(
                    "SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY site ORDER BY id DESC) AS place FROM crawls "
                    "WHERE finished_at IS NOT NULL) AS ranked WHERE place > :keep"
                ),
                {"keep": keep_crawls},
            )
        ]
        for crawl_id in old:
            db.execute(FRONTIER.delete().where(FRONTIER.c.crawl_id == crawl_id))
            db.execute(CRAWLS.delete().where(CRAWLS.c.id == crawl_id))
        return db.execute(text("DELETE FROM bodies WHERE hash NOT IN (SELECT body_hash FROM pages)")).rowcount


def inherit(frontier: Frontier) -> dict[str, Any] | None:
    """Lists what the last finished crawl under the same settings found, so that the links of unchanged pages need not
    be followed once more; gives that crawl's notes, or None where there is none."""
    with frontier.engine.begin() as db:
        holding.check(db, frontier.hold)
        mine = select(CRAWLS.c.fingerprint).where(CRAWLS.c.id == frontier.crawl_id).scalar_subquery()
        last = db.execute(
            select(func.max(CRAWLS.c.id)).where(
                CRAWLS.c.site == frontier.site, CRAWLS.c.finished_at.is_not(None), CRAWLS.c.fingerprint == mine
            )
        ).scalar()
        if last is None:
            return None
        db.execute(
            text(
                "INSERT INTO frontier (crawl_id, url, wire, host, depth, priority, origin, template, in_sitemap, "
                "linked, lastmod, state, fence, tries, ready_at, kind, message) "
                "SELECT :new, url, wire, host, depth, priority, "
                "CASE WHEN origin = 'seed' THEN origin ELSE 'former' END, template, 0, linked, '', 'pending', 0, "
                "0, 0, '', '' FROM frontier WHERE crawl_id = :last "
                "AND kind NOT IN ('trap', 'gone') AND origin <> 'probe'"
            ),
            {"new": frontier.crawl_id, "last": last},
        )
        notes: dict[str, Any] = json.loads(db.execute(select(CRAWLS.c.notes).where(CRAWLS.c.id == last)).scalar_one())
        return notes


def former_pages(engine: Engine, site: str, fingerprint: str) -> tuple[str, frozenset[str]]:
    """When the last finished crawl of `site` under the same settings ended, and the URLs that it found a page under.

    ("", empty set) where there is none.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        last = db.execute(
            select(CRAWLS.c.id, CRAWLS.c.finished_at)
            .where(CRAWLS.c.site == site, CRAWLS.c.fingerprint == fingerprint, CRAWLS.c.finished_at.is_not(None))
            .order_by(CRAWLS.c.id.desc())
        ).first()
        if last is None:
            return "", frozenset()
        done = db.execute(select(FRONTIER.c.url).where(FRONTIER.c.crawl_id == last.id, FRONTIER.c.state == "done"))
        return str(last.finished_at), frozenset(row.url for row in done)


def last_answer(engine: Engine, url: str) -> tuple[str, dict[str, str], int, str] | None:
    """(final URL, headers, status, hash of the body) of the last good answer under `url`, or None."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        row = db.execute(select(PAGES).where(PAGES.c.url == url).order_by(PAGES.c.fetched_at.desc())).first()
    return None if row is None else (row.final_url, json.loads(row.headers), row.status, row.body_hash)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
