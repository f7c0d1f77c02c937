"""Numbered steps from an empty file to today's schema. Append only: a step that has been released is never edited.

Each runs in one transaction together with the record that it has run. To add one: write `m00N_what`, put it at the end
of STEPS, describe the tables in `schema`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from sqlalchemy import Connection, Engine, inspect, text

from pipeline.errors import UsageError


def m001_crawl(db: Connection) -> None:
    """Frontier, pages and bodies."""
    blob, serial, big = (
        ("BYTEA", "SERIAL PRIMARY KEY", "BIGINT")
        if db.dialect.name == "postgresql"
        else ("BLOB", "INTEGER PRIMARY KEY", "INTEGER")
    )
    real = "DOUBLE PRECISION" if db.dialect.name == "postgresql" else "REAL"
    for statement in (
        "CREATE TABLE sites (site TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT NOT NULL, "
        f"held_until {real} NOT NULL)",
        f"CREATE TABLE crawls (id {serial}, site TEXT NOT NULL, fingerprint TEXT NOT NULL, started_at TEXT NOT NULL, "
        "finished_at TEXT, notes TEXT NOT NULL DEFAULT '{}')",
        "CREATE INDEX crawls_by_site ON crawls (site, id)",
        f"CREATE TABLE frontier (id {serial}, crawl_id INTEGER NOT NULL, url TEXT NOT NULL, wire TEXT NOT NULL, "
        f"host TEXT NOT NULL, depth INTEGER NOT NULL, priority {real} NOT NULL, origin TEXT NOT NULL, "
        "template TEXT NOT NULL, in_sitemap INTEGER NOT NULL, linked INTEGER NOT NULL, lastmod TEXT NOT NULL, "
        f"state TEXT NOT NULL, fence INTEGER NOT NULL, tries INTEGER NOT NULL, ready_at {real} NOT NULL, "
        "kind TEXT NOT NULL, message TEXT NOT NULL, UNIQUE (crawl_id, url))",
        "CREATE INDEX frontier_by_turn ON frontier (crawl_id, state, priority, id)",
        "CREATE TABLE pages (site TEXT NOT NULL, url TEXT NOT NULL, crawl_id INTEGER NOT NULL, final_url TEXT NOT NULL, "
        "status INTEGER NOT NULL, headers TEXT NOT NULL, body_hash TEXT NOT NULL, etag TEXT NOT NULL, "
        "last_modified TEXT NOT NULL, fetched_at TEXT NOT NULL, changed_crawl INTEGER NOT NULL, "
        f"elapsed_s {real} NOT NULL, redirects TEXT NOT NULL, notes TEXT NOT NULL, text_hash TEXT NOT NULL, "
        f"print {big} NOT NULL, lastmod TEXT NOT NULL, checked {real} NOT NULL, facts {blob} NOT NULL, "
        "PRIMARY KEY (site, url))",
        f"CREATE TABLE bodies (hash TEXT PRIMARY KEY, size INTEGER NOT NULL, data {blob} NOT NULL)",
        f"CREATE TABLE hosts (host TEXT PRIMARY KEY, holder TEXT NOT NULL, held_until {real} NOT NULL, "
        f"next_at {real} NOT NULL)",
    ):
        db.execute(text(statement))


def m002_runs(db: Connection) -> None:
    """Audits: runs, page audits stored once, the index over claims."""
    blob, serial = (
        ("BYTEA", "SERIAL PRIMARY KEY") if db.dialect.name == "postgresql" else ("BLOB", "INTEGER PRIMARY KEY")
    )
    real = "DOUBLE PRECISION" if db.dialect.name == "postgresql" else "REAL"
    for statement in (
        f"CREATE TABLE runs (id {serial}, product TEXT NOT NULL, kind TEXT NOT NULL, started_at TEXT NOT NULL, "
        "finished_at TEXT, status TEXT NOT NULL, versions TEXT NOT NULL, config_hash TEXT NOT NULL, "
        "docs_hash TEXT NOT NULL, instrument TEXT NOT NULL, changed TEXT NOT NULL, summary TEXT NOT NULL, "
        "undersold TEXT NOT NULL, problems TEXT NOT NULL, documents TEXT NOT NULL)",
        "CREATE INDEX runs_by_product ON runs (product, kind, status, id)",
        f"CREATE TABLE parts (hash TEXT PRIMARY KEY, size INTEGER NOT NULL, data {blob} NOT NULL)",
        "CREATE TABLE drafts (run_id INTEGER NOT NULL, source TEXT NOT NULL, part TEXT NOT NULL, "
        "body_hash TEXT NOT NULL, text_hash TEXT NOT NULL, notes TEXT NOT NULL, PRIMARY KEY (run_id, source))",
        f"CREATE TABLE run_pages (id {serial}, product TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, "
        "run_from INTEGER NOT NULL, run_to INTEGER, part TEXT NOT NULL, body_hash TEXT NOT NULL, "
        "text_hash TEXT NOT NULL, notes TEXT NOT NULL)",
        "CREATE INDEX run_pages_by_product ON run_pages (product, kind, run_to)",
        f"CREATE TABLE claims (id {serial}, product TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, "
        "claim_id TEXT NOT NULL, fingerprint TEXT NOT NULL, text TEXT NOT NULL, verdict TEXT NOT NULL, "
        f"overpromise {real}, risk {real}, first_seen INTEGER NOT NULL, run_from INTEGER NOT NULL, run_to INTEGER)",
        "CREATE INDEX claims_by_product ON claims (product, kind, run_to)",
        "CREATE INDEX claims_by_fingerprint ON claims (product, fingerprint)",
    ):
        db.execute(text(statement))


def m003_ledger(db: Connection) -> None:
    """Decisions about claims, and what has been sent to whom."""
    serial = "SERIAL PRIMARY KEY" if db.dialect.name == "postgresql" else "INTEGER PRIMARY KEY"
    for statement in (
        "CREATE TABLE ledger (product TEXT NOT NULL, fingerprint TEXT NOT NULL, claim TEXT NOT NULL, "
        "state TEXT NOT NULL, owner TEXT NOT NULL, reason TEXT NOT NULL, expires TEXT NOT NULL, "
        "evidence TEXT NOT NULL, said TEXT NOT NULL, acted_by TEXT NOT NULL, acted_at TEXT NOT NULL, "
        "PRIMARY KEY (product, fingerprint))",
        f"CREATE TABLE ledger_log (id {serial}, product TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL, "
        "reason TEXT NOT NULL, acted_by TEXT NOT NULL, acted_at TEXT NOT NULL)",
        "CREATE INDEX ledger_log_by_claim ON ledger_log (product, fingerprint)",
        "CREATE TABLE alerts (run_id INTEGER NOT NULL, route TEXT NOT NULL, product TEXT NOT NULL, "
        "items INTEGER NOT NULL, sent_at TEXT NOT NULL, PRIMARY KEY (run_id, route))",
    ):
        db.execute(text(statement))


def m004_web(db: Connection) -> None:
    """Accounts of the web app, their keys for scripts, and audits on demand."""
    blob = "BYTEA" if db.dialect.name == "postgresql" else "BLOB"
    real = "DOUBLE PRECISION" if db.dialect.name == "postgresql" else "REAL"
    for statement in (
        "CREATE TABLE accounts (name TEXT PRIMARY KEY, role TEXT NOT NULL, products TEXT NOT NULL, "
        f"password TEXT NOT NULL, epoch INTEGER NOT NULL, created_at {real} NOT NULL)",
        f"CREATE TABLE access_keys (hash TEXT PRIMARY KEY, account TEXT NOT NULL, created_at {real} NOT NULL)",
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, product TEXT NOT NULL, owner TEXT NOT NULL, kind TEXT NOT NULL, "
        "title TEXT NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, "
        f"created_at {real} NOT NULL, started_at {real}, finished_at {real}, attempts INTEGER NOT NULL, "
        f"holder TEXT NOT NULL, message TEXT NOT NULL, summary TEXT NOT NULL, input {blob} NOT NULL, result {blob})",
        "CREATE INDEX jobs_by_turn ON jobs (state, created_at)",
        "CREATE INDEX jobs_by_product ON jobs (product, created_at)",
    ):
        db.execute(text(statement))


def m005_differences(db: Connection) -> None:
    """Parts may be packed against another part."""
    db.execute(text("ALTER TABLE parts ADD COLUMN base TEXT NOT NULL DEFAULT ''"))


STEPS: tuple[Callable[[Connection], None], ...] = (m001_crawl, m002_runs, m003_ledger, m004_web, m005_differences)


def migrate(engine: Engine) -> list[str]:
    """Runs the steps that have not run yet and gives their names.

    Raises UsageError for a file that a newer release has written.
    """
    done: list[str] = []
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            # Two processes at an empty database: the second one waits here and then finds the work done.
            db.execute(text("SELECT pg_advisory_xact_lock(7361)"))
        if not inspect(db).has_table("migrations"):
            db.execute(text("CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"))
        known = {str(row[0]) for row in db.execute(text("SELECT name FROM migrations"))}
        unknown = known - {step.__name__ for step in STEPS}
        if unknown:
            raise UsageError(
                f"the store holds {', '.join(sorted(unknown))}, written by a newer release: upgrade "
                "saysdoes or name another store."
            )
    for step in STEPS:
        if step.__name__ in known:
            continue
        with engine.begin() as db:
            if db.dialect.name == "postgresql":
                db.execute(text("SELECT pg_advisory_xact_lock(7361)"))
            if db.execute(text("SELECT 1 FROM migrations WHERE name = :name"), {"name": step.__name__}).first():
                continue
            step(db)
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            db.execute(text("INSERT INTO migrations VALUES (:name, :now)"), {"name": step.__name__, "now": now})
        done.append(step.__name__)
    return done
