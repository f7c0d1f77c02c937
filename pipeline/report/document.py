"""Audit -> the JSON object that scripts rely on (schema 1), and the row of one claim.

Order is fixed: pages by name, sentences and claims in reading order, problems by place. Numbers are rounded, a number that
was not measured is None, and every share stands beside its denominator. Text is passed on as it stands on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.records import OVERPROMISES, Audit, Change, Changes, Judgement, PageAudit, PageScore, TrendPoint, Verdict
from pipeline.report.generality import clone_object, copy_object, voice_object
from pipeline.report.wording import sure_of

SCHEMA = 1
MOST_CANDIDATES = 10


def rounded(value: float | None, digits: int = 4) -> float | None:
    """`value` at `digits` decimals; None for what was not measured (None, NaN, infinite)."""
    if value is None or not math.isfinite(value):
        return None
    # `+ 0.0` turns -0.0 into 0.0, so that equal findings give equal bytes.
    return round(float(value), digits) + 0.0


def claim_row(judgement: Judgement) -> dict[str, Any]:
    """One claim with its verdict, quotes and remedy; the row of `claims --out`. Shares are 0-1."""
    condition = judgement.condition
    return {
        "id": judgement.claim.id,
        "claim": judgement.claim.text,
        "verdict": judgement.verdict.value,
        "confidence": rounded(judgement.confidence),
        "overpromise": rounded(judgement.overpromise),
        "types": [kind.value for kind in judgement.claim.types],
        "condition": None if condition is None else {"kind": condition.kind.value, "value": condition.value},
        "evidence": [
            {"doc": e.doc, "heading": e.heading, "quote": e.quote, "relation": e.relation.value, "score": rounded(e.score)}
            for e in judgement.evidence
        ],
        "candidates": [
            {"doc": c.doc, "quote": c.quote, "score": rounded(c.score)} for c in judgement.candidates[:MOST_CANDIDATES]
        ],
        "why": judgement.why,
        "remedy": judgement.remedy,
        "owner": judgement.owner,
        "sure": sure_of(judgement),
    }


def page_claim_row(judgement: Judgement) -> dict[str, Any]:
    """`claim_row` and where the claim stands: block number, offsets into the block, prominence 0-1, risk 0-100."""
    claim = judgement.claim
    return claim_row(judgement) | {
        "page_quote": claim.quote or claim.text,
        "block": claim.block,
        "selector": claim.selector,
        "start": claim.start,
        "end": claim.end,
        "prominence": rounded(claim.prominence),
        "risk": rounded(judgement.risk, 2),
    }


def scores(score: PageScore) -> dict[str, Any]:
    """The scores of a page or site with their denominators: claims found, claims judged, words read."""
    return {
        "proof_rate": rounded(score.proof_rate),
        "overpromise_risk": rounded(score.overpromise_risk, 2),
        "generic_share": rounded(score.generic_share, 2),
        "grade": score.grade,
        "claims": score.claims,
        "judged": score.judged,
        "words": score.words,
    }


def reading_order(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Judgements as their claims stand on the page."""
    return sorted(judgements, key=lambda j: (j.claim.block, j.claim.start, j.claim.end, j.claim.id))


def pages_by_name(audit: Audit) -> list[PageAudit]:
    """The audited pages by URL or path."""
    return sorted(audit.pages, key=lambda p: (p.page.source, p.page.title))


def is_url(source: str) -> bool:
    """Whether a page's source is an address on the web rather than a path."""
    return source.lower().startswith(("http://", "https://"))


def page_document(audited: PageAudit) -> dict[str, Any]:
    """The page object: its scores, all its sentences and its claims in reading order."""
    ordered = sorted(audited.sentences, key=lambda s: (s.block, s.start, s.end))
    out: dict[str, Any] = {
        "url" if is_url(audited.page.source) else "path": audited.page.source,
        "title": audited.page.title,
        "scores": scores(audited.score),
        "sentences": [
            {
                "text": s.text,
                "block": s.block,
                "checkable": s.checkable,
                "generic": rounded(s.generic),
                "types": [kind.value for kind in s.types],
            }
            for s in ordered
        ],
        "claims": [page_claim_row(j) for j in reading_order(audited.judgements)],
    }
    return out if audited.copy is None else out | {"copy": copy_object(audited.copy)}


def summary(audit: Audit) -> dict[str, Any]:
    """The whole run in counts: what was read, what was judged, how it came out and who should act."""
    judgements = [j for p in audit.pages for j in p.judgements]
    findings = [j for j in judgements if j.verdict in OVERPROMISES]
    owners = sorted({"copy", "docs"} | {j.owner for j in findings})
    return {
        "scores": scores(audit.score),
        "pages": len(audit.pages),
        "documents": audit.documents,
        "passages": audit.passages,
        "sentences": sum(len(p.sentences) for p in audit.pages),
        "checkable_sentences": sum(s.checkable for p in audit.pages for s in p.sentences),
        "claims": len(judgements),
        "judged": audit.score.judged,
        "verdicts": {v.value: sum(j.verdict is v for j in judgements) for v in Verdict},
        "findings": len(findings),
        "by_owner": {owner: sum(j.owner == owner for j in findings) for owner in owners},
        "undersold": len(audit.undersold),
        "problems": len(audit.problems),
    }


def _trend(point: TrendPoint) -> dict[str, Any]:
    return {
        "at": point.at,
        "proof_rate": rounded(point.proof_rate),
        "overpromise_risk": rounded(point.overpromise_risk, 2),
        "generic_share": rounded(point.generic_share, 2),
        "claims": point.claims,
        "judged": point.judged,
        "instrument": point.instrument,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "page": change.page,
        "claim": change.claim,
        "before": None if change.before is None else change.before.value,
        "after": None if change.after is None else change.after.value,
    }


def changes_object(changes: Changes) -> dict[str, Any]:
    """What changed since the last run as a plain object."""
    kinds = {"new": changes.new, "fixed": changes.fixed, "worsened": changes.worsened, "returned": changes.returned}
    return {"since": changes.since, **{k: [_change(c) for c in v] for k, v in kinds.items()}, "unchanged": changes.unchanged}


def audit_document(audit: Audit, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> dict[str, Any]:
    """The JSON object of an audit, schema 1: plain dicts, lists, strings and numbers.

    With `trend` (oldest first, this run last) or `changes` it also has a `trend` list or a `changes` object.
    """
    undersold = sorted(audit.undersold, key=lambda u: (-(rounded(u.score) or 0.0), u.capability, u.doc))
    problems = sorted(audit.problems, key=lambda p: (p.where, p.kind, p.message))
    history: dict[str, Any] = {"trend": [_trend(p) for p in trend]} if trend else {}
    if changes is not None:
        history["changes"] = changes_object(changes)
    return {
        "schema": SCHEMA,
        "product": audit.product,
        "generated_at": audit.generated_at,
        "versions": dict(sorted(audit.versions.items())),
        "summary": summary(audit),
        "pages": [page_document(p) for p in pages_by_name(audit)],
        "undersold": [
            {"capability": u.capability, "doc": u.doc, "quote": u.quote, "score": rounded(u.score)} for u in undersold
        ],
        "clones": [clone_object(c) for c in audit.clones],
        "share_of_voice": [voice_object(v) for v in audit.voices],
        "problems": [{"kind": p.kind, "where": p.where, "message": p.message} for p in problems],
        **history,
    }
