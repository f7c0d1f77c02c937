"""Documented capabilities that no audited page speaks of, best to sell first.

A capability is a documentation section that states something a buyer gets (not a step, a command or an error). It is undersold when no
sentence of the copy is near it in meaning or shares its rare words. Rank: how far the nearest copy is, times how much the section reads like
a capability of value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from pipeline.embed import Encoder
from pipeline.match import Index, terms
from pipeline.records import Passage, Status, Undersold

SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
VALUE = re.compile(
    r"\b(you can|lets? you|allows?|enables?|supports?|automatic(ally)?|available|provides?|includes?|helps?|possible to|without|export|import|"
    r"share|customi[sz]e|schedule|alerts?|notif\w+|filters?|encrypt\w*|permissions?|roles?|audit|api|integrat\w+|limit|restore|backup|compare|track)\b",
    re.I,
)
STEP = re.compile(
    r"^(click|go to|open|select|navigate|run|install|add the following|note|warning|see|if you|to (create|add|install|configure)|step \d|next|first|then|once|make sure|"
    r"for example|example|usage|enter|choose|press|type|copy|paste|set the|in your|the following|this (page|guide|article|section|document))\b",
    re.I,
)
DULL_PLACE = re.compile(
    r"\b(troubleshoot\w*|error|faq|changelog|release notes|contribut\w+|licen[cs]e|install(ation|ing)?|getting started|quick ?start|migrat\w+|upgrade guide|glossary|"
    r"deprecat\w+|roadmap|prerequisites|legal|terms|schema|reference|parameters?|sitemap|index)\b",
    re.I,
)


def _worth(passage: Passage) -> float:
    text = passage.text
    words = len(text.split())
    if words < 8 or passage.facets.status in {Status.PLANNED, Status.DEPRECATED, Status.UNSUPPORTED}:
        return 0.0
    worth = 0.4 + 0.15 * min(4, len(set(VALUE.findall(text.lower()))))
    place = " ".join(passage.heading_path)
    if DULL_PLACE.search(place) or DULL_PLACE.search(passage.doc):
        worth *= 0.6
    if STEP.match(text):
        worth *= 0.6
    if re.search(r"[{}<>$=;]|```|--\w|\w+\(\)|/\w+/\w+", text):
        worth *= 0.6
    return worth


def undersold(index: Index, copy: Sequence[str], encoder: Encoder, most: int) -> tuple[Undersold, ...]:
    """At most `most` undersold capabilities, best first, one for each documentation section.

    `copy` are the sentences of every audited page; with none there is nothing to compare and the result is empty.
    """
    if not copy or not index.passages or most == 0:
        return ()
    said = encoder.encode(list(dict.fromkeys(copy)))
    nearest = np.max(index.vectors @ said.T, axis=1)
    known = {t for text in copy for t in terms(text)}
    ranked: list[tuple[float, int]] = []
    for number, passage in enumerate(index.passages):
        worth = _worth(passage)
        if worth == 0.0:
            continue
        own = [t for t in set(terms(passage.heading_path[-1] if passage.heading_path else "")) if t not in known]
        rare = len(own) / max(1, len(set(terms(passage.heading_path[-1] if passage.heading_path else ""))))
        ranked.append((round(worth * (1.05 - float(nearest[number])) * (0.7 + 0.3 * rare), 5), number))
    ranked.sort(key=lambda x: (-x[0], x[1]))
    out: list[Undersold] = []
    seen: set[tuple[str, ...]] = set()
    per_doc: dict[str, int] = {}
    for score, number in ranked:
        passage = index.passages[number]
        if passage.heading_path in seen or per_doc.get(passage.doc, 0) >= 2:
            continue
        seen.add(passage.heading_path)
        per_doc[passage.doc] = per_doc.get(passage.doc, 0) + 1
        quote = max(passage.parts, key=lambda part: min(len(part.split()), 40))
        quote = " ".join(SENTENCE.split(quote)[0].split()[:60])
        out.append(Undersold(capability=_name(passage), doc=passage.doc, quote=quote, score=score))
        if len(out) == most:
            break
    return tuple(out)


def _name(passage: Passage) -> str:
    path = [h for h in passage.heading_path if h]
    if len(path) >= 2 and len(path[-1].split()) <= 3:
        return f"{path[-2]}: {path[-1]}"
    return path[-1] if path else passage.doc
