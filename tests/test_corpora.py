"""The open benchmark is checked like code: shape, quotes, pairs, splits, and no row twice."""

from __future__ import annotations

import html
import json
import pathlib
import re
from collections import Counter

import pytest

from pipeline.records import ClaimType, ConditionKind, Verdict

BENCH = pathlib.Path(__file__).resolve().parent.parent / "corpora" / "bench"
PRODUCTS = sorted(p.parent for p in BENCH.glob("*/product.json"))
VERDICTS, TYPES, KINDS = ({m.value for m in kind} for kind in (Verdict, ClaimType, ConditionKind))
PROVEN = {"supported", "qualified", "planned", "contradicted"}


def rows(path: pathlib.Path) -> list[dict]:
    return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines() if x.strip()] if path.exists() else []


def fold(text: str) -> str:
    return re.sub(r"[^a-z0-9%$.+]+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)).lower()).strip()


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.name)
def test_product(product: pathlib.Path) -> None:
    docs = {p.relative_to(product).as_posix(): fold(p.read_text(encoding="utf-8")) for p in (product / "docs").rglob("*") if p.is_file()}
    pages = {p.relative_to(product).as_posix(): fold(p.read_text(encoding="utf-8")) for p in (product / "site").rglob("*.html")}
    claims = rows(product / "claims.jsonl")
    everything = claims + rows(product / "disputed.jsonl") + rows(product / "unread.jsonl")
    assert len(everything) >= 95
    assert max(Counter(r["id"] for r in everything).values()) == 1
    assert max(Counter(fold(r["claim"]) for r in everything).values()) == 1
    for r in everything:
        assert r["verdict"] in VERDICTS, r["id"]
        assert r["types"], r["id"]
        assert set(r["types"]) <= TYPES, r["id"]
        assert r["evidence"] or r["verdict"] not in PROVEN, r["id"]
        assert r["verdict"] != "qualified" or r["condition"]["kind"] in KINDS, r["id"]
        for e in r["evidence"]:
            assert fold(e["quote"]) in docs[e["doc"]], (r["id"], e["quote"])
    pairs: dict[str, list[str]] = {}
    for r in everything:
        if r.get("pair"):
            pairs.setdefault(r["pair"], []).append(r["verdict"])
    assert all(len(v) == 2 and v.count("supported") == 1 for v in pairs.values())
    for r in rows(product / "sentences.jsonl"):
        assert fold(r["text"]) in pages[r["page"]], r["text"]
    for r in rows(product / "undersold.jsonl"):
        assert fold(r["quote"]) in docs[r["doc"]], r["quote"]
    assert json.loads((product / "product.json").read_text(encoding="utf-8"))["split"] in {"train", "test"}


def test_splits_share_no_claim() -> None:
    """Stock phrases of a few words ("ISO 27001, certified.") may recur: the documentation decides them anew each time."""
    seen: dict[str, str] = {}
    for product in PRODUCTS:
        split = json.loads((product / "product.json").read_text(encoding="utf-8"))["split"]
        for r in rows(product / "claims.jsonl"):
            if len(r["claim"].split()) >= 6:
                assert seen.setdefault(fold(r["claim"]), split) == split, r["claim"]
