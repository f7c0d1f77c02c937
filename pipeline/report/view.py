"""Audit -> what the scorecard's templates show: records of ready words and numbers. The templates compute nothing.

Anchors: `p3` is the third page by name, `p3b12` its block 12, `p3n4` the note on its fourth claim, `f7` the seventh riskiest finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.records import OVERPROMISES, Audit, Judgement, PageAudit, PageScore, Sentence, Verdict
from pipeline.report.advice import offer, reading
from pipeline.report.charts import ShareView, heat, risky, shares
from pipeline.report.document import pages_by_name, reading_order
from pipeline.report.findings import Finding, findings, fix_first
from pipeline.report.hostile import one_line
from pipeline.report.links import common_root, link_to, page_name
from pipeline.report.sections import SINGLE, sections
from pipeline.report.thresholds import (
    GENERIC_FROM,
    GENERIC_WORDS,
    HOTTEST_RISK,
    MOST_ANNOTATED,
    MOST_FIRST,
    MOST_GENERIC,
)
from pipeline.report.wording import (
    OWNER_TASKS,
    OWNERS,
    PLACES,
    SIGNS,
    VERDICTS,
    headline,
    percent,
    plural,
    points,
    reason,
    sure_of,
    task,
)

RELATIONS = {
    "supports": "says so",
    "limits": "limits it",
    "plans": "plans it",
    "contradicts": "says otherwise",
    "related": "nearest text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """A quote of a document and where it stands."""

    text: str
    doc: str
    heading: str
    link: str
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One claim as a card: the page's words, the docs' words, what to do and who acts."""

    anchor: str
    number: int
    verdict: str
    sign: str
    headline: str
    page_quote: str
    part: str
    place: str
    page_name: str
    page_anchor: str
    spot: str
    page_link: str
    quotes: tuple[QuoteView, ...]
    why: str
    task: str
    offer: str
    owner: str
    owner_task: str
    sure: bool
    also: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView:
    """The three numbers of a site, section or page in words, with denominators and heat (0-4, None where nothing was measured)."""

    grade: str
    proof: str
    proof_of: str
    risk: str
    generic: str
    generic_of: str
    proof_heat: int | None
    risk_heat: int | None
    generic_heat: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row of the page or section table."""

    anchor: str
    name: str
    file: str
    title: str
    link: str
    score: ScoreView
    claims: int
    findings: int
    pages: int
    bar: tuple[ShareView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericView:
    """A sentence that would fit any competitor."""

    text: str
    page_name: str
    spot: str


def score_view(score: PageScore, judgements: Sequence[Judgement]) -> ScoreView:
    """Scores in words; every share with what it is a share of."""
    proven = sum(j.verdict is Verdict.SUPPORTED for j in judgements)
    return ScoreView(
        grade=score.grade or "",
        proof=percent(score.proof_rate),
        proof_of=f"{proven:,} of {plural(score.judged, 'claim')}" if score.judged else "",
        risk=points(score.overpromise_risk),
        generic="not measured" if score.generic_share is None else points(score.generic_share) + "%",
        generic_of=f"of {plural(score.words, 'word')}" if score.generic_share is not None else "",
        proof_heat=heat(None if score.proof_rate is None else 1 - score.proof_rate),
        risk_heat=heat(None if score.overpromise_risk is None else score.overpromise_risk / HOTTEST_RISK),
        generic_heat=heat(None if score.generic_share is None else score.generic_share / 100),
    )


def to_fix(judgements: Sequence[Judgement]) -> float:
    """The risk of all findings among `judgements` together."""
    return sum(j.risk for j in judgements if j.verdict in OVERPROMISES)


class Views:
    """Makes the records of one audit; holds the anchors of its pages and findings."""

    def __init__(self, audit: Audit, parts: Mapping[str, str] | None = None) -> None:
        self.audit = audit
        self.parts = parts or {}
        self.root = common_root([p.page.source for p in audit.pages])
        self.pages = pages_by_name(audit)
        self.anchors = {id(p): f"p{n}" for n, p in enumerate(self.pages, 1)}
        self.findings = findings(audit)
        self.numbers = {id(f.judgement): f.number for f in self.findings}
        # With a file for each page beside it, the site's scorecard need not hold them all.
        self.drawn = {id(p) for p in self.riskiest_pages()[: 0 if self.parts else MOST_ANNOTATED]}
        self.docs_root = common_root(
            [e.doc for p in audit.pages for j in p.judgements for e in j.evidence] + [u.doc for u in audit.undersold]
        )

    def name(self, audited: PageAudit) -> str:
        """The page's name as shown."""
        return page_name(audited.page.source, self.root)

    def doc_name(self, doc: str) -> str:
        """The document's name as shown."""
        return page_name(doc, self.docs_root)

    def spot(self, audited: PageAudit, block: int) -> str:
        """The anchor of a block on the annotated page; of the page where it is not drawn."""
        page = self.anchors[id(audited)]
        return f"{page}b{block}" if id(audited) in self.drawn else page

    def quotes(self, judgement: Judgement) -> tuple[QuoteView, ...]:
        """The docs' words on a claim, those that carry the verdict first."""
        return tuple(
            QuoteView(
                text=reading(e.quote, e.doc),
                doc=self.doc_name(e.doc),
                heading=one_line(e.heading),
                link=link_to(e.doc, "" if e.doc.endswith((".md", ".pdf")) else e.quote),
                relation=RELATIONS[e.relation.value],
            )
            for e in judgement.evidence
        )

    def card(self, judgement: Judgement, audited: PageAudit, also: tuple[PageAudit, ...] = ()) -> FindingView:
        """A claim as a card."""
        claim = judgement.claim
        blocks = audited.page.blocks
        number = self.numbers.get(id(judgement), 0)
        quote = claim.quote or claim.text
        return FindingView(
            anchor=f"f{number}",
            number=number,
            verdict=judgement.verdict.value,
            sign=SIGNS[judgement.verdict],
            headline=headline(judgement),
            page_quote=quote,
            part="" if claim.text.strip() == quote.strip() else claim.text,
            place=PLACES[blocks[claim.block].kind] if 0 <= claim.block < len(blocks) else "Text",
            page_name=self.name(audited),
            page_anchor=self.anchors[id(audited)],
            spot=self.spot(audited, claim.block),
            page_link=link_to(audited.page.source, quote),
            quotes=self.quotes(judgement),
            why=reason(judgement),
            task=task(judgement),
            offer=offer(judgement),
            owner=OWNERS.get(judgement.owner, judgement.owner),
            owner_task=OWNER_TASKS.get(judgement.owner, ""),
            sure=judgement.verdict not in OVERPROMISES or sure_of(judgement),
            also=tuple((self.name(p), self.anchors[id(p)]) for p in also),
        )

    def first(self) -> list[FindingView]:
        """The riskiest sure findings, the same sentence told once."""
        return [self.card(f.judgement, f.audited, f.also) for f in fix_first(self.audit, MOST_FIRST)]

    def by_page(self, *, sure: bool, most: int) -> list[tuple[RowView, list[FindingView]]]:
        """The `most` riskiest findings that are sure, or those that are not, grouped by page; pages with the most risk first."""
        grouped: dict[int, list[Finding]] = {}
        for found in [f for f in self.findings if sure_of(f.judgement) is sure][:most]:
            grouped.setdefault(id(found.audited), []).append(found)
        order = [p for p in self.riskiest_pages() if id(p) in grouped]
        return [(self.row(p), [self.card(f.judgement, p) for f in grouped[id(p)]]) for p in order]

    def riskiest_pages(self) -> list[PageAudit]:
        """Pages by the risk of all their findings together, greatest first: that is where most can be mended."""
        return sorted(self.pages, key=lambda p: (-to_fix(p.judgements), p.page.source))

    def row(self, audited: PageAudit) -> RowView:
        """The page's row in the table."""
        return RowView(
            anchor=self.anchors[id(audited)],
            name=self.name(audited),
            file=self.parts.get(audited.page.source, ""),
            title=audited.page.title,
            link=link_to(audited.page.source),
            score=score_view(audited.score, audited.judgements),
            claims=audited.score.claims,
            findings=sum(j.verdict in OVERPROMISES for j in audited.judgements),
            pages=1,
            bar=shares(audited.judgements),
        )

    def section_rows(self) -> list[RowView]:
        """A row for each section of the site, most to fix first; [] when the site has none."""
        out = []
        for section in sections(self.audit):
            judged = [j for p in section.pages for j in p.judgements]
            row = RowView(
                anchor="",
                name=section.name if section.name == SINGLE else f"/{section.name}/",
                file=self.parts.get(section.name, ""),
                title="",
                link="",
                score=score_view(section.score, judged),
                claims=len(judged),
                findings=sum(j.verdict in OVERPROMISES for j in judged),
                pages=len(section.pages),
                bar=shares(judged),
            )
            out.append((-to_fix(judged), section.name, row))
        return [row for _, _, row in sorted(out, key=lambda x: x[:2])]

    def worst_page(self) -> RowView | None:
        """The page with most to fix; None when there is nothing to fix or only one page."""
        order = [p for p in self.riskiest_pages() if to_fix(p.judgements) > 0]
        return self.row(order[0]) if order and len(self.pages) > 1 else None

    def most_frequent(self) -> str:
        """The label of the verdict that most findings have; "" without findings."""
        order = risky([f.judgement for f in self.findings])
        return VERDICTS[order[0]][0] if order else ""

    def generic(self) -> tuple[list[GenericView], int]:
        """The most generic sentences, each told once, and how many there are in all."""
        found: dict[str, tuple[Sentence, PageAudit]] = {}
        for audited in self.pages:
            for sentence in audited.sentences:
                if sentence.generic >= GENERIC_FROM and len(sentence.text.split()) >= GENERIC_WORDS:
                    found.setdefault(" ".join(sentence.text.lower().split()), (sentence, audited))
        order = sorted(found.values(), key=lambda x: (-x[0].generic, -len(x[0].text.split()), x[0].text))
        views = [GenericView(text=s.text, page_name=self.name(p), spot=self.spot(p, s.block)) for s, p in order[:MOST_GENERIC]]
        return views, len(order)

    def cards_of(self, verdict: Verdict) -> list[FindingView]:
        """Every claim of one verdict, as it stands on the pages."""
        return [self.card(j, p) for p in self.pages for j in reading_order(p.judgements) if j.verdict is verdict]
