"""Audit -> what the scorecard's templates show: records of ready words and numbers. The templates compute nothing.

Anchors: `p3` is the third page by name, `p3b12` its block 12, `f7` the seventh riskiest finding.
"""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

from pipeline.records import OVERPROMISES, Audit, Judgement, PageAudit, Sentence, Verdict
from pipeline.report.document import is_url, pages_by_name
from pipeline.report.findings import Finding, findings, fix_first, unsure_of
from pipeline.report.hostile import one_line, safe_link
from pipeline.report.wording import INKS, OWNER_TASKS, OWNERS, PLACES, SIGNS, VERDICTS, headline, percent, points, task

MOST_FIRST = 10
MOST_GENERIC = 15
GENERIC_FROM = 0.5
# A heading of two words is generic by nature; a writer mends sentences.
GENERIC_WORDS = 5


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
    owner: str
    owner_task: str
    unsure: bool
    also: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """A row of the page table; heat is 0-4, None where nothing was measured."""

    anchor: str
    name: str
    title: str
    link: str
    grade: str | None
    claims: int
    judged: int
    proven: int
    findings: int
    generic: str
    risk: str
    proof_heat: int | None
    finding_heat: int | None
    generic_heat: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareView:
    """One bar of the verdict chart; `width` in per cent of the longest bar, `share` of all claims."""

    verdict: str
    sign: str
    label: str
    meaning: str
    colour: str
    count: int
    share: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericView:
    """A sentence that would fit any competitor."""

    text: str
    page_name: str
    spot: str


def site_root(audit: Audit) -> str:
    """`https://host` when every page is of one host, else ""; page names are shown without it."""
    roots = {urllib.parse.urljoin(p.page.source, "/") if is_url(p.page.source) else "" for p in audit.pages}
    return roots.pop() if len(roots) == 1 else ""


def page_name(source: str, root: str) -> str:
    """A page's name as shown: its path on a one-host site, else the whole source."""
    name = source.removeprefix(root.rstrip("/")) if root and root != "/" else source
    return one_line(name or "/") or "(no name)"


def _quotes(judgement: Judgement) -> tuple[QuoteView, ...]:
    relations = {"supports": "says so", "limits": "limits it", "plans": "plans it", "contradicts": "says otherwise", "related": "nearest text"}
    return tuple(QuoteView(text=e.quote, doc=one_line(e.doc), heading=one_line(e.heading), link=_doc_link(e.doc), relation=relations[e.relation.value])
                 for e in judgement.evidence)


def _doc_link(doc: str) -> str:
    # A path is relative to a folder that the scorecard's reader may not have: only addresses are links.
    return safe_link(doc) if is_url(doc) else ""


class Views:
    """Makes the records of one audit; holds the anchors of its pages and findings."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.root = site_root(audit)
        self.pages = pages_by_name(audit)
        self.anchors = {id(p): f"p{n}" for n, p in enumerate(self.pages, 1)}
        self.findings = findings(audit)
        self.numbers = {id(f.judgement): f.number for f in self.findings}

    def name(self, audited: PageAudit) -> str:
        """The page's name as shown."""
        return page_name(audited.page.source, self.root)

    def spot(self, audited: PageAudit, block: int) -> str:
        """The anchor of a block on the annotated page."""
        return f"{self.anchors[id(audited)]}b{block}"

    def card(self, judgement: Judgement, audited: PageAudit, also: tuple[PageAudit, ...] = ()) -> FindingView:
        """A claim as a card."""
        claim = judgement.claim
        blocks = audited.page.blocks
        number = self.numbers.get(id(judgement), 0)
        quote = claim.quote or claim.text
        return FindingView(
            anchor=f"f{number}", number=number, verdict=judgement.verdict.value, sign=SIGNS[judgement.verdict], headline=headline(judgement),
            page_quote=quote, part="" if claim.text.strip() == quote.strip() else claim.text,
            place=PLACES[blocks[claim.block].kind] if 0 <= claim.block < len(blocks) else "Text",
            page_name=self.name(audited), page_anchor=self.anchors[id(audited)], spot=self.spot(audited, claim.block),
            page_link=safe_link(audited.page.source) if is_url(audited.page.source) else "", quotes=_quotes(judgement), why=judgement.why,
            task=task(judgement), owner=OWNERS.get(judgement.owner, judgement.owner), owner_task=OWNER_TASKS.get(judgement.owner, ""),
            unsure=unsure_of(judgement), also=tuple((self.name(p), self.anchors[id(p)]) for p in also))

    def first(self) -> list[FindingView]:
        """The riskiest findings, the same sentence told once."""
        return [self.card(f.judgement, f.audited, f.also) for f in fix_first(self.audit, MOST_FIRST)]

    def by_page(self) -> list[tuple[PageView, list[FindingView]]]:
        """Every finding, grouped by page; pages with the most risk first."""
        grouped: dict[int, list[Finding]] = {}
        for found in self.findings:
            grouped.setdefault(id(found.audited), []).append(found)
        order = [p for p in self.riskiest_pages() if id(p) in grouped]
        return [(self.row(p), [self.card(f.judgement, p) for f in sorted(grouped[id(p)], key=lambda f: f.number)]) for p in order]

    def riskiest_pages(self) -> list[PageAudit]:
        """Pages by overpromise risk, greatest first; those without a measure last."""
        return sorted(self.pages, key=lambda p: (p.score.overpromise_risk is None, -(p.score.overpromise_risk or 0.0), p.page.source))

    def row(self, audited: PageAudit) -> PageView:
        """The page's row in the table."""
        score = audited.score
        found = sum(j.verdict in OVERPROMISES for j in audited.judgements)
        return PageView(
            anchor=self.anchors[id(audited)], name=self.name(audited), title=audited.page.title,
            link=safe_link(audited.page.source) if is_url(audited.page.source) else "", grade=score.grade, claims=score.claims,
            judged=score.judged, proven=sum(j.verdict is Verdict.SUPPORTED for j in audited.judgements), findings=found,
            generic="not measured" if score.generic_share is None else points(score.generic_share) + "%", risk=points(score.overpromise_risk),
            proof_heat=None if score.proof_rate is None else heat(1 - score.proof_rate),
            finding_heat=None if score.overpromise_risk is None else heat(score.overpromise_risk / 80),
            generic_heat=None if score.generic_share is None else heat(score.generic_share / 100))

    def shares(self) -> list[ShareView]:
        """One bar for each verdict that occurs, in the order of the legend."""
        judgements = [j for p in self.pages for j in p.judgements]
        counts = {v: sum(j.verdict is v for j in judgements) for v in VERDICTS}
        out: list[ShareView] = []
        x = 0.0
        for verdict, (label, meaning) in VERDICTS.items():
            if counts[verdict]:
                share = counts[verdict] / len(judgements)
                out.append(ShareView(verdict=verdict.value, sign=SIGNS[verdict], label=label, meaning=meaning, colour=INKS[verdict], count=counts[verdict],
                                     share=percent(share), x=round(1000 * x, 2), width=round(1000 * share, 2)))
                x += share
        return out

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
        return [self.card(j, p) for p in self.pages for j in p.judgements if j.verdict is verdict]

    def unsure(self) -> list[FindingView]:
        """Claims whose verdict a person should settle."""
        return [self.card(j, p) for p in self.pages for j in p.judgements if unsure_of(j)]


def heat(share: float) -> int:
    """0 (fine) to 4 (hot) for a share of 0-1."""
    return min(4, max(0, int(share * 5)))
