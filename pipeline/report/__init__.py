"""Scorecards and every other form of an audit's result. Only this room knows output formats.

    audit_document, claim_row     what scripts read        write_json, write_lines, write_object
    write_html                    the scorecard            terminal, ...
"""

from __future__ import annotations

from pipeline.records import Audit
from pipeline.report.document import audit_document, claim_row
from pipeline.report.files import Place, write_lines, write_object, write_text
from pipeline.report.html import html
from pipeline.report.terminal import terminal

__all__ = ["audit_document", "claim_row", "terminal", "write_html", "write_json", "write_lines", "write_object"]


def write_json(audit: Audit, path: Place) -> None:
    """The audit as JSON (schema 1) under `path`, whole or not at all."""
    write_object(audit_document(audit), path)


def write_html(audit: Audit, path: Place) -> None:
    """The scorecard under `path`, whole or not at all."""
    write_text(html(audit), path)
