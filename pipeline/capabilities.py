"""Documentation pages -> passages with heading path, readable tables and facets; and the ladder of plans that the docs name.

A passage is a window of one section, about WINDOW words: paragraphs, items and table rows that stand together. Each
part can be quoted as it stands in the file; the reading says a table row as "SSO: Starter = no; Business = yes".
Symbols for yes and no in tables are read as words.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pipeline import rules
from pipeline.records import Block, BlockKind, Facets, Page, Passage, Region, Status

# 70 words keep a passage, its heading path and a claim within the 256 tokens that the encoders read. Windows of
# 40, 70 and 110 words were compared on the development products for document recall; 70 was best at five and ten.
WINDOW = 70
TABLE_ROW = re.compile(r" [=|] ")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]?\s+(?=[A-Z0-9\"'(\[*_`])")
YES = frozenset({"✓", "✔", "✔️", "✅", "yes", "y", "x", "•", "●", "included", "check", "true", "☑", "🗸"})
NO = frozenset({"✗", "✘", "❌", "no", "n", "-", "–", "—", "not included", "false", "✕", "×", "", "🚫", "n/a"})
PLAN_PLACE = re.compile(r"\b(plans?|pricing|editions?|tiers?|subscriptions?|packages?|licen[cs]es?)\b", re.I)
NAMED_PLAN = re.compile(r"\b([A-Z][a-z]+)\*{0,2}\s+(?:plan|edition|tier|organization)s?\b")
# Order in which vendors put plans when a table does not tell.
USUAL_ORDER = (
    "community",
    "free",
    "hobby",
    "personal",
    "individual",
    "solo",
    "starter",
    "essential",
    "essentials",
    "basic",
    "standard",
    "team",
    "teams",
    "plus",
    "growth",
    "pro",
    "professional",
    "premium",
    "business",
    "scale",
    "advanced",
    "ultimate",
    "corporate",
    "enterprise",
)
# What stands over the column of features in a plan table; needed where the plans bear names of the vendor's own making.
OVER_FEATURES = frozenset({"", "feature", "features", "limit", "limits", "item", "plan", "what", "capability"})
NOT_A_PLAN = frozenset(
    {
        "the",
        "this",
        "your",
        "each",
        "all",
        "any",
        "every",
        "paid",
        "current",
        "our",
        "new",
        "higher",
        "lower",
        "other",
        "monthly",
        "annual",
        "yearly",
        "custom",
        "which",
        "these",
        "some",
        "selected",
        "feature",
        "on",
        "limits",
        "service",
        "pricing",
        "both",
        "no",
        "data",
        "cloud",
        "if",
        "to",
        "see",
        "change",
        "upgrade",
        "available",
        "compare",
        "choose",
        "test",
        "query",
        "action",
        "project",
        "legacy",
    }
)


def _cell(text: str) -> str:
    low = text.strip().lower()
    if low in YES:
        return "yes"
    return "no" if low in NO else text.strip()


def row_reading(block: Block) -> str:
    """A table row as a sentence: `Funnels: Starter = no; Business = yes`."""
    cells = [c for c in block.cells]
    if not block.columns or len(block.columns) != len(cells):
        return " | ".join(c for c in cells if c)
    head, rest = cells[0], list(zip(block.columns[1:], cells[1:], strict=True))
    said = "; ".join(f"{name} = {_cell(value)}" if name else _cell(value) for name, value in rest)
    return f"{head}: {said}" if head else said


def _parts(block: Block) -> list[tuple[str, str]]:
    """(verbatim, reading) pieces of a block, each at most about a window long, cut at sentence ends."""
    reading = row_reading(block) if block.cells else block.reading or block.text
    if block.cells or len(block.text.split()) <= WINDOW * 1.3:
        return [(block.text, reading)]
    pieces: list[list[str]] = [[]]
    words = 0
    for sentence in SENTENCE_END.split(block.text):
        count = len(sentence.split())
        if pieces[-1] and words + count > WINDOW:
            pieces.append([])
            words = 0
        pieces[-1].append(sentence)
        words += count
    out: list[tuple[str, str]] = []
    position = 0
    for piece in pieces:
        # Found again in the block's own text, so that the white space and quotes between sentences stay verbatim.
        start = block.text.index(piece[0], position)
        end = block.text.index(piece[-1], start) + len(piece[-1]) if len(piece) > 1 else start + len(piece[0])
        position = end
        text = block.text[start:end]
        tokens = text.split()
        for first in range(0, len(tokens), WINDOW * 2):
            chunk = " ".join(tokens[first : first + WINDOW * 2])
            out.append((chunk, strip_markup(chunk) if block.reading else chunk))
    return out


def strip_markup(text: str) -> str:
    """Markdown source as a reader sees it, roughly: links to their texts, no emphasis marks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<[^>]+>|\{[%{][^}]*[%}]\}", " ", text)
    return re.sub(r"\s+", " ", re.sub(r"(?<!\w)[*_`]{1,3}|[*_`]{1,3}(?!\w)", "", text)).strip()


def plan_ladder(pages: Iterable[Page]) -> tuple[str, ...]:
    """Plan names from lowest to highest, as the plan table (else the prose) of these pages has them; lower case.

    A plan table has short names over its columns and stands on a page or under a heading about plans, or names plans as most vendors
    do; of several the one with the most rows wins. On the 42 products of corpora/bench it finds the very ladder of 38.
    """
    tables: Counter[tuple[str, ...]] = Counter()
    named: Counter[str] = Counter()
    for page in pages:
        place = bool(PLAN_PLACE.search(f"{page.title} {page.source}"))
        for block in page.blocks:
            if block.region is not Region.MAIN:
                continue
            if block.columns and len(block.columns) >= 3:
                names = tuple(_plan_name(c) for c in block.columns[1:])
                usual = sum(n in USUAL_ORDER for n in names)
                here = place or any(PLAN_PLACE.search(h) for h in block.heading_path)
                over = block.columns[0].strip().lower() in OVER_FEATURES
                if all(names) and len(names) <= 6 and (usual >= 2 or (here and (usual or (place and over)))):
                    tables[names] += 1 + 2 * usual + (3 if here else 0)
            for found in NAMED_PLAN.finditer(block.reading or block.text):
                word = found.group(1).lower()
                if word not in NOT_A_PLAN:
                    named[word] += 1
    prose = [n for n in named if n in USUAL_ORDER]
    if tables:
        best: tuple[str, ...] = max(tables, key=lambda t: (tables[t], t))
        ladder = list(best)
        if sum(n in USUAL_ORDER for n in ladder) >= 2:
            return tuple(ladder)
        # Rare names: a plan of the usual ones that only the prose knows stands above or below, so it is kept as well.
        return tuple(dict.fromkeys([*ladder, *sorted((n for n in prose if named[n] >= 3), key=USUAL_ORDER.index)]))
    return tuple(sorted(prose, key=USUAL_ORDER.index))


def _plan_name(text: str) -> str:
    low = re.sub(
        r"\([^)]*\)|\b(plan|edition|tier|organization|org)s?\b|[^a-z+ ]", " ", text.lower().replace("\u2019", "")
    )
    low = re.sub(r"\s+", " ", low).strip() or text.strip().lower()
    return low if 0 < len(low.split()) <= 2 and not any(ch.isdigit() for ch in text) else ""


def facets(text: str, heading_path: Sequence[str], ladder: Sequence[str]) -> Facets:
    """What `text`, standing under `heading_path`, says of plan, status, platform and hosting."""
    cues = rules.load("status")
    above = " ".join(heading_path)
    both = f"{above} {text}"
    status: Status | None = None
    for name, state in (("deprecated", Status.DEPRECATED), ("planned", Status.PLANNED), ("beta", Status.BETA)):
        if cues[name].search(text) or (name != "deprecated" and cues[name].search(above)):
            status = state
            break
    if status is None and re.search(r"\broadmap\b|\bcoming\b", above, re.I):
        status = Status.PLANNED
    low = both.lower()
    plans = tuple(p for p in ladder if re.search(rf"\b{re.escape(p)}\b", low))
    return Facets(plans=plans, status=status, platforms=cues["platform"].all(both), hosting=cues["hosting"].all(text))


class _Windows:
    """Collects the parts of one section until a window is full."""

    def __init__(self, page: Page, ladder: Sequence[str], out: list[Passage]) -> None:
        self.page, self.ladder, self.out = page, ladder, out
        self.path: tuple[str, ...] = ()
        self.lead = ""
        self.parts: list[tuple[str, str]] = []
        self.words = 0

    def add(self, verbatim: str, reading: str) -> None:
        count = len(reading.split())
        if self.parts and self.words + count > WINDOW:
            self.close()
        self.parts.append((verbatim, reading))
        self.words += count

    def enter(self, path: tuple[str, ...]) -> None:
        self.close()
        self.path, self.lead = path, ""

    def close(self) -> None:
        if self.parts:
            title = self.page.title
            heading = tuple(h for h in (self.path if self.path[:1] == (title,) else (title, *self.path)) if h)
            readings = tuple(r for _, r in self.parts)
            context = " > ".join(dict.fromkeys(heading))
            if self.lead and self.lead not in readings:
                context = f"{context}: {self.lead}" if context else self.lead
            self.out.append(
                Passage(
                    doc=self.page.source,
                    heading_path=heading,
                    parts=tuple(t for t, _ in self.parts),
                    readings=readings,
                    context=context,
                    facets=facets(" ".join(readings), heading, self.ladder),
                    order=len(self.out),
                )
            )
        self.parts, self.words = [], 0


# A meta description is no text that a reader of the document finds, so it is never quoted.
NOT_DOCUMENTED_HERE = frozenset({BlockKind.TITLE, BlockKind.BUTTON, BlockKind.ALT, BlockKind.OPEN_GRAPH})
RUNS_ON = frozenset({BlockKind.LIST_ITEM, BlockKind.TABLE_ROW, BlockKind.CODE})


def passages(pages: Sequence[Page], ladder: Sequence[str]) -> tuple[Passage, ...]:
    """Every passage of the documentation, in order of pages and reading. Text outside the main region is left out."""
    out: list[Passage] = []
    for page in pages:
        window = _Windows(page, ladder, out)
        for block in page.blocks:
            reading = block.reading or block.text
            if block.region is not Region.MAIN or block.kind in NOT_DOCUMENTED_HERE:
                continue
            if block.kind in {BlockKind.HEADING, BlockKind.QUESTION} and block.level < 5:
                window.enter((*block.heading_path, reading))
                continue
            if block.heading_path != window.path and block.kind is not BlockKind.HEADING:
                window.enter(block.heading_path)
            for verbatim, said in _parts(block):
                window.add(verbatim, said)
            if reading.rstrip().endswith(":"):
                window.lead = reading[-160:]
            elif block.kind not in RUNS_ON:
                window.lead = ""
        window.close()
    return tuple(out)


def restrictions(found: Sequence[Passage]) -> tuple[Passage, ...]:
    """The sentences of these passages that may narrow what others promise, each a passage of its own, at the place of the one that it stands in.

    Table rows are left out: match.py knows those of plan tables.
    """
    narrows = rules.load("status")["restriction"]
    out = []
    for passage in found:
        for part, reading in zip(passage.parts, passage.readings, strict=True):
            said = SENTENCE_END.split(reading)
            shown = SENTENCE_END.split(part)
            if len(shown) != len(said):
                # Markup moved the sentence ends: the whole part is quoted.
                shown = [part] * len(said)
            for verbatim, sentence in zip(shown, said, strict=True):
                if not TABLE_ROW.search(sentence) and len(sentence.split()) > 2 and narrows.search(sentence):
                    out.append(dataclasses.replace(passage, parts=(verbatim,), readings=(sentence,)))
    return tuple(out)
