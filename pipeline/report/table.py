"""Audits and judgements as plain rows and as small HTML tables, for notebooks. Everything from a page is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markupsafe import escape

from pipeline.records import Audit, Judgement, PageAudit
from pipeline.report.advice import offer
from pipeline.report.document import pages_by_name, reading_order, rounded
from pipeline.report.findings import findings, fix_first
from pipeline.report.hostile import shown
from pipeline.report.view import score_view
from pipeline.report.wording import OWNERS, headline, plural, sure_of

MOST_ROWS = 50
MOST_SHOWN = 5


def row(judgement: Judgement, page: str = "") -> dict[str, Any]:
    """One claim as a flat dict of strings and numbers; chances are 0-1, risk is 0-100."""
    best = judgement.evidence[0] if judgement.evidence else None
    return {
        "page": page,
        "claim": judgement.claim.text,
        "verdict": judgement.verdict.value,
        "in_words": headline(judgement),
        "docs_quote": best.quote if best else "",
        "doc": best.doc if best else "",
        "condition": judgement.condition.value if judgement.condition else "",
        "why": judgement.why,
        "what_to_change": judgement.remedy or "",
        "write_instead": offer(judgement),
        "who_acts": judgement.owner,
        "sure": sure_of(judgement),
        "confidence": rounded(judgement.confidence),
        "overpromise": rounded(judgement.overpromise),
        "risk": rounded(judgement.risk, 2),
        "id": judgement.claim.id,
    }


class Table(list[dict[str, Any]]):
    """A list of dicts with the same keys that a notebook shows as a table; `pandas.DataFrame(table)` takes it as it is."""

    def _repr_html_(self) -> str:
        return table_html(self)


def rows(found: Audit | PageAudit | Judgement | Iterable[Judgement]) -> Table:
    """One row a claim: of an audit or page in reading order, of judgements in the order given."""
    if isinstance(found, Audit):
        return Table(row(j, p.page.source) for p in pages_by_name(found) for j in reading_order(p.judgements))
    if isinstance(found, PageAudit):
        return Table(row(j, found.page.source) for j in reading_order(found.judgements))
    return Table(row(j) for j in ([found] if isinstance(found, Judgement) else found))


def table_html(found: Iterable[dict[str, Any]]) -> str:
    """Rows as an HTML table of what people read; says how many were cut."""
    every = list(found)
    names = {"page": "Page", "claim": "The copy says", "in_words": "Verdict", "docs_quote": "The docs say", "doc": "Document"}
    keys = [k for k in names if any(r.get(k) for r in every)]
    head = "".join(f"<th style='text-align:left'>{names[k]}</th>" for k in keys)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left;vertical-align:top'>{escape(shown(str(r.get(k, ''))))}</td>" for k in keys) + "</tr>"
        for r in every[:MOST_ROWS]
    )
    more = f"<p>and {plural(len(every) - MOST_ROWS, 'more row')}</p>" if len(every) > MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}" if every else "<p>No claims.</p>"


def audit_html(audit: Audit) -> str:
    """An audit at a glance: the three numbers and what to fix first."""
    score = score_view(audit.score, [j for p in audit.pages for j in p.judgements])
    first = fix_first(audit, MOST_SHOWN)
    said = [
        f"<b>{escape(shown(audit.product)) or 'This site'}</b>: {plural(len(audit.pages), 'page')}, {plural(audit.score.claims, 'claim')}",
        f"proven {score.proof}" + (f" ({score.proof_of})" if score.proof_of else ""),
        f"overpromise risk {score.risk}" + (" of 100" if audit.score.overpromise_risk is not None else ""),
        f"generic {score.generic} {score.generic_of}".strip(),
    ]
    lead = f"<p>{len(first)} of {plural(len(findings(audit)), 'finding')}, riskiest first:</p>" if first else "<p>Nothing to fix.</p>"
    table = table_html([row(f.judgement, f.audited.page.source) for f in first]) if first else ""
    return f"<p>{' · '.join(said)}</p>{lead}{table}"


def judgement_html(judgement: Judgement) -> str:
    """One verdict with its quote and who acts."""
    return f"{table_html([row(judgement)])}<p>{escape(shown(judgement.why))} Who acts: {escape(OWNERS.get(judgement.owner, judgement.owner))}.</p>"
