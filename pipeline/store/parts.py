"""Parts of audits, as JSON, once each under the hash of their bytes: a page that says the same for a month is stored once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import zstandard
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.store.bodies import unpack
from pipeline.store.schema import PARTS

# Audits are written once and read often; level 12 packs their JSON a quarter smaller than level 3 at some 50 MB/s.
LEVEL = 12
_local = threading.local()
# SQLite allows 32,766 bound values in a statement, older builds 999.
CHUNK = 500


def encoded(content: Any) -> bytes:
    """The JSON bytes of `content`. ASCII, so that text with broken characters comes back as it went in."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


def part_hash(data: bytes) -> str:
    """Thirty-two hex digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]


def _pack(data: bytes) -> bytes:
    if not hasattr(_local, "packer"):
        _local.packer = zstandard.ZstdCompressor(level=LEVEL)
    packed: bytes = _local.packer.compress(data)
    return packed


def put(db: Connection, contents: Iterable[Any]) -> list[str]:
    """Stores what is not there yet, within the caller's transaction; gives the hashes in order."""
    names: list[str] = []
    rows: dict[str, dict[str, Any]] = {}
    for content in contents:
        data = encoded(content)
        name = part_hash(data)
        names.append(name)
        if name not in rows:
            rows[name] = {"hash": name, "size": len(data), "data": data}
    for known in present(db, rows):
        del rows[known]
    if rows:
        insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(PARTS)
        packed = [{**row, "data": _pack(row["data"])} for row in rows.values()]
        db.execute(insert.on_conflict_do_nothing(index_elements=["hash"]), packed)
    return names


def present(db: Connection, names: Iterable[str]) -> set[str]:
    """Those of `names` that are stored."""
    wanted, found = list(names), set()
    for start in range(0, len(wanted), CHUNK):
        query = select(PARTS.c.hash).where(PARTS.c.hash.in_(wanted[start : start + CHUNK]))
        found |= {row[0] for row in db.execute(query)}
    return found


def get(db: Connection, names: Iterable[str]) -> Mapping[str, Any]:
    """{hash: content}. Raises KeyError for a part that is not stored, ValueError for one that is damaged."""
    wanted = sorted({name for name in names if name})
    found: dict[str, Any] = {}
    for start in range(0, len(wanted), CHUNK):
        query = select(PARTS.c.hash, PARTS.c.data).where(PARTS.c.hash.in_(wanted[start : start + CHUNK]))
        for row in db.execute(query):
            data = unpack(row.data)
            if part_hash(data) != row.hash:
                raise ValueError(f"the stored part {row.hash} is damaged: restore the store from a backup.")
            found[row.hash] = json.loads(data)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise KeyError(missing[0])
    return found
