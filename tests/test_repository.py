"""Copy kept in a repository: only new findings fail, annotations name file and line, the hook's argument order works."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

import pytest
from sample_audit import sample

from pipeline import report
from pipeline.audit import Auditor
from pipeline.cli import main, parser
from pipeline.errors import UsageError
from pipeline.lines import in_files, line_in
from pipeline.records import OVERPROMISES, Audit, Claim, Judgement, Verdict

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def audit() -> Audit:
    return sample()


def test_a_baseline_knows_its_own_findings_and_only_those(audit: Audit, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "known.json"
    count = report.write_baseline(audit, file)
    rows = report.read_baseline(file)
    assert len(rows) == count == len({r["id"] for r in rows})
    first = file.read_bytes()
    report.write_baseline(audit, file)
    assert file.read_bytes() == first and len(first.splitlines()) == count + 2
    found = report.compare(audit, rows)
    total = sum(j.verdict in OVERPROMISES for p in audit.pages for j in p.judgements)
    assert found.new == () and found.known == total and found.gone == ()
    less = report.compare(audit, rows[1:])
    assert {j.claim.text for j, _ in less.new} == {rows[0]["claim"]}
    assert report.compare(audit, [*rows, {"id": "x", "claim": "Gone since"}]).gone == ("Gone since",)
    assert {j.verdict.value for j, _ in report.compare(audit, [], ["planned"]).new} == {"planned"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2, "findings": []}', '{"schema": 1, "findings": [{"id": 3}]}'])
def test_what_is_no_baseline_is_said(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(UsageError, match="is no baseline"):
        report.read_baseline(tmp_path / "b.json")
    with pytest.raises(UsageError, match="--write-baseline"):
        report.read_baseline(tmp_path / "none.json")


def test_sarif_and_annotations_know_the_baseline_and_the_line(audit: Audit) -> None:
    paths = {p.page.source: str(ROOT / "corpora/demo/site" / p.page.source.removeprefix("http://localhost:8000/")) for p in audit.pages}
    where = in_files(paths)
    some = next(f for f in report.compare(audit, []).new)
    ids = {report.finding_id(some[0])}
    results = report.sarif(audit, ids, where)["runs"][0]["results"]
    assert {r["baselineState"] for r in results} == {"new", "unchanged"}
    assert "baselineState" not in report.sarif(audit)["runs"][0]["results"][0]
    assert len({r["partialFingerprints"]["finding/v1"] for r in results}) == len(results)
    lines = [r for r in results if "region" in r["locations"][0]["physicalLocation"]]
    assert len(lines) >= 0.9 * len(results)
    for result in lines:
        spot = result["locations"][0]["physicalLocation"]
        source = next(p for p in paths.values() if p.endswith(spot["artifactLocation"]["uri"]))
        line = pathlib.Path(source).read_text(encoding="utf-8").split("\n")[spot["region"]["startLine"] - 1]
        assert spot["region"]["snippet"]["text"].split()[0] in line
    shown = report.github(audit, ids, where)
    assert len(shown.splitlines()) == len(results) - 1 and ",line=" in shown


def test_lines_are_found_through_markup() -> None:
    text = "<p>\n  Export <b>every</b>\n  report &amp; chart.</p>"
    assert line_in(text, "Export every report & chart.") == 2
    assert line_in(text, "not there") == 0 and line_in(text, "") == 0


def test_targets_may_follow_the_options_of_a_hook() -> None:
    args = parser().parse_args(["audit", "--docs=docs", "--docs=CHANGELOG.md", "--baseline=b.json", "copy/a.md", "copy/b.mdx"])
    assert args.docs == ["docs", "CHANGELOG.md"] and args.targets == ["copy/a.md", "copy/b.mdx"]


def test_only_new_findings_fail_end_to_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def contradicted(_: Auditor, claims: Sequence[Claim], **__: object) -> tuple[Judgement, ...]:
        return tuple(Judgement(claim=c, verdict=Verdict.CONTRADICTED, confidence=0.9, overpromise=0.9, condition=None, evidence=(), candidates=(),
                               why="Not so.", remedy=None, risk=50.0) for c in claims)

    # Which verdict the models give is not what is tried here.
    monkeypatch.setattr(Auditor, "judge_claims", contradicted)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "export.md").write_text("# Export\n\nReports can be exported as CSV only. Exports are not encrypted.\n")
    (tmp_path / "docs" / "sso.md").write_text("# Single sign-on\n\n> **Note** Single sign-on is available on the Business plan only.\n")
    (tmp_path / "copy").mkdir()
    page = tmp_path / "copy" / "landing.mdx"
    page.write_text("import X from 'x'\n\n# Shiftly\n\nSingle sign-on with Okta is included in every plan.\n")
    (tmp_path / "c.yaml").write_text(f"cache: {tmp_path / 'cache'}\n")
    base = ["audit", "--docs=docs", "--config=c.yaml", "--json=a.json"]
    assert main([*base, "copy/landing.mdx"]) == 1
    assert main([*base, "--write-baseline=known.json", "copy/landing.mdx"]) == 0
    assert "import" not in (tmp_path / "a.json").read_text()
    capsys.readouterr()
    assert main([*base, "--baseline=known.json", "copy/landing.mdx"]) == 0
    assert "0 new findings" in capsys.readouterr().out
    page.write_text(page.read_text() + "\nExport every report as CSV or PDF.\n")
    assert main([*base, "--baseline=known.json", "--github", "--sarif=a.sarif", "copy/landing.mdx"]) == 1
    out = capsys.readouterr().out
    assert "copy/landing.mdx:7: " in out and "file=copy/landing.mdx,line=7" in out and "Okta" not in out
    results = json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"]
    assert {r["baselineState"] for r in results} == {"new", "unchanged"}
    assert main([*base, "--baseline=missing.json", "copy/landing.mdx"]) == 2
