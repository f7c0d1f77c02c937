"""Audit -> one HTML file that needs nothing else: no script, no outside asset, light and dark, printable.

Crawled text is data: the templates escape it, links are http(s) only, and a content security policy forbids scripts, frames, forms and
every request, should anything slip through.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.errors import UsageError
from pipeline.records import Audit, Changes, TrendPoint, Verdict
from pipeline.report.advice import reading
from pipeline.report.annotated import blocks
from pipeline.report.charts import TrendView, shares, trend_view
from pipeline.report.findings import could_not_check, worth_a_look
from pipeline.report.generality import copy_view
from pipeline.report.history import changes_view
from pipeline.report.hostile import shown
from pipeline.report.links import common_root, link_to, page_name
from pipeline.report.sections import SINGLE, narrowed, sections
from pipeline.report.thresholds import MOST_CARDS, MOST_PAGE_ROWS, MOST_UNDERSOLD
from pipeline.report.view import Views, score_view
from pipeline.report.wording import (
    GRADES,
    OWNER_TASKS,
    OWNERS,
    VERDICTS,
    day,
    generic_words,
    plural,
    quoted,
    risk_words,
)


def _finalize(value: Any) -> Any:
    # Every expression of every template passes here: no control or bidirectional character reaches the page.
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    made = Environment(loader=PackageLoader("pipeline.report", "templates"), autoescape=True, undefined=StrictUndefined,
                       finalize=_finalize, trim_blocks=True, lstrip_blocks=True)
    made.filters["plural"] = plural
    made.filters["quoted"] = quoted
    return made


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def html(audit: Audit, trend: Sequence[TrendPoint] = (), changes: Changes | None = None, *, of: str = "", up: str = "", paper: bool = False,
         parts: Mapping[str, str] | None = None) -> str:
    """The scorecard as one HTML document; the same input gives the same bytes. `trend` is oldest first, this run last.

    `of` names the section or page when the audit is narrowed to one, `up` is the link back to the whole site; `paper` leaves out the
    annotated pages, which are of no use where nothing can be chosen. `parts` are the files of scorecards of sections (by name) and pages (by
    source) beside this one: then the annotated pages stand there.
    """
    environment = _environment()
    loader = environment.loader
    assert loader is not None
    style = "\n" + loader.get_source(environment, "scorecard.css")[0].strip() + "\n"
    views = Views(audit, parts or {})
    generic, generic_total = views.generic()
    judgements = [j for p in audit.pages for j in p.judgements]
    first = views.first()
    pages = views.riskiest_pages()
    look = worth_a_look(audit)
    drawn = [p for p in views.pages if id(p) in views.drawn]
    undersold = sorted(audit.undersold, key=lambda u: (-u.score, u.capability))
    return environment.get_template("scorecard.html").render(
        # The only text that is not escaped is our own style sheet; its hash stands in the policy.
        style=Markup(style),
        policy=_policy(style),
        product=audit.product or "This site",
        of=of,
        up=up,
        audit=audit,
        date=day(audit.generated_at),
        score=score_view(audit.score, judgements),
        grade_words=GRADES.get(audit.score.grade or "", "Too few claims to grade"),
        risk_words=risk_words(audit.score.overpromise_risk),
        generic_words=generic_words(audit.score.generic_share),
        trend=_lines(trend),
        changed=None if changes is None else changes_view(changes, views.root),
        shares=shares(judgements),
        claims=len(judgements),
        judged=audit.score.judged,
        findings=len(views.findings),
        sure=len(views.findings) - len(look),
        look=len(look),
        by_owner={o: sum(f.judgement.owner == o for f in views.findings) for o in ("copy", "docs")},
        owners=OWNERS,
        owner_tasks=OWNER_TASKS,
        worst=views.worst_page(),
        frequent=views.most_frequent(),
        first=first,
        first_places=len(first) + sum(len(f.also) for f in first),
        sections=views.section_rows(),
        pages=[views.row(p) for p in pages],
        most_page_rows=MOST_PAGE_ROWS,
        by_page=views.by_page(sure=True, most=MOST_CARDS),
        look_by_page=views.by_page(sure=False, most=MOST_CARDS),
        most_cards=MOST_CARDS,
        external=views.cards_of(Verdict.EXTERNAL)[:MOST_CARDS],
        unsettled=could_not_check(audit),
        generic=generic,
        generic_total=generic_total,
        reading=reading,
        doc_name=views.doc_name,
        copy=copy_view(audit, {p.page.source: views.name(p) for p in views.pages}, {p.page.source: views.anchors[id(p)] for p in views.pages}),
        undersold=[(u, views.doc_name(u.doc), link_to(u.doc), reading(u.quote, u.doc)) for u in undersold],
        most_undersold=MOST_UNDERSOLD,
        problems=sorted(audit.problems, key=lambda p: (p.where, p.kind, p.message)),
        legend=list(VERDICTS.items()),
        paper=paper,
        annotated=[] if paper else [(views.row(p), blocks(p, views)) for p in drawn],
        parted=bool(parts),
        drawn={views.anchors[id(p)] for p in drawn},
        versions=sorted(audit.versions.items()),
    )


def _lines(trend: Sequence[TrendPoint]) -> dict[str, TrendView | None]:
    """The trend line of each of the three numbers; None where there is too little to draw."""
    proof = [None if p.proof_rate is None else 100 * p.proof_rate for p in trend]
    return {
        "proof": trend_view(trend, proof, unit="%", higher_is_better=True),
        "risk": trend_view(trend, [p.overpromise_risk for p in trend], unit="", higher_is_better=False),
        "generic": trend_view(trend, [p.generic_share for p in trend], unit="%", higher_is_better=False),
    }


def section_html(audit: Audit, name: str, *, up: str = "") -> str:
    """The scorecard of one section, as `sections` names it. Raises UsageError for a name that is none."""
    found = {s.name: s for s in sections(audit)}
    if name not in found:
        raise UsageError(f"There is no section {name!r}: the sections are {', '.join(found) or 'none'}.")
    return html(narrowed(audit, found[name].pages), of=name if name == SINGLE else f"/{name}/", up=up)


def page_html(audit: Audit, source: str, *, up: str = "") -> str:
    """The scorecard of one page with its copy annotated. Raises UsageError for a page that was not audited."""
    found = [p for p in audit.pages if p.page.source == source]
    if not found:
        raise UsageError(f"{source} is not among the {len(audit.pages)} audited pages.")
    return html(narrowed(audit, found), of=page_name(source, common_root([p.page.source for p in audit.pages])), up=up)
