"""Parts of audits, as JSON, once each under the hash of their bytes: a page that says the same for a month is stored once.

A part that differs little from a former one is packed against it, as a difference; that one is whole itself, so reading takes two rows at most.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import zstandard
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.store.bodies import unpack
from pipeline.store.schema import PARTS

# Audits are written once and read often; level 12 packs their JSON a quarter smaller than level 3 at some 50 MB/s.
LEVEL = 12
_local = threading.local()
# SQLite allows 32,766 bound values in a statement, older builds 999.
CHUNK = 500
# A difference is worth its second row where it is smaller than this share of the whole part.
WORTH = 0.6
# Between writers of parts and the one that removes what nothing points to (PostgreSQL; SQLite has one writer at a time).
SWEEP = 7362


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


def put(db: Connection, contents: Iterable[Any], like: Sequence[str] = ()) -> list[str]:
    """Stores what is not there yet, within the caller's transaction; gives the hashes in order.

    `like` names, for each content, a stored part that it may resemble, or "". What is put is safe from `hold_still` until the transaction ends.
    """
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock_shared(SWEEP)))
    names: list[str] = []
    rows: dict[str, dict[str, Any]] = {}
    near: dict[str, str] = {}
    for number, content in enumerate(contents):
        data = encoded(content)
        name = part_hash(data)
        names.append(name)
        if name not in rows:
            rows[name] = {"hash": name, "size": len(data), "data": data}
            near[name] = like[number] if number < len(like) else ""
    for known in present(db, rows):
        del rows[known]
    if rows:
        insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(PARTS)
        whole = _wholes(db, {near[name] for name in rows} - {""})
        packed = [{**row, **_smallest(row["data"], whole.get(near[name]))} for name, row in rows.items()]
        db.execute(insert.on_conflict_do_nothing(index_elements=["hash"]), packed)
    return names


def hold_still(db: Connection) -> None:
    """Until the transaction ends nobody puts a part."""
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(SWEEP)))


def _smallest(data: bytes, whole: tuple[str, bytes] | None) -> dict[str, Any]:
    packed = _pack(data)
    if whole is not None:
        name, base = whole
        dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        delta = zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary).compress(data)
        if len(delta) < WORTH * len(packed):
            return {"data": delta, "base": name}
    return {"data": packed, "base": ""}


def _applied(delta: bytes, base: bytes) -> bytes:
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    data: bytes = zstandard.ZstdDecompressor(dict_data=dictionary).decompress(delta)
    return data


def _wholes(db: Connection, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """{hash: (hash, bytes) of the part itself where it is whole, else of the one that it is packed against}."""
    found = {row.hash: (row.base or row.hash, row) for row in _rows(db, names)}
    bases = {row.hash: unpack(row.data) for _, row in found.values() if not row.base}
    bases |= {row.hash: unpack(row.data) for row in _rows(db, {base for base, _ in found.values()} - bases.keys())}
    return {name: (base, bases[base]) for name, (base, _) in found.items() if base in bases}


def _rows(db: Connection, names: Iterable[str]) -> list[Any]:
    wanted = sorted(names)
    out: list[Any] = []
    for start in range(0, len(wanted), CHUNK):
        out += db.execute(select(PARTS).where(PARTS.c.hash.in_(wanted[start : start + CHUNK]))).all()
    return out


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
    # Packed rows and open bases lie in memory for so many parts at a time.
    for start in range(0, len(wanted), CHUNK):
        rows = _rows(db, wanted[start : start + CHUNK])
        bases = {row.hash: unpack(row.data) for row in _rows(db, {row.base for row in rows if row.base})}
        for row in rows:
            if row.base and row.base not in bases:
                raise KeyError(row.base)
            data = _applied(row.data, bases[row.base]) if row.base else unpack(row.data)
            if part_hash(data) != row.hash:
                raise ValueError(f"the stored part {row.hash} is damaged: restore the store from a backup.")
            found[row.hash] = json.loads(data)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise KeyError(missing[0])
    return found
