"""The Python API: its examples run, its rows are plain, what a notebook shows is escaped."""

from __future__ import annotations

import doctest
import json
import pathlib

import pytest
from sample_audit import hostile, sample

import pipeline
from pipeline import notebook
from pipeline.errors import UsageError
from pipeline.report.table import Table, audit_html, judgement_html, rows

PAGE = """<html lang="en"><head><title>Pricing</title></head><body><main><h1>Pricing</h1><p>Export every report as CSV or PDF.
Single sign-on with Okta is included in every plan.</p></main></body></html>"""


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "export.md").write_text("# Export\n\nReports can be exported as CSV and PDF.\n")
    (tmp_path / "docs" / "sso.md").write_text("# Single sign-on\n\nSingle sign-on is available on the Business plan only.\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "pricing.html").write_text(PAGE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_runs(place: pathlib.Path) -> None:
    (place / "c.yaml").write_text(f"cache: {place / 'cache'}\n")
    docs = notebook.open_docs("docs", config="c.yaml")
    names = {n: getattr(pipeline, n) for n in pipeline.__all__} | {"docs": docs}
    found = {t.name: t for t in doctest.DocTestFinder().find(notebook, globs=names) if t.examples}
    assert {t.rsplit(".", 1)[1] for t in found} == {"open_docs", "audit_pages", "judge_claims", "save", "load"}
    runner = doctest.DocTestRunner()
    for example in found.values():
        assert runner.run(example).failed == 0, example.name
    assert (place / "audit.csv").exists()


def test_rows_are_plain_and_complete() -> None:
    audit = sample()
    table = rows(audit)
    assert isinstance(table, Table) and len(table) == 90 and len({tuple(r) for r in table}) == 1
    assert json.loads(json.dumps(table)) == table
    assert len(rows(audit.pages[0])) == len(audit.pages[0].judgements)
    one = audit.pages[0].judgements[0]
    assert rows(one) == rows([one]) and rows(one)[0]["claim"] == one.claim.text
    assert "and 40 more rows" in table._repr_html_() and Table()._repr_html_() == "<p>No claims.</p>"


def test_saved_audits_come_back(place: pathlib.Path) -> None:
    audit = sample()
    for ending in ("json", "html", "csv", "xlsx", "md", "sarif"):
        pipeline.save(audit, place / f"a.{ending}")
        assert (place / f"a.{ending}").stat().st_size > 1000
    again = pipeline.load(place / "a.json")
    assert [r["verdict"] for r in rows(again)] == [r["verdict"] for r in rows(audit)]
    with pytest.raises(UsageError, match="use one of"):
        pipeline.save(audit, "a.docx")
    (place / "b.json").write_text("[]")
    for name in ("b.json", "none.json"):
        with pytest.raises(UsageError, match=name):
            pipeline.load(name)
    with pytest.raises(AttributeError):
        _ = pipeline.nothing


def test_notebook_html_is_escaped() -> None:
    for text in ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<b>\u202e"):
        audit = hostile(text)
        for made in (audit_html(audit), judgement_html(audit.pages[0].judgements[0]), rows(audit)._repr_html_()):
            assert "<script" not in made and "<img" not in made and "\u202e" not in made and "&lt;" in made
