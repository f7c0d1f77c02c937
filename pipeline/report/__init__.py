"""Scorecards and every other form of an audit's result. Only this room knows output formats.

    audit_document, claim_row     what scripts read        write_json, write_lines, write_object
    write_html, write_pdf         the scorecard            terminal, markdown
    write_csv, write_xlsx         one row a claim          write_sarif, github (code hosts)
    page_part, audit_from         what the store keeps of a page, and the way back from JSON to records

Scorecard, JSON, Markdown and workbook also take what a run history knows: `trend`, the runs from oldest to this one, and `changes`
since the last one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Audit, Changes, TrendPoint
from pipeline.report.document import audit_document, claim_row
from pipeline.report.files import Place, write_bytes, write_lines, write_object, write_text
from pipeline.report.html import html, page_html, section_html
from pipeline.report.markdown import markdown
from pipeline.report.pdf import pdf_bytes
from pipeline.report.restored import audit_from, judgement_from, page_from, page_part
from pipeline.report.sarif import github, sarif
from pipeline.report.tables import csv_text, xlsx_bytes
from pipeline.report.terminal import terminal

__all__ = ["audit_document", "audit_from", "claim_row", "github", "html", "judgement_from", "markdown", "page_from", "page_html", "page_part", "sarif",
           "section_html", "terminal", "write_csv", "write_html", "write_json",
           "write_lines", "write_markdown", "write_object", "write_pdf", "write_sarif", "write_xlsx"]


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


def write_sarif(audit: Audit, path: Place) -> None:
    """The findings as SARIF 2.1.0."""
    write_object(sarif(audit), path)
