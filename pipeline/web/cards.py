"""Audit -> what the pages show of it: cards, bars and the copy with its claims marked. Words come from the scorecard's own list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.fingerprint import fingerprint
from pipeline.records import OVERPROMISES, Audit, Block, BlockKind, Judgement, PageAudit, Region, Verdict
from pipeline.report.advice import offer, reading
from pipeline.report.charts import shares
from pipeline.report.document import is_url, pages_by_name, reading_order
from pipeline.report.findings import could_not_check, findings
from pipeline.report.hostile import safe_link
from pipeline.report.thresholds import GENERIC_FROM, GENERIC_WORDS, MOST_GENERIC, MOST_UNDERSOLD
from pipeline.report.wording import (
    GRADES,
    OWNER_TASKS,
    OWNERS,
    PLACES,
    SIGNS,
    VERDICTS,
    generic_words,
    headline,
    percent,
    plural,
    points,
    reason,
    risk_words,
    sure_of,
    task,
)

BEHIND = frozenset({BlockKind.TITLE, BlockKind.DESCRIPTION, BlockKind.OPEN_GRAPH, BlockKind.JSON_LD, BlockKind.ALT})
SHAPES = {
    BlockKind.HEADING: "heading", BlockKind.LIST_ITEM: "item", BlockKind.TABLE_ROW: "row", BlockKind.TABLE_CELL: "row",
    BlockKind.BUTTON: "button", BlockKind.QUOTE: "quote", BlockKind.CODE: "code", BlockKind.QUESTION: "heading",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A quote of a document; `link` is "" for one that is no address."""

    text: str
    doc: str
    heading: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One claim: the page's words, the docs' words, what to do and who acts."""

    number: int
    claim: str
    verdict: str
    sign: str
    headline: str
    page_quote: str
    part: str
    place: str
    spot: str
    page: str
    quotes: tuple[Quoted, ...]
    why: str
    task: str
    owner: str
    owner_task: str
    offer: str
    sure: bool
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of text, marked when it is a claim."""

    text: str
    card: Card | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A block of the copy with its claims marked."""

    anchor: str
    kind: str
    shape: str
    level: int
    pieces: tuple[Piece, ...]
    cards: tuple[Card, ...]


def card(judgement: Judgement, audited: PageAudit, *, number: int = 0, page: int = 0) -> Card:
    """A claim as a card; `number` is the finding's, `page` the page's (from 1)."""
    claim, blocks = judgement.claim, audited.page.blocks
    quote = claim.quote or claim.text
    return Card(
        number=number, claim=claim.text, verdict=judgement.verdict.value, sign=SIGNS[judgement.verdict], headline=headline(judgement), page_quote=quote,
        part="" if claim.text.strip() == quote.strip() else claim.text,
        place=PLACES[blocks[claim.block].kind] if 0 <= claim.block < len(blocks) else "Text",
        spot=f"p{page}b{claim.block}" if 0 <= claim.block < len(blocks) else "",
        page=audited.page.source,
        quotes=tuple(
            Quoted(text=reading(e.quote, e.doc), doc=e.doc, heading=e.heading, link=safe_link(e.doc) if is_url(e.doc) else "")
            for e in judgement.evidence
        ),
        why=reason(judgement), offer=offer(judgement), task=task(judgement), owner=OWNERS.get(judgement.owner, judgement.owner),
        owner_task=OWNER_TASKS.get(judgement.owner, ""), sure=sure_of(judgement), mark=fingerprint(claim.text),
    )  # fmt: skip


def pieces(block: Block, cards: list[tuple[Judgement, Card]]) -> tuple[Piece, ...]:
    """`block.text` cut at its claims; joined, the pieces are the text. Where claims overlap, the first one is marked."""
    out: list[Piece] = []
    position = 0
    for judgement, shown in cards:
        start, end = judgement.claim.start, judgement.claim.end
        if start < position or end <= start or end > len(block.text):
            continue
        if start > position:
            out.append(Piece(text=block.text[position:start]))
        out.append(Piece(text=block.text[start:end], card=shown))
        position = end
    if position < len(block.text):
        out.append(Piece(text=block.text[position:]))
    return tuple(out)


def in_place(audited: PageAudit, page: int) -> list[Shown]:
    """The copy of a page in reading order; menus and footers are left out, as they are not audited."""
    found: dict[int, list[tuple[Judgement, Card]]] = {}
    for judgement in reading_order(audited.judgements):
        found.setdefault(judgement.claim.block, []).append((judgement, card(judgement, audited, page=page)))
    out = []
    for number, block in enumerate(audited.page.blocks):
        if block.region not in (Region.MAIN, Region.HEAD) and number not in found:
            continue
        judged = found.get(number, [])
        out.append(
            Shown(
                anchor=f"p{page}b{number}", kind=PLACES[block.kind], level=block.level,
                shape="behind" if block.kind in BEHIND else SHAPES.get(block.kind, "text"),
                pieces=pieces(block, judged), cards=tuple(c for _, c in judged),
            )
        )  # fmt: skip
    return out


def generic_sentences(audit: Audit) -> list[str]:
    """Sentences that any competitor could print, the most generic first, each once."""
    found = {
        s.text: s.generic
        for p in audit.pages
        for s in p.sentences
        if s.generic >= GENERIC_FROM and len(s.text.split()) >= GENERIC_WORDS
    }
    return sorted(found, key=lambda t: (-found[t], t))


def result(audit: Audit) -> dict[str, Any]:
    """What the result's template shows."""
    score, pages = audit.score, pages_by_name(audit)
    numbers = {id(p): n for n, p in enumerate(pages, 1)}
    judged = [j for p in pages for j in p.judgements]
    generic = generic_sentences(audit)
    found = [card(f.judgement, f.audited, number=f.number, page=numbers[id(f.audited)]) for f in findings(audit)]
    by_owner = {o: sum(j.verdict in OVERPROMISES and j.owner == o for j in judged) for o in ("copy", "docs")}
    return {
        "score": score, "claims": len(judged), "many": len(pages) > 1, "documents": audit.documents, "passages": audit.passages,
        "findings": found, "sure": [c for c in found if c.sure], "look": [c for c in found if not c.sure],
        "proven": sum(j.verdict is Verdict.SUPPORTED for j in judged), "proof": percent(score.proof_rate), "risk": points(score.overpromise_risk),
        "risk_words": risk_words(score.overpromise_risk), "generic_share": points(score.generic_share),
        "generic_words": generic_words(score.generic_share), "grade_words": GRADES.get(score.grade or "", "Too few claims to grade"),
        "bars": shares(judged),
        "external": [card(j, p, page=numbers[id(p)]) for p in pages for j in p.judgements if j.verdict is Verdict.EXTERNAL],
        "unsettled": could_not_check(audit), "generic": generic[:MOST_GENERIC], "generic_total": len(generic),
        "undersold": sorted(audit.undersold, key=lambda u: (-u.score, u.capability))[:MOST_UNDERSOLD],
        "problems": sorted(audit.problems, key=lambda p: (p.where, p.kind)), "legend": list(VERDICTS.values()),
        "pages": [
            {"title": p.page.title or p.page.source, "source": p.page.source, "anchor": f"p{n}", "claims": len(p.judgements),
             "findings": sum(j.verdict in OVERPROMISES for j in p.judgements), "blocks": in_place(p, n)}
            for n, p in enumerate(pages, 1)
        ],
        "acting": [(OWNERS[o], OWNER_TASKS[o], plural(n, "finding")) for o, n in by_owner.items()],
    }  # fmt: skip
