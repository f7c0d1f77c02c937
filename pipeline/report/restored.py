"""The JSON object of an audit -> the records it was made of: an audit that lies in the store can be shown in every form.

`page_part` is the page object with the page's blocks beside it (key `blocks`), which is what the store keeps. Without blocks a page is rebuilt
from its sentences: everything but the copy between them is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.generality import Voice
from pipeline.records import (
    Audit,
    Block,
    BlockKind,
    Candidate,
    Claim,
    ClaimType,
    Condition,
    ConditionKind,
    Evidence,
    Judgement,
    Page,
    PageAudit,
    PageScore,
    Problem,
    Region,
    Relation,
    Sentence,
    Undersold,
    Verdict,
)
from pipeline.report.document import page_document, rounded
from pipeline.report.generality import clone_from, copy_from

BLOCK_EXTRAS = ("heading_path", "cells", "columns")


def page_part(audited: PageAudit) -> dict[str, Any]:
    """The page object of the audit with `blocks`: [{kind, text, selector, region, ...}], fields at their default left out."""
    return page_document(audited) | {"blocks": [_block(b) for b in audited.page.blocks], "language": audited.page.language}


def _block(block: Block) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": block.kind.value, "text": block.text, "selector": block.selector}
    if block.region is not Region.MAIN:
        out["region"] = block.region.value
    if block.level:
        out["level"] = block.level
    if block.reading:
        out["reading"] = block.reading
    out |= {name: list(getattr(block, name)) for name in BLOCK_EXTRAS if getattr(block, name)}
    return out | {"prominence": rounded(block.prominence)}


def audit_from(document: Mapping[str, Any]) -> Audit:
    """The Audit that `audit_document` made `document` of. Raises KeyError or ValueError for what is no audit of schema 1."""
    summary = document["summary"]
    return Audit(
        product=document["product"],
        generated_at=document["generated_at"],
        versions=dict(document["versions"]),
        pages=tuple(page_from(page) for page in document["pages"]),
        undersold=tuple(Undersold(**{n: u[n] for n in ("capability", "doc", "quote", "score")}) for u in document["undersold"]),
        problems=tuple(Problem(kind=p["kind"], where=p["where"], message=p["message"]) for p in document["problems"]),
        documents=summary.get("documents", 0),
        passages=summary.get("passages", 0),
        score=_score(summary["scores"]),
        clones=tuple(clone_from(c) for c in document.get("clones", ())),
        voices=tuple(Voice(**v) for v in document.get("share_of_voice", ())),
    )


def page_from(page: Mapping[str, Any]) -> PageAudit:
    """One page object -> its PageAudit."""
    source = str(page.get("url") or page.get("path") or "")
    blocks = [_block_from(b) for b in page["blocks"]] if "blocks" in page else _blocks_of(page)
    return PageAudit(
        page=Page(source=source, title=page["title"], blocks=tuple(blocks), language=page.get("language", "")),
        sentences=tuple(_sentences(page["sentences"], blocks)),
        judgements=tuple(judgement_from(row, blocks) for row in page["claims"]),
        score=_score(page["scores"]),
        copy=copy_from(page["copy"], source) if page.get("copy") else None,
    )


def _score(scores: Mapping[str, Any]) -> PageScore:
    names = ("proof_rate", "overpromise_risk", "generic_share", "grade", "claims", "judged")
    return PageScore(**{name: scores[name] for name in names}, words=scores.get("words", 0))


def _block_from(block: Mapping[str, Any]) -> Block:
    return Block(
        kind=BlockKind(block["kind"]),
        text=block["text"],
        selector=block["selector"],
        region=Region(block.get("region", "main")),
        level=block.get("level", 0),
        reading=block.get("reading", ""),
        heading_path=tuple(block.get("heading_path", ())),
        cells=tuple(block.get("cells", ())),
        columns=tuple(block.get("columns", ())),
        prominence=block.get("prominence", 0.5),
    )


def _blocks_of(page: Mapping[str, Any]) -> list[Block]:
    """Blocks rebuilt from the sentences in them; offsets of claims hold where nothing but one space stood between sentences."""
    texts: dict[int, list[str]] = defaultdict(list)
    places = {row["block"]: row["selector"] for row in page["claims"]}
    for sentence in page["sentences"]:
        texts[sentence["block"]].append(sentence["text"])
    last = max(texts, default=-1)
    return [
        Block(kind=BlockKind.PARAGRAPH, text=" ".join(texts.get(n, [])), selector=places.get(n, "")) for n in range(last + 1)
    ]


def _sentences(rows: Sequence[Mapping[str, Any]], blocks: Sequence[Block]) -> list[Sentence]:
    out: list[Sentence] = []
    reached: dict[int, int] = {}
    for row in rows:
        number, text = row["block"], row["text"]
        inside = blocks[number].text if number < len(blocks) else ""
        # Sentences come in order of their start; one inside another (a cell in its row) begins at or after it.
        start = max(0, inside.find(text, reached.get(number, 0)))
        reached[number] = start
        types = tuple(ClaimType(kind) for kind in row["types"])
        out.append(
            Sentence(
                text=text, block=number, start=start, end=start + len(text), types=types, checkable=row["checkable"],
                generic=0.5 if row["generic"] is None else row["generic"],
            )
        )  # fmt: skip
    return out


def judgement_from(row: Mapping[str, Any], blocks: Sequence[Block] = ()) -> Judgement:
    """One claim's row -> its Judgement."""
    number = row.get("block", 0)
    path = blocks[number].heading_path if number < len(blocks) else ()
    condition = row["condition"]
    return Judgement(
        claim=Claim(
            id=row["id"],
            text=row["claim"],
            quote=row.get("page_quote", row["claim"]),
            types=tuple(ClaimType(kind) for kind in row["types"]),
            block=number,
            selector=row.get("selector", ""),
            start=row.get("start", 0),
            end=row.get("end", len(row["claim"])),
            prominence=row.get("prominence", 0.5),
            context=path[-1] if path else "",
        ),
        verdict=Verdict(row["verdict"]),
        confidence=row["confidence"],
        overpromise=row["overpromise"],
        condition=None if condition is None else Condition(kind=ConditionKind(condition["kind"]), value=condition["value"]),
        evidence=tuple(
            Evidence(
                doc=e["doc"], heading=e.get("heading", ""), quote=e["quote"], relation=Relation(e["relation"]), score=e["score"]
            )
            for e in row["evidence"]
        ),
        candidates=tuple(Candidate(doc=c["doc"], quote=c["quote"], score=c["score"]) for c in row["candidates"]),
        why=row["why"],
        remedy=row["remedy"],
        owner=row.get("owner", "copy"),
        risk=row.get("risk", 0.0),
    )
