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
from pipeline.report.advice import offer, reading
from pipeline.report.annotated import pieces
from pipeline.report.charts import trend_view
from pipeline.report.findings import fix_first, worth_a_look
from pipeline.report.hostile import csv_cell, for_terminal, safe_link
from pipeline.report.links import link_to
from pipeline.report.sections import first_part, sections
from pipeline.report.tables import csv_text, xlsx_bytes
from pipeline.report.wording import sure_of

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
        assert href is None or href.startswith(("#", "http://", "https://")) or href == "index.html"
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
                assert j.claim.quote in said and all(reading(e.quote, e.doc) in said for e in j.evidence)
    assert len(soup.find_all("mark")) == sum(len(p.judgements) for p in audit.pages)


def test_sure_findings_and_those_worth_a_look_stand_apart(audit: Audit) -> None:
    soup = BeautifulSoup(report.html(audit), "html.parser")
    look = worth_a_look(audit)
    assert look and all(j.confidence < 0.4 or len(j.claim.text.split()) < 5 or " | " in j.claim.text or j.claim.text.endswith("?") for j in (f.judgement for f in look))
    start = soup.find(id="look")
    cards = {a["id"] for a in start.find_all_next("article", id=re.compile("^f"))}
    assert cards == {f"f{f.number}" for f in look}
    assert all(sure_of(f.judgement) for f in fix_first(audit, 10))


def test_offers_are_sentences_of_the_docs_that_carry_the_point(audit: Audit) -> None:
    offered = 0
    for judgement in (j for p in audit.pages for j in p.judgements):
        sentence = offer(judgement)
        if sentence:
            offered += 1
            assert judgement.verdict in {Verdict.QUALIFIED, Verdict.PLANNED, Verdict.CONTRADICTED}
            assert sentence in reading(judgement.evidence[0].quote, judgement.evidence[0].doc)
    assert offered >= 15
    assert reading("> **Note** See [plans](/p) for `SSO`.", "a.md") == "Note See plans for SSO."
    assert reading("| SSO | no | yes |", "a.md") == "SSO · no · yes"
    assert reading("| 2 * 3 * 4 |", "a.html") == "| 2 * 3 * 4 |"


def test_links_lead_to_the_sentence() -> None:
    assert link_to("https://h.example/a", "Off-line mode, always") == "https://h.example/a#:~:text=Off%2Dline%20mode%2C%20always"
    long = "one two three four " + "x " * 60 + "five six seven eight"
    assert link_to("https://h.example/a#b", long) == "https://h.example/a#b:~:text=one%20two%20three%20four,five%20six%20seven%20eight"
    assert link_to("site/index.html", "text") == "" and link_to("javascript:alert(1)", "x") == ""


def test_sections_are_first_path_parts(audit: Audit) -> None:
    assert [first_part(s) for s in ("https://h/blog/a.html", "https://h/pricing", "https://h/", "https://h/blog/", "docs/a.md", "a.md")] \
        == ["blog", "pricing", "", "blog", "docs", ""]
    found = sections(audit)
    assert sum(len(s.pages) for s in found) == len(audit.pages) and {s.name for s in found} >= {"blog", "landing", "Single pages"}
    for section in found:
        assert section.score.claims == sum(len(p.judgements) for p in section.pages)
        check_html(report.section_html(audit, section.name, up="index.html"))
    with pytest.raises(UsageError, match="no section 'nowhere'"):
        report.section_html(audit, "nowhere")
    text = report.page_html(audit, audit.pages[-1].page.source)
    assert len(check_html(text).find_all("mark")) == len(audit.pages[-1].judgements)


def test_folder_holds_site_sections_and_pages(audit: Audit, tmp_path: pathlib.Path) -> None:
    count = report.write_folder(audit, tmp_path, *history())
    names = {p.name for p in tmp_path.iterdir()}
    assert len(names) == count == 1 + len(sections(audit)) + len(audit.pages)
    for name in names:
        soup = BeautifulSoup((tmp_path / name).read_text(encoding="utf-8"), "html.parser")
        ids = {t["id"] for t in soup.find_all(id=True)}
        for link in [a["href"] for a in soup.find_all("a")]:
            assert link in names or link[1:] in ids or link.startswith("http"), (name, link)
        if name != "index.html":
            assert soup.find("a", href="index.html")
    linked = {a["href"] for a in BeautifulSoup((tmp_path / "index.html").read_text(encoding="utf-8"), "html.parser").find_all("a")}
    assert names - {"index.html"} <= linked


def test_trend_lines_break_where_the_instrument_changed() -> None:
    points = [TrendPoint(at=f"2026-11-0{n}", proof_rate=n / 10, overpromise_risk=None, generic_share=None, claims=1, judged=1, instrument=n == 3)
              for n in range(1, 6)]
    view = trend_view(points, [10, 20, 60, 70, 80], unit="%", higher_is_better=True)
    assert view is not None and len(view.lines) == 2 and len(view.breaks) == 1 and view.better is True
    assert "4 November 2026 70%" in view.said and view.word == "Better than on 4 November 2026, when it was 70%."
    assert trend_view(points, [None] * 5, unit="%", higher_is_better=True) is None
    gap = trend_view(points, [10, None, 12, 12, 12.2], unit="", higher_is_better=False)
    assert gap is not None and len(gap.lines) == 1 and gap.better is None and gap.word.startswith("As on")


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
    # The parts of the SARIF 2.1.0 schema that this log uses.
    log = report.sarif(audit, {"none"})
    assert log["version"] == "2.1.0" and set(log) == {"$schema", "version", "runs"}
    for result in log["runs"][0]["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "rank", "baselineState"}
        assert result["message"]["text"] and result["level"] in {"none", "note", "warning", "error"} and -1 <= result["rank"] <= 100
        assert result["baselineState"] in {"new", "unchanged", "updated", "absent"}
        place = result["locations"][0]["physicalLocation"]
        assert set(place) <= {"artifactLocation", "region"} and place.get("region", {}).get("startLine", 1) >= 1
        assert re.fullmatch(r"[!#$%&'*+,./:;=?@~\w-]+", place["artifactLocation"]["uri"])
    assert all(isinstance(i["executionSuccessful"], bool) for i in log["runs"][0]["invocations"])


def test_workbook_reads_back(audit: Audit) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(audit)))
    assert book["Claims"].max_row == 91
    fix = book["To fix"]
    assert book.sheetnames[0] == "To fix" and fix.max_row == 55
    names = [c.value for c in fix[1]]
    sure = [r[names.index("sure")].value for r in fix.iter_rows(min_row=2)]
    assert sure == sorted(sure, reverse=True) and set(sure) == {"yes", "no"}


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
        assert "10 November 2026" in text and "Unlimited seats" in text and "41 findings as before" in text and "and 7 more" in text
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
