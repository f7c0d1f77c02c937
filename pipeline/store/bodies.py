"""Raw bodies, kept once each under the hash of their bytes and compressed: analysis re-runs without crawling."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable

import zstandard
from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.store.schema import BODIES

# Level 3 packs HTML 5 to 10 times at some 200 MB/s; higher levels cost more than they save.
LEVEL = 3
_local = threading.local()


def body_hash(body: bytes) -> str:
    """`sha256:...`: the prefix makes a later change of the algorithm visible."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def pack(body: bytes) -> bytes:
    """Compressed bytes; a compressor belongs to its thread."""
    if not hasattr(_local, "packer"):
        _local.packer = zstandard.ZstdCompressor(level=LEVEL)
    packed: bytes = _local.packer.compress(body)
    return packed


def unpack(data: bytes) -> bytes:
    """What `pack` packed."""
    if not hasattr(_local, "unpacker"):
        _local.unpacker = zstandard.ZstdDecompressor()
    body: bytes = _local.unpacker.decompress(data)
    return body


def keep(db: Connection, packed: Iterable[tuple[str, int, bytes]]) -> None:
    """Stores (hash, size, packed bytes) that are not there yet, within the caller's transaction."""
    rows = [{"hash": name, "size": size, "data": data} for name, size, data in packed]
    if rows:
        insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(BODIES)
        db.execute(insert.on_conflict_do_nothing(index_elements=["hash"]), rows)


def read_body(engine: Engine, name: str) -> bytes:
    """The body under `name`. Raises KeyError for an unknown one, ValueError for one that no longer fits its hash."""
    with engine.connect() as db:
        data = db.execute(select(BODIES.c.data).where(BODIES.c.hash == name)).scalar_one_or_none()
    if data is None:
        raise KeyError(name)
    body = unpack(data)
    if body_hash(body) != name:
        raise ValueError(f"the stored body {name} is damaged: crawl its page again.")
    return body
