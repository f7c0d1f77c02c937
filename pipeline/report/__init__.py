"""Scorecards and every other form of an audit's result. Only this room knows output formats.

    audit_document, claim_row     what scripts read        write_json, write_lines, write_object
    write_html, write_pdf         the scorecard            terminal, markdown
    write_csv, write_xlsx         one row a claim          write_sarif, github (code hosts)
    write_folder, page_html       a scorecard a section and page
    write_baseline, compare       only new findings fail
    page_part, audit_from         what the store keeps of a page, and the way back from JSON to records

Scorecard, JSON, Markdown and workbook also take what a run history knows: `trend`, the runs from oldest to this one, and `changes`
since the last one.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Collection, Sequence

from pipeline.records import Audit, Changes, TrendPoint
from pipeline.report.baseline import Compared, compare, finding_id, read_baseline, write_baseline
from pipeline.report.document import audit_document, claim_row, pages_by_name
from pipeline.report.files import Place, write_bytes, write_lines, write_object, write_text
from pipeline.report.html import html, page_html, section_html
from pipeline.report.markdown import markdown
from pipeline.report.pdf import pdf_bytes
from pipeline.report.restored import audit_from, judgement_from, page_from, page_part
from pipeline.report.sarif import Where, github, new_lines, place_of, sarif
from pipeline.report.sections import sections
from pipeline.report.tables import csv_text, xlsx_bytes
from pipeline.report.terminal import terminal

__all__ = ["Compared", "audit_document", "audit_from", "claim_row", "compare", "finding_id", "github", "html", "judgement_from", "markdown",
           "new_lines", "page_from", "page_html", "page_part", "place_of", "read_baseline", "sarif", "section_html", "terminal", "write_baseline", "write_csv",
           "write_folder", "write_html", "write_json", "write_lines", "write_markdown", "write_object", "write_pdf", "write_sarif", "write_xlsx"]


def write_json(audit: Audit, path: Place, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> None:
    """The audit as JSON (schema 1) under `path`, whole or not at all."""
    write_object(audit_document(audit, trend, changes), path)


def write_html(audit: Audit, path: Place, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> None:
    """The scorecard under `path`, whole or not at all."""
    write_text(html(audit, trend, changes), path)


def write_pdf(audit: Audit, path: Place, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> None:
    """The scorecard as PDF; raises UsageError without WeasyPrint."""
    write_bytes(pdf_bytes(audit, trend, changes), path)


def write_csv(audit: Audit, path: Place) -> None:
    """One row a claim as CSV."""
    write_text(csv_text(audit), path)


def write_xlsx(audit: Audit, path: Place, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> None:
    """Summary, claims, undersold, problems, and the trend and changes where given, as a workbook."""
    write_bytes(xlsx_bytes(audit, trend, changes), path)


def write_markdown(audit: Audit, path: Place, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> None:
    """The summary as Markdown."""
    write_text(markdown(audit, trend, changes), path)


def write_sarif(audit: Audit, path: Place, known: Collection[str] | None = None, where: Where = place_of) -> None:
    """The findings as SARIF 2.1.0; see `sarif`."""
    write_object(sarif(audit, known, where), path)


def digest(name: str) -> str:
    """Ten hex digits that stand for a name."""
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:10]


def write_folder(audit: Audit, folder: Place, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> int:
    """Scorecards of the site (`index.html`), each section and each page under `folder`; says how many files were written.

    A file is named after a digest of the section's or page's name: the same in every run, and no name of a crawled page reaches the disk.
    """
    place = pathlib.Path(folder)
    parts = [(f"section-{digest(s.name)}.html", s.name) for s in sections(audit)]
    files = [(f"page-{digest(p.page.source)}.html", p.page.source) for p in pages_by_name(audit)]
    write_text(html(audit, trend, changes, parts={name: file for file, name in (*parts, *files)}), place / "index.html")
    for file, name in parts:
        write_text(section_html(audit, name, up="index.html"), place / file)
    for file, name in files:
        write_text(page_html(audit, name, up="index.html"), place / file)
    return 1 + len(parts) + len(files)
