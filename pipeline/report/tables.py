"""Audit -> one row a claim, for spreadsheets: CSV and XLSX. Nothing in them is a formula or a live link."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import xlsxwriter

from pipeline.records import Audit, Changes, TrendPoint
from pipeline.report.advice import offer, reading
from pipeline.report.document import pages_by_name, reading_order, rounded
from pipeline.report.findings import findings
from pipeline.report.history import KINDS
from pipeline.report.hostile import csv_cell, shown
from pipeline.report.wording import OWNERS, VERDICTS, headline, sure_of, task

COLUMNS = ("page", "page_title", "claim_id", "verdict", "in_words", "page_quote", "claim", "docs_quote", "doc", "heading", "condition_kind",
           "condition", "why", "what_to_change", "who_acts", "confidence", "overpromise", "risk", "types", "selector")
WIDTHS = (30, 24, 12, 14, 26, 50, 40, 50, 26, 20, 12, 22, 40, 50, 9, 10, 11, 8, 20, 24)
TO_FIX = ("what is wrong", "the page says", "the docs say", "what to do", "in the docs' words", "who acts", "sure", "page", "document", "done")
TO_FIX_WIDTHS = (24, 50, 50, 34, 44, 12, 7, 34, 30, 8)
CELL_LIMIT = 32_767

Cell = str | float | None


def rows(audit: Audit) -> list[tuple[Cell, ...]]:
    """One tuple a claim in the order of COLUMNS; confidence and overpromise 0-1, risk 0-100."""
    out: list[tuple[Cell, ...]] = []
    for audited in pages_by_name(audit):
        for j in reading_order(audited.judgements):
            best = j.evidence[0] if j.evidence else None
            out.append((audited.page.source, audited.page.title, j.claim.id, j.verdict.value, headline(j), j.claim.quote or j.claim.text,
                        j.claim.text, best.quote if best else "", best.doc if best else "", best.heading if best else "",
                        j.condition.kind.value if j.condition else "", j.condition.value if j.condition else "", j.why, j.remedy or "",
                        j.owner, rounded(j.confidence), rounded(j.overpromise), rounded(j.risk, 2),
                        ", ".join(t.value for t in j.claim.types), j.claim.selector))
    return out


def to_fix(audit: Audit) -> list[tuple[Cell, ...]]:
    """One tuple a finding in the order of TO_FIX: the sure ones first, riskiest first, with an empty column to tick off."""
    out: list[tuple[Cell, ...]] = []
    for found in sorted(findings(audit), key=lambda f: (not sure_of(f.judgement), f.number)):
        j = found.judgement
        best = j.evidence[0] if j.evidence else None
        out.append((headline(j), j.claim.quote or j.claim.text, reading(best.quote, best.doc) if best else "", task(j), offer(j),
                    OWNERS.get(j.owner, j.owner), "yes" if sure_of(j) else "no", found.audited.page.source, best.doc if best else "", ""))
    return out


def csv_text(audit: Audit) -> str:
    """The rows as CSV with a header; the byte order mark makes Excel read UTF-8. Formula starts get an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(c) if isinstance(c, str) else c for c in row] for row in rows(audit))
    return "\ufeff" + out.getvalue()


def xlsx_bytes(audit: Audit, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> bytes:
    """A workbook: what to fix, summary, claims, undersold, problems, and trend and changes where given. Cells over 32,767 characters end with an ellipsis."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    bold = book.add_format({"bold": True, "bg_color": "#E8ECF3"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    score = audit.score
    judgements = [j for p in audit.pages for j in p.judgements]
    measured: list[tuple[Cell, ...]] = [
        ("product", audit.product, ""), ("audited", audit.generated_at, ""),
        ("proof rate (0-1)", _or_none(score.proof_rate, 4), f"of {score.judged} claims that the docs can settle"),
        ("overpromise risk (0-100)", _or_none(score.overpromise_risk, 2), "lower is better"),
        ("generic share (0-100)", _or_none(score.generic_share, 2), f"of {score.words} words"), ("grade", score.grade or "not measured", "")]
    measured += [(label, float(sum(j.verdict is v for j in judgements)), f"of {len(judgements)} claims") for v, (label, _) in VERDICTS.items()]
    sheets: list[tuple[str, tuple[str, ...], tuple[int, ...], list[tuple[Cell, ...]]]] = [
        ("To fix", TO_FIX, TO_FIX_WIDTHS, to_fix(audit)), ("Summary", ("what", "value", "of what"), (28, 24, 44), measured), ("Claims", COLUMNS, WIDTHS, rows(audit)),
        ("Undersold", ("capability", "doc", "quote", "score"), (30, 30, 80, 8), [(u.capability, u.doc, u.quote, rounded(u.score)) for u in audit.undersold]),
        ("Problems", ("kind", "where", "message"), (14, 50, 80), [(p.kind, p.where, p.message) for p in audit.problems])]
    if trend:
        sheets.append(("Trend", ("at", "proof_rate", "overpromise_risk", "generic_share", "claims", "judged", "models_or_settings_changed"),
                       (22, 12, 18, 15, 10, 10, 28),
                       [(t.at, rounded(t.proof_rate), rounded(t.overpromise_risk, 2), rounded(t.generic_share, 2), t.claims, t.judged,
                         "yes" if t.instrument else "") for t in trend]))
    if changes is not None:
        sheets.append(("Changes", ("what", "page", "claim", "before", "after"), (12, 34, 70, 22, 22),
                       [(label.lower(), c.page, c.claim, c.before.value if c.before else "", c.after.value if c.after else "")
                        for key, label, _ in KINDS for c in getattr(changes, key)]))
    for name, header, widths, body in sheets:
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, (title, width) in enumerate(zip(header, widths, strict=True)):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, title, bold)
        for number, row in enumerate(body, 1):
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    text = shown(cell)
                    sheet.write_string(number, place, text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - 1] + "…", wrap)
                elif cell is not None:
                    sheet.write_number(number, place, cell, wrap)
        sheet.autofilter(0, 0, max(1, len(body)), len(header) - 1)
    book.close()
    return out.getvalue()


def _or_none(value: float | None, digits: int) -> Cell:
    return "not measured" if value is None else rounded(value, digits)
