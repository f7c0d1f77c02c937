"""Audit -> one HTML file that needs nothing else: no script, no outside asset, light and dark, printable.

Crawled text is data: the templates escape it, links are http(s) only, and a content security policy forbids scripts, frames, forms and
every request, should anything slip through.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.records import Audit, Changes, TrendPoint, Verdict
from pipeline.report.annotated import blocks
from pipeline.report.findings import could_not_check
from pipeline.report.history import changes_view
from pipeline.report.hostile import shown
from pipeline.report.view import Views
from pipeline.report.wording import GRADES, VERDICTS, generic_words, percent, plural, points, risk_words


def _finalize(value: Any) -> Any:
    # Every expression of every template passes here: no control or bidirectional character reaches the page.
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    made = Environment(loader=PackageLoader("pipeline.report", "templates"), autoescape=True, undefined=StrictUndefined,
                       finalize=_finalize, trim_blocks=True, lstrip_blocks=True)
    made.filters["plural"] = plural
    return made


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def html(audit: Audit, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> str:
    """The scorecard as one HTML document; the same input gives the same bytes. `trend` is oldest first, this run last."""
    environment = _environment()
    loader = environment.loader
    assert loader is not None
    style = "\n" + loader.get_source(environment, "scorecard.css")[0].strip() + "\n"
    views = Views(audit)
    score = audit.score
    generic, generic_total = views.generic()
    judgements = [j for p in audit.pages for j in p.judgements]
    first = views.first()
    return environment.get_template("scorecard.html").render(
        # The only text that is not escaped is our own style sheet; its hash stands in the policy.
        style=Markup(style), policy=_policy(style), product=audit.product or "This site", audit=audit,
        proven=sum(j.verdict is Verdict.SUPPORTED for j in judgements), proof=percent(score.proof_rate), risk=points(score.overpromise_risk),
        risk_words=risk_words(score.overpromise_risk), generic_share=points(score.generic_share), generic_words=generic_words(score.generic_share),
        score=score, grade_words=GRADES.get(score.grade or "", "Too few claims to grade"), shares=views.shares(), claims=len(judgements),
        first=first, findings=len(views.findings), first_places=len(first) + sum(len(f.also) for f in first), by_page=views.by_page(),
        pages=[views.row(p) for p in views.riskiest_pages()], external=views.cards_of(Verdict.EXTERNAL), unsure=views.unsure(),
        unsettled=could_not_check(audit), generic=generic, generic_total=generic_total,
        undersold=sorted(audit.undersold, key=lambda u: (-u.score, u.capability)),
        problems=sorted(audit.problems, key=lambda p: (p.where, p.kind, p.message)), legend=list(VERDICTS.items()),
        annotated=[(views.row(p), blocks(p, views)) for p in views.pages], date=audit.generated_at.replace("T", " ").replace("Z", " UTC"),
        by_owner={o: sum(f.judgement.owner == o for f in views.findings) for o in ("copy", "docs")}, versions=sorted(audit.versions.items()),
        trend=tuple(trend), changed=None if changes is None else changes_view(changes))
