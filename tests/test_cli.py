"""The commands from outside: outputs and exit codes as users script against them, with the real models on small input."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from pipeline.cli import main
from pipeline.doors.claims import read_claims
from pipeline.errors import UsageError

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERDICTS = {"supported", "qualified", "planned", "contradicted", "undocumented", "external", "uncheckable"}
DOCS = {
    "export.md": "# Export\n\nReports can be exported as CSV and PDF. An export runs every night at two o'clock.\n",
    "sso.md": "# Single sign-on\n\n> **Note** Single sign-on is available on the Business plan only.\n\nConnect Okta or Entra ID under Settings.\n",
    "plans.md": "# Plans and limits\n\n| Feature | Free | Team | Business |\n|---|---|---|---|\n| Seats | 5 | 50 | unlimited |\n| Single sign-on | no | no | yes |\n",
    "roadmap.md": "# Roadmap\n\nA native Android app is planned for next spring.\n",
}
PAGE = """<html lang="en"><head><title>Shiftly | Plan shifts</title><meta name="description" content="Export every report as CSV."></head><body>
<nav><a href="/">Home</a></nav><main><h1>Shift planning that people love</h1><p>Export every report as CSV or PDF. Single sign-on with Okta is included in every plan.
Plan on the go with our native Android app.</p><a class="btn" href="/t">Start free trial</a></main></body></html>"""


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "docs").mkdir()
    for name, text in DOCS.items():
        (tmp_path / "docs" / name).write_text(text)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text(PAGE)
    (tmp_path / "c.yaml").write_text(f"cache: {tmp_path / 'cache'}\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return tmp_path


def fold(text: str) -> str:
    return re.sub(r"[^a-z0-9%$.+]+", " ", text.lower()).strip()


def run(*args: object) -> int:
    return main([str(a) for a in args])


def test_audit_end_to_end(place: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "a.json"
    code = run("audit", place / "site", "--docs", place / "docs", "--json", out, "--html", place / "a.html", "--config", place / "c.yaml")
    data = json.loads(out.read_text())
    assert code in (0, 1)
    assert data["schema"] == 1
    assert data["product"] == "Shiftly"
    page = data["pages"][0]
    assert page["path"] == "index.html"
    assert set(page["scores"]) >= {"proof_rate", "overpromise_risk", "generic_share", "grade", "claims", "judged"}
    shown = [s["text"] for s in page["sentences"]]
    assert shown[:2] == ["Shiftly | Plan shifts", "Export every report as CSV."]
    assert "Start free trial" in shown
    assert "Home" not in shown
    assert all(set(s) >= {"text", "block", "checkable", "generic", "types"} for s in page["sentences"])
    docs = {n: fold(t) for n, t in DOCS.items()}
    assert page["claims"]
    for claim in page["claims"]:
        assert claim["verdict"] in VERDICTS
        assert 0 <= claim["overpromise"] <= 1
        assert 0 <= claim["confidence"] <= 1
        assert fold(claim["page_quote"]) in fold(re.sub(r"<[^>]+>", " ", PAGE) + " Export every report as CSV.")
        for quote in (*claim["evidence"], *claim["candidates"]):
            assert fold(quote["quote"]) in docs[quote["doc"]]
    html = (place / "a.html").read_text()
    assert "http-equiv=\"Content-Security-Policy\"" in html or "http-equiv='Content-Security-Policy'" in html
    assert "Shiftly" in capsys.readouterr().out


def test_same_command_twice_and_any_order_give_the_same_findings(place: pathlib.Path) -> None:
    (place / "site" / "two.html").write_text(PAGE.replace("Export every report", "Keep every report"))
    first, second, single = place / "1.json", place / "2.json", place / "3.json"
    run("audit", place / "site", "--docs", place / "docs", "--json", first, "--quiet", "--config", place / "c.yaml")
    run("audit", place / "site", "--docs", place / "docs", "--json", second, "--quiet", "--config", place / "c.yaml")
    assert first.read_bytes() == second.read_bytes()
    run("audit", place / "site" / "two.html", place / "site" / "index.html", "--docs", place / "docs", "--json", single, "--quiet")
    claims = {p["path"]: p["claims"] for p in json.loads(first.read_text())["pages"]}
    again = {p["path"]: p["claims"] for p in json.loads(single.read_text())["pages"]}
    assert {k: [c["verdict"] for c in v] for k, v in claims.items()} == {k: [c["verdict"] for c in v] for k, v in again.items()}
    assert claims == again


def test_claims_from_jsonl_csv_and_plain_text(place: pathlib.Path) -> None:
    (place / "c.jsonl").write_text('{"id": "a", "claim": "Export reports as CSV."}\n{"id": "b", "claim": "A native Android app is here."}\n')
    (place / "c.csv").write_text("id,claim\na,Export reports as CSV.\n")
    (place / "c.txt").write_text("Export reports as CSV.\n\nA native Android app is here.\n")
    for name, ids in (("c.jsonl", ["a", "b"]), ("c.csv", ["a"]), ("c.txt", ["1", "3"])):
        out = place / f"{name}.out"
        code = run("claims", place / name, "--docs", place / "docs", "--out", out, "--quiet", "--fail-on", "none", "--config", place / "c.yaml")
        assert code == 0
        rows = [json.loads(x) for x in out.read_text().splitlines()]
        assert [r["id"] for r in rows] == ids
        keys = {"id", "claim", "verdict", "confidence", "overpromise", "types", "condition", "evidence", "candidates", "why", "remedy"}
        assert all(keys <= set(r) for r in rows)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["audit", "site", "--docs", "nowhere"], 2, "does not exist"),
        (["audit", "nowhere", "--docs", "docs"], 2, "does not exist"),
        (["audit", "site"], 2, "No documentation"),
        (["audit", "--docs", "docs"], 2, "Nothing to audit"),
        (["audit", "site", "--docs", "docs", "--fail-on", "wrong"], 2, "--fail-on does not know wrong"),
        (["audit", "site", "--docs", "docs", "--config", "typo.yaml"], 2, "unknown key `prodcut`"),
        (["claims", "bad.jsonl", "--docs", "docs", "--out", "o.jsonl"], 2, "bad.jsonl:1"),
        (["claims", "void.txt", "--docs", "docs", "--out", "o.jsonl"], 2, "is empty"),
        (["frobnicate"], 2, "invalid choice"),
        (["audit", "broken.pdf", "--docs", "docs"], 3, "broken.pdf"),
        (["audit", "empty.html", "--docs", "docs"], 3, "no text"),
        (["audit", "german.html", "--docs", "docs"], 3, "not in English"),
    ],
)
def test_bad_input_gets_a_clear_sentence_and_its_exit_code(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], args: list[str],
                                                           code: int, said: str) -> None:
    monkeypatch.chdir(place)
    (place / "typo.yaml").write_text("prodcut: x\n")
    (place / "bad.jsonl").write_text('{"id": 1}\n')
    (place / "void.txt").write_text("\n")
    (place / "broken.pdf").write_bytes(b"nothing of a pdf")
    (place / "empty.html").write_text("<html><body></body></html>")
    (place / "german.html").write_text("<main><p>" + "Die Planung der Schichten wird mit diesem Werkzeug endlich einfach und schnell. " * 6 + "</p></main>")
    assert run(*args) == code
    seen = capsys.readouterr()
    assert said in seen.err + seen.out
    assert "Traceback" not in seen.err


def test_an_unread_page_beside_good_ones_is_listed_and_ends_with_3(place: pathlib.Path) -> None:
    (place / "site" / "broken.pdf").write_bytes(b"nothing of a pdf")
    out = place / "a.json"
    assert run("audit", place / "site", "--docs", place / "docs", "--json", out, "--quiet", "--config", place / "c.yaml") == 3
    data = json.loads(out.read_text())
    assert [p["where"] for p in data["problems"]] == ["broken.pdf"]
    assert len(data["pages"]) == 1


def test_pasted_copy_on_stdin(place: pathlib.Path) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "run.py"), "audit", "-", "--docs", str(place / "docs"), "--json", str(place / "p.json"), "--quiet"],
                          input=b"Export every report as CSV.\n", capture_output=True, cwd=place, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    assert json.loads((place / "p.json").read_text())["pages"][0]["path"] == "pasted text"


def test_doctor_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("doctor") == 0
    text = capsys.readouterr().out
    for word in ("model retriever", "model reader", "model decision", "model sentences", "SHA-256", "judging"):
        assert word in text
    assert run("--help") == 0
    assert run("audit", "--help") == 0


def test_ids_must_be_unique(tmp_path: pathlib.Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"id": "a", "claim": "x"}\n{"id": "a", "claim": "y"}\n')
    with pytest.raises(UsageError, match="more than once"):
        read_claims(tmp_path / "c.jsonl")


def test_why_batch(place: pathlib.Path) -> None:
    rows = [{"id": 1, "url": "http://127.0.0.1/admin"}, {"id": 2, "url": "HTTP://EXAMPLE.com:80/a/../b"},
            {"id": 3, "url": "http://192.0.2.1/x", "robots": "User-agent: *\nDisallow: /x"}]
    (place / "b.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert run("why", "--batch", place / "b.jsonl", "--out", place / "o.jsonl") == 0
    got = {r["id"]: r for r in map(json.loads, (place / "o.jsonl").read_text().splitlines())}
    assert got[1]["address_ok"] is False
    assert got[2]["normalized"] == "http://example.com/b"
    assert got[3]["robots_ok"] is False
