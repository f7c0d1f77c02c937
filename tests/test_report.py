"""Every output of a sample audit, and hostile text through all of them: nothing executes, nothing is a formula, words arrive."""

from __future__ import annotations

import csv
import io
import json
import pathlib
import re

import pytest
from bs4 import BeautifulSoup
from sample_audit import hostile, sample

from pipeline import report
from pipeline.errors import UsageError
from pipeline.records import OVERPROMISES, Audit, Change, Changes, PageScore, TrendPoint, Verdict
from pipeline.report.annotated import pieces
from pipeline.report.hostile import csv_cell, for_terminal, safe_link
from pipeline.report.tables import csv_text, xlsx_bytes

SUITES = pathlib.Path(__file__).resolve().parents[2] / "shared" / "suites"
OWN = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style><script>alert(1)</script>", "{{ 7*7 }}", "=1+1", "@SUM(1)",
       "-2+3", "\t=1", "javascript:alert(1)", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07x", "a\u202eb", "a\x00b", "::error::x\n::warning::y",
       "%0A::error::x", "| a | b |", "[x](javascript:alert(1))", "\ud800", "x" * 40000, "漢字" * 100, ""]


def suite(name: str) -> list[str]:
    folder = SUITES / name
    if not folder.is_dir():
        return []
    if name == "strings":
        return [str(s) for s in json.loads((folder / "blns.json").read_text(encoding="utf-8"))]
    lines = [line for f in sorted(folder.glob("*.txt")) for line in f.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return list(dict.fromkeys(lines))


@pytest.fixture(scope="module")
def audit() -> Audit:
    return sample()


def check_html(text: str) -> BeautifulSoup:
    soup = BeautifulSoup(text, "html.parser")
    assert not soup.find_all(["script", "iframe", "img", "object", "embed", "form", "base", "link", "input"])
    assert len(soup.find_all("style")) == 1
    for tag in soup.find_all(True):
        assert not [a for a in tag.attrs if a.startswith("on") or a in {"style", "src", "srcdoc", "action"}], tag
        href = tag.get("href")
        assert href is None or href.startswith(("#", "http://", "https://"))
    return soup


def test_json_is_the_contract(audit: Audit, tmp_path: pathlib.Path) -> None:
    report.write_json(audit, tmp_path / "a.json")
    first = (tmp_path / "a.json").read_bytes()
    report.write_json(sample(), tmp_path / "a.json")
    assert first == (tmp_path / "a.json").read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    data = json.loads(first)
    assert data["schema"] == 1
    assert data["summary"]["claims"] == sum(len(p["claims"]) for p in data["pages"]) == sum(data["summary"]["verdicts"].values())
    assert data["summary"]["findings"] == sum(data["summary"]["by_owner"].values())
    blocks = {p.page.source: p.page.blocks for p in audit.pages}
    for page in data["pages"]:
        for claim in page["claims"]:
            assert blocks[page["url"]][claim["block"]].text[claim["start"]:claim["end"]] == claim["claim"]


def test_terminal_holds_its_width(audit: Audit) -> None:
    for width in (80, 100):
        text = report.terminal(audit, width)
        assert max(map(len, text.splitlines())) <= width
        assert "25 of 79 claims" in text and "5 of 54 findings" in text and "\x1b" not in text


def test_not_measured_is_never_zero(tmp_path: pathlib.Path) -> None:
    none = PageScore(proof_rate=None, overpromise_risk=None, generic_share=None, grade=None, claims=0, judged=0)
    empty = Audit(product="Acme", generated_at="2026-01-01T00:00:00Z", versions={}, pages=(), undersold=(), problems=(), documents=1, passages=1, score=none)
    assert report.audit_document(empty)["summary"]["scores"]["proof_rate"] is None
    for text in (report.terminal(empty), report.html(empty), report.markdown(empty)):
        assert text.count("not measured") >= 3 and "0%" not in text.split("</style>")[-1]
    assert len(xlsx_bytes(empty)) > 1000


def test_html_shows_every_finding_and_stands_alone(audit: Audit) -> None:
    text = report.html(audit)
    soup = check_html(text)
    assert "built-in method" not in text
    ids = [t["id"] for t in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in soup.find_all("a", href=re.compile("^#"))} <= set(ids)
    said = soup.get_text()
    for page in audit.pages:
        for j in page.judgements:
            if j.verdict in OVERPROMISES:
                assert j.claim.quote in said and all(e.quote in said for e in j.evidence)
    assert len(soup.find_all("mark")) == sum(len(p.judgements) for p in audit.pages)


def test_annotated_pieces_are_the_text(audit: Audit) -> None:
    from pipeline.report.view import Views
    views = Views(audit)
    for page in audit.pages:
        for number, block in enumerate(page.page.blocks):
            judged = [j for j in page.judgements if j.claim.block == number]
            assert "".join(p.text for p in pieces(block, judged, [views.card(j, page) for j in judged])) == block.text


def test_sarif_and_github(audit: Audit) -> None:
    run = report.sarif(audit)["runs"][0]
    assert len(run["results"]) == 54 == len(report.github(audit).splitlines())
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_workbook_reads_back(audit: Audit) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(audit)))
    assert book["Claims"].max_row == 91


def history() -> tuple[tuple[TrendPoint, ...], Changes]:
    points = (TrendPoint(at="2026-11-10T02:00:00Z", proof_rate=0.5, overpromise_risk=40.0, generic_share=None, claims=80, judged=70),
              TrendPoint(at="2026-11-24T02:00:00Z", proof_rate=0.6, overpromise_risk=30.0, generic_share=35.0, claims=79, judged=71, instrument=True))
    turned = Change(page="/pricing", claim="=Unlimited seats", before=Verdict.QUALIFIED, after=Verdict.CONTRADICTED)
    gone = tuple(Change(page="/", claim=f"Old claim {n}", before=Verdict.PLANNED, after=None) for n in range(12))
    return points, Changes(since="2026-11-10T02:00:00Z", worsened=(turned,), fixed=gone, unchanged=41)


def test_trend_and_changes_reach_every_form(audit: Audit, tmp_path: pathlib.Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    trend, changes = history()
    report.write_json(audit, tmp_path / "a.json", trend, changes)
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert data["trend"][0]["generic_share"] is None and data["trend"][1]["instrument"] is True
    assert data["changes"]["worsened"] == [{"page": "/pricing", "claim": "=Unlimited seats", "before": "qualified", "after": "contradicted"}]
    assert "trend" not in report.audit_document(audit)
    report.write_html(audit, tmp_path / "a.html", trend, changes)
    said = check_html((tmp_path / "a.html").read_text(encoding="utf-8")).get_text()
    for text in (said, report.markdown(audit, trend, changes)):
        assert "2026-11-10" in text and "Unlimited seats" in text and "41 findings as before" in text and "and 4 more" in text
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(audit, trend, changes)))
    assert book["Trend"].max_row == 3 and book["Changes"].max_row == 14
    assert book["Changes"]["C2"].value == "=Unlimited seats" and book["Changes"]["C2"].data_type == "s"


def test_unwritable_place_is_named(audit: Audit, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        report.write_json(audit, tmp_path)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "java\nscript:x", "http://u:p@h/", "file:///etc", "\\\\h\\x"])
def test_links_that_are_refused(link: str) -> None:
    assert safe_link(link) == ""
    assert safe_link("https://example.com/a?b=c#d") == "https://example.com/a?b=c#d"


def check_everywhere(texts: list[str]) -> None:
    for text in texts:
        # A rendering of hundreds of pages is slow; each text still passes every writer.
        audit = hostile(text)
        soup = check_html(report.html(audit))
        clean = "".join(c for c in text if c.isprintable() and c.isascii())
        if clean == text and len(text) < 2000:
            assert text.split() == soup.find("mark").get_text().split() if text else True
        assert json.loads(json.dumps(report.audit_document(audit)))["product"] == text
        for row in csv.reader(io.StringIO(csv_text(audit).removeprefix("\ufeff"))):
            assert not any(cell.strip()[:1] in set("=+@") for cell in row)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", report.terminal(audit))
        assert len(report.github(audit).splitlines()) == 1
        assert not re.search(r"(?<!\\)<(script|img|svg)", report.markdown(audit), re.I)


def test_own_hostile_text(tmp_path: pathlib.Path) -> None:
    check_everywhere(OWN)
    for number, text in enumerate(OWN):
        report.write_json(hostile(text), tmp_path / f"{number}.json")
        assert json.loads((tmp_path / f"{number}.json").read_text(encoding="utf-8"))["product"] == text
    assert for_terminal("\x1b[2Jhi\x07") == "hi" and csv_cell("=1") == "'=1" and csv_cell("plain") == "plain"


@pytest.mark.parametrize("name", ["xss", "csv", "strings"])
def test_hostile_suites(name: str) -> None:
    texts = suite(name)
    if not texts:
        pytest.skip(f"the suite of hostile text {name!r} is not beside this checkout")
    check_everywhere(texts[:: max(1, len(texts) // 60)])
