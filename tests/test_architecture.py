"""Who may import whom: read from the source, so that the house stays as HOUSE and the README draw it."""

from __future__ import annotations

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent / "pipeline"
GROUND = {"records", "errors", "generality"}
# Rooms that a stage may use beside the ground: data and opened models, no stage.
SHARED = {"config", "artefacts", "rules", "logistic", "embed"}
ALLOWED = {
    "records": {"generality"},
    "generality": set(),
    "errors": set(),
    "house": set(),
    "rules": {"errors", "house"},
    "logistic": set(),
    "artefacts": {"errors", "house"},
    "config": {"errors", "house"},
    "embed": {"artefacts", "errors"},
    "article": set(),
    "handwritten": set(),
    "page": GROUND | {"article", "handwritten"},
    "mdx": set(),
    "documents": GROUND | {"page", "mdx"},
    "capabilities": GROUND | {"rules"},
    "claims": GROUND | {"rules"},
    "match": GROUND | {"embed"},
    "sentences": GROUND | SHARED | {"match"},
    "verify": GROUND | SHARED | {"match"},
    "score": GROUND,
    "undersold": GROUND | SHARED | {"match"},
    "sources": GROUND | {"documents", "page"},
    "lines": GROUND,
    "report": GROUND | {"score", "fingerprint"},
    "fingerprint": set(),
    "store": GROUND | {"fingerprint"},
    "fetch": GROUND,
    "crawl": GROUND | {"fetch", "store"},
    "compare": GROUND | {"fingerprint", "rules"},
    "ledger": {"errors", "fingerprint", "config", "compare", "store"},
    "engine": GROUND | {"config", "audit", "generality"},
}
NETWORK = {"requests", "urllib3", "http.client", "socket", "urllib.request", "httpx", "aiohttp", "playwright"}
SQL = {"sqlalchemy", "psycopg"}
PEOPLE = {"argparse", "typer", "click"}


def imports(file: pathlib.Path) -> set[str]:
    out: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            out |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            out.add(node.module)
            out |= {f"{node.module}.{a.name}" for a in node.names}
    return out


def room_of(file: pathlib.Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_follow_the_house(file: pathlib.Path) -> None:
    room = room_of(file)
    if room not in ALLOWED:
        return
    used = {name.split(".")[1] for name in imports(file) if name.startswith("pipeline.")}
    rooms = {u for u in used if (ROOT / u).exists() or (ROOT / f"{u}.py").exists()}
    assert rooms - {room} <= ALLOWED[room], f"{file.name} may not import {sorted(rooms - {room} - ALLOWED[room])}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_network_sql_and_people_stay_in_their_rooms(file: pathlib.Path) -> None:
    names, room = imports(file), room_of(file)
    if room not in {"fetch", "bench", "demo", "web"}:
        assert not {n for n in names if any(n == x or n.startswith(x + ".") for x in NETWORK)}, "only fetch knows the network"
    if room not in {"store", "bench"}:
        assert not {n for n in names if n.split(".")[0] in SQL}, "only store knows SQL"
    if room not in {"cli", "doors", "bench", "web"}:
        assert not {n for n in names if n in PEOPLE}, "only cli and web know people"


def test_nothing_is_unpickled() -> None:
    for file in FILES:
        assert not imports(file) & {"pickle", "joblib", "shelve", "dill", "marshal"}, file


def test_modules_keep_to_a_readable_size() -> None:
    large = {str(f.relative_to(ROOT)): n for f in FILES if (n := len(f.read_text(encoding="utf-8").splitlines())) > 500}
    assert not large, f"split these rooms: {large}"
