"""A crawled page as its readers see it, each claim marked in place: made from blocks and offsets, never from the page's own HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import Block, BlockKind, Judgement, PageAudit, Region
from pipeline.report.document import reading_order
from pipeline.report.view import FindingView, Views
from pipeline.report.wording import PLACES

# Search engines and networks show these; a visitor of the page does not see them there.
BEHIND = frozenset({BlockKind.TITLE, BlockKind.DESCRIPTION, BlockKind.OPEN_GRAPH, BlockKind.JSON_LD, BlockKind.ALT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of text; `claim` is the number of the claim in the block (from 1), 0 for plain text."""

    text: str
    claim: int = 0
    card: FindingView | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """The evidence on one claim, shown when its words are chosen; `anchor` is where the words link to."""

    anchor: str
    card: FindingView


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockView:
    """A block with its claims marked and the notes on them; `shape` is how it is drawn. A table row has `cells` in place of pieces."""

    anchor: str
    kind: str
    shape: str
    level: int
    pieces: tuple[Piece, ...]
    notes: tuple[NoteView, ...]
    cells: tuple[str, ...] = ()


def pieces(block: Block, judgements: list[Judgement], cards: list[FindingView], notes: Sequence[str] = ()) -> tuple[Piece, ...]:
    """`block.text` cut at its claims, nothing lost: joined, the pieces are the text. Overlapping claims keep the first."""
    out: list[Piece] = []
    position = 0
    for number, (judgement, card) in enumerate(zip(judgements, cards, strict=True), 1):
        start, end = judgement.claim.start, judgement.claim.end
        if start < position or end <= start or end > len(block.text):
            continue
        if start > position:
            out.append(Piece(text=block.text[position:start]))
        out.append(Piece(text=block.text[start:end], claim=number, card=card, note=notes[number - 1] if notes else ""))
        position = end
    if position < len(block.text):
        out.append(Piece(text=block.text[position:]))
    return tuple(out)


def shape(block: Block) -> str:
    """How a block is drawn: heading, item, row, button, quote, code, behind (not on the page itself) or text."""
    if block.kind in BEHIND:
        return "behind"
    return {BlockKind.HEADING: "heading", BlockKind.LIST_ITEM: "item", BlockKind.TABLE_ROW: "row", BlockKind.TABLE_CELL: "row",
            BlockKind.BUTTON: "button", BlockKind.QUOTE: "quote", BlockKind.CODE: "code", BlockKind.QUESTION: "heading"}.get(block.kind, "text")


def blocks(audited: PageAudit, views: Views) -> list[BlockView]:
    """The page's copy in reading order; navigation, footers and banners are left out, as they are not audited."""
    found: dict[int, list[Judgement]] = {}
    for judgement in reading_order(audited.judgements):
        found.setdefault(judgement.claim.block, []).append(judgement)
    out: list[BlockView] = []
    page, count = views.anchors[id(audited)], 0
    for number, block in enumerate(audited.page.blocks):
        if block.region not in (Region.MAIN, Region.HEAD) and number not in found:
            continue
        judged = found.get(number, [])
        cards = [views.card(j, audited) for j in judged]
        anchors = [f"{page}n{n}" for n in range(count + 1, count + len(judged) + 1)]
        count += len(judged)
        out.append(
            BlockView(
                anchor=views.spot(audited, number),
                kind=PLACES[block.kind],
                shape=shape(block),
                level=block.level,
                pieces=pieces(block, judged, cards, anchors),
                notes=tuple(NoteView(anchor=a, card=c) for a, c in zip(anchors, cards, strict=True)),
                cells=block.cells if block.kind is BlockKind.TABLE_ROW and not judged else (),
            )
        )
    return out
