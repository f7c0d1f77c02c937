"""The demo product: crawled over HTTP on loopback, its planted overpromises found, its quotes verbatim."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from pipeline.config import load_config
from pipeline.demo import FOLDER, audit_demo
from pipeline.records import OVERPROMISES, Audit

KEY = [json.loads(x) for x in (FOLDER / "answers.jsonl").read_text(encoding="utf-8").splitlines() if x.strip()]


def fold(text: str) -> str:
    return re.sub(r"[^a-z0-9%$.+]+", " ", re.sub(r"<[^>]+>", " ", text).lower()).strip()


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    config = load_config().model_copy(update={"cache": str(tmp_path_factory.mktemp("cache"))})
    return audit_demo(config, progress=lambda *_: None)


def page_key(source: str) -> str:
    path = re.sub(r"^https?://[^/]+/", "", source)
    return f"site/{path or 'index.html'}"


def test_every_page_of_the_sitemap_is_audited_and_the_closed_one_is_not(audit: Audit) -> None:
    found = {page_key(p.page.source) for p in audit.pages}
    sitemap = re.findall(r"<loc>https?://[^/]+/([^<]*)</loc>", (FOLDER / "site" / "sitemap.xml").read_text(encoding="utf-8"))
    assert {f"site/{p or 'index.html'}" for p in sitemap} <= found
    assert not any("internal" in p for p in found)
    assert any(p.kind == "robots" and "internal" in p.where for p in audit.problems)


def test_answer_key_is_sound() -> None:
    for row in KEY:
        page = (FOLDER / row["page"]).read_text(encoding="utf-8")
        assert fold(row["claim"]) in fold(page), row["claim"]
        for e in row["evidence"]:
            assert fold(e["quote"]) in fold((FOLDER / e["doc"]).read_text(encoding="utf-8")), e["quote"]


def test_planted_overpromises_are_found(audit: Audit) -> None:
    """Most of what was planted is called an overpromise, and most of what is true is not; the very figures stand in the README."""
    said = {(page_key(p.page.source), fold(j.claim.quote)): j for p in audit.pages for j in p.judgements}
    planted = [r for r in KEY if r.get("planted")]
    hits = [j.verdict in OVERPROMISES for r in planted if (j := said.get((r["page"], fold(r["claim"]))))]
    true = [j.verdict in OVERPROMISES for r in KEY if r["verdict"] == "supported" and (j := said.get((r["page"], fold(r["claim"]))))]
    assert len(hits) >= 0.8 * len(planted), "planted sentences must be read as claims"
    assert sum(hits) / len(planted) >= 0.6, f"{sum(hits)} of {len(planted)} planted overpromises found"
    assert sum(true) / max(1, len(true)) <= 0.45, f"{sum(true)} of {len(true)} true claims called overpromises"


def test_quotes_are_verbatim_and_claims_are_slices(audit: Audit) -> None:
    docs = {p.relative_to(FOLDER / "docs").as_posix(): fold(p.read_text(encoding="utf-8")) for p in (FOLDER / "docs").rglob("*") if p.is_file()}
    for page in audit.pages:
        for j in page.judgements:
            assert j.claim.text == page.page.blocks[j.claim.block].text[j.claim.start : j.claim.end]
            for e in (*j.evidence, *j.candidates):
                assert fold(e.quote) in docs[re.sub(r"^https?://[^/]+/", "", e.doc)]


def test_undersold_lists_something_that_is_in_the_docs(audit: Audit) -> None:
    assert len(audit.undersold) >= 10
    docs = {p.relative_to(FOLDER / "docs").as_posix(): fold(p.read_text(encoding="utf-8")) for p in (FOLDER / "docs").rglob("*") if p.is_file()}
    assert all(fold(u.quote) in docs[re.sub(r"^https?://[^/]+/", "", u.doc)] for u in audit.undersold)


def test_demo_folder_is_where_the_package_looks() -> None:
    assert pathlib.Path(FOLDER, "product.json").exists()
