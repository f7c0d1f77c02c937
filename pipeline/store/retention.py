"""What keeps a store small and safe: old runs forgotten, room given back, backup and restore, a look at its health.

A backup is a zstd file of JSON lines, the same for SQLite and PostgreSQL, so it also moves a store from one to the other.
"""

from __future__ import annotations

import base64
import io
import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from sqlalchemy import Engine, LargeBinary, Table, func, inspect, or_, select, text

from pipeline.errors import UsageError
from pipeline.store.migrations import STEPS
from pipeline.store.parts import CHUNK, hold_still
from pipeline.store.run_rows import UNFINISHED
from pipeline.store.schema import ALERTS, CLAIMS, DRAFTS, META, PARTS, RUN_PAGES, RUNS

FORMAT = "saysdoes-store-1"
BATCH = 500


def prune_runs(engine: Engine, product: str, *, keep: int) -> int:
    """Forgets all but the last `keep` finished runs of each kind, and abandoned ones, with what only they hold; gives their number."""
    gone = 0
    with engine.begin() as db:
        for kind in ("nightly", "on_demand"):
            mine = (RUNS.c.product == product) & (RUNS.c.kind == kind)
            done = [
                r[0]
                for r in db.execute(select(RUNS.c.id).where(mine, RUNS.c.status == "done").order_by(RUNS.c.id.desc()))
            ]
            old = done[keep:]
            if old:
                first = min(done[:keep])
                for table in (RUN_PAGES, CLAIMS):
                    here = (table.c.product == product) & (table.c.kind == kind) & (table.c.run_to < first)
                    db.execute(table.delete().where(here))
            old += [r[0] for r in db.execute(select(RUNS.c.id).where(mine, RUNS.c.status == "abandoned"))]
            for start in range(0, len(old), CHUNK):
                db.execute(RUNS.delete().where(RUNS.c.id.in_(old[start : start + CHUNK])))
                db.execute(ALERTS.delete().where(ALERTS.c.run_id.in_(old[start : start + CHUNK])))
            gone += len(old)
        if gone:
            _sweep(db)
    return gone


def _sweep(db: Any) -> None:
    """Removes parts that nothing points to: no page, draft, run or baseline, and no part that is packed against it."""
    hold_still(db)
    named = {row[0] for column in (RUN_PAGES.c.part, DRAFTS.c.part, RUNS.c.undersold, RUNS.c.problems, RUNS.c.documents)
             for row in db.execute(select(column).distinct())}  # fmt: skip
    for row in db.execute(select(RUN_PAGES.c.notes).where(RUN_PAGES.c.notes.contains('"baseline"'))):
        named.add(json.loads(row[0])["baseline"])
    differences = db.execute(select(PARTS.c.hash, PARTS.c.base).where(PARTS.c.base != "")).all()
    named |= {row.base for row in differences if row.hash in named}
    loose = [row[0] for row in db.execute(select(PARTS.c.hash)) if row[0] not in named]
    for start in range(0, len(loose), CHUNK):
        db.execute(PARTS.delete().where(PARTS.c.hash.in_(loose[start : start + CHUNK])))


def vacuum(engine: Engine) -> None:
    """Gives room back to the disk."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        db.execute(text("VACUUM"))
        if engine.dialect.name == "sqlite":
            db.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def size_of(engine: Engine) -> int:
    """Bytes that the store takes on disk."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        if engine.dialect.name == "postgresql":
            return int(db.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        pages, free, page = (
            int(db.execute(text(f"PRAGMA {n}")).scalar_one()) for n in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page


def backup(engine: Engine, path: pathlib.Path) -> dict[str, int]:
    """Writes every table, as of one moment, to `path`, whole or not at all; gives the number of rows of each."""
    counts: dict[str, int] = {}
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as raw, zstandard.ZstdCompressor(level=6).stream_writer(raw, closefd=False) as out:
            out.write(json.dumps({"format": FORMAT, "migrations": [s.__name__ for s in STEPS]}).encode() + b"\n")
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
                begin = (
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                    if engine.dialect.name == "postgresql"
                    else "BEGIN"
                )
                db.execute(text(begin))
                for table in _tables():
                    counts[table.name] = 0
                    for row in db.execute(select(table)).mappings():
                        out.write(json.dumps({"table": table.name, "row": _plain(table, dict(row))}).encode() + b"\n")
                        counts[table.name] += 1
                db.execute(text("COMMIT"))
            out.write(json.dumps({"end": counts}).encode() + b"\n")
        partial.replace(path)
    except OSError as err:
        raise UsageError(
            f"The backup {path} cannot be written ({err.strerror}): check the folder and the disk."
        ) from err
    finally:
        partial.unlink(missing_ok=True)
    return counts


def restore(engine: Engine, path: pathlib.Path) -> dict[str, int]:
    """Fills an empty store from a backup, whole or not at all. Raises UsageError for a store with rows, or for a damaged backup."""
    counts: dict[str, int] = {t.name: 0 for t in _tables()}
    tables = {t.name: t for t in _tables()}
    with engine.begin() as db:
        full = next((t.name for t in _tables() if db.execute(select(func.count()).select_from(t)).scalar()), None)
        if full:
            raise UsageError(f"The store is not empty (it has {full}): restore into a new one, named by store.url.")
        waiting: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
        ended = False
        for line in _lines(path):
            if "end" in line:
                ended = line["end"] == counts
                break
            table = tables.get(line["table"])
            if table is None:
                raise UsageError(
                    f"{path} holds the table {line['table']!r}, written by a newer release: upgrade saysdoes."
                )
            waiting[table.name].append(_bytes(table, line["row"]))
            counts[table.name] += 1
            if len(waiting[table.name]) >= BATCH:
                db.execute(table.insert(), waiting[table.name])
                waiting[table.name] = []
        if not ended:
            raise UsageError(f"{path} is cut short or damaged: take another backup. Nothing was changed.")
        for name, rows in waiting.items():
            if rows:
                db.execute(tables[name].insert(), rows)
        if engine.dialect.name == "postgresql":
            for table in tables.values():
                if "id" in table.c and table.c.id.type.python_type is int:
                    db.execute(
                        text(
                            f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), COALESCE(MAX(id), 0) + 1, false) FROM {table.name}"
                        )
                    )
    return counts


def _tables() -> list[Table]:
    return [t for t in META.sorted_tables if t.name != "migrations"]


def _lines(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as packed:
            rows = io.TextIOWrapper(packed, encoding="utf-8")
            head = json.loads(rows.readline() or "{}")
            if head.get("format") != FORMAT:
                raise UsageError(f"{path} is no backup of a saysdoes store.")
            for row in rows:
                yield json.loads(row)
    except (OSError, ValueError, zstandard.ZstdError) as err:
        raise UsageError(f"{path} cannot be read as a backup ({err.__class__.__name__}).") from err


def _plain(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    binary = {c.name for c in table.columns if isinstance(c.type, LargeBinary)}
    return {n: base64.b64encode(v).decode() if n in binary and v is not None else v for n, v in row.items()}


def _bytes(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    binary = {c.name for c in table.columns if isinstance(c.type, LargeBinary)}
    return {n: base64.b64decode(v) if n in binary and v is not None else v for n, v in row.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What `doctor` says about a store."""

    ok: bool
    detail: str


def health(engine: Engine) -> Health:
    """Integrity, schema, size, and runs that wait to be gone on with."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
        faults = []
        if engine.dialect.name == "sqlite":
            answer = str(db.execute(text("PRAGMA quick_check(1)")).scalar())
            if answer != "ok":
                faults.append(f"damaged ({answer}): restore the last backup")
        names = set(inspect(db).get_table_names())
        missing = [t.name for t in _tables() if t.name not in names]
        if missing:
            faults.append(f"lacks the tables {', '.join(missing)}")
            return Health(ok=False, detail="; ".join(faults))
        ended = or_(RUN_PAGES.c.part.in_(select(PARTS.c.hash)), RUN_PAGES.c.part == "")
        loose = db.execute(select(func.count()).select_from(RUN_PAGES).where(~ended)).scalar_one()
        whole = select(PARTS.c.hash).where(PARTS.c.base == "")
        cut_off = select(func.count()).select_from(PARTS).where(PARTS.c.base != "", PARTS.c.base.not_in(whole))
        loose += db.execute(cut_off).scalar_one()
        if loose:
            faults.append(f"{loose} page audits point to nothing or are cut short: restore the last backup")
        done = db.execute(select(func.count()).select_from(RUNS).where(RUNS.c.status == "done")).scalar_one()
        waiting = db.execute(select(func.count()).select_from(RUNS).where(RUNS.c.status.in_(UNFINISHED))).scalar_one()
    kind = f"{engine.dialect.name}, {size_of(engine) / 2**20:.1f} MiB, {done} runs, {waiting} to be gone on with"
    return Health(ok=not faults, detail="; ".join([*faults, kind]))
