"""Documented capabilities that no audited page speaks of, best to sell first.

A capability is a documentation section that states something a buyer gets (not a step, a command or an error). It is undersold when no
sentence of the copy is near it in meaning or shares its rare words. Rank: how far the nearest copy is, times how much the section reads like
something a buyer would pay attention to (what one can do, trust, gain), and not like a step, a reference table or an example.
"""

from __future__ import annotations

import math
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
    r"\b(troubleshoot\w*|error|faq|changelog|blog|release notes|contribut\w+|licen[cs]e|install(ation|ing)?|getting started|quick ?start|migrat\w+|upgrade guide|"
    r"glossary|deprecat\w+|roadmap|prerequisites|legal|terms|schema|parameters?|sitemap|index|guide|examples?|tutorials?|recipes?|caveats?|limitations?|known issues|bug fixes|what's new|updates?|20[12]\d)\b",
    re.I,
)
BUYER = re.compile(
    r"\b(you can|lets? you|allows? (you|users)|enables?|supports?|makes? it (easy|possible)|possible to|can be)\b", re.I
)
TRUST = re.compile(
    r"\b(sso|saml|2fa|mfa|audit|encrypt\w*|permissions?|roles?|complian\w*|privacy|gdpr|secure|security|timeout|backup|restore|recover\w*|retention|"
    r"anonym\w*|mask\w*|redact\w*)\b",
    re.I,
)
GAIN = re.compile(
    r"\b(automatic\w*|without|instead of|saves?|faster|reduc\w+|prevent\w*|avoid\w*|unlimited|free|no need|single|one[- ]click|instant\w*|exactly|never|"
    r"custom\w*|shortcuts?|offline|bulk|schedul\w+|real[- ]time)\b",
    re.I,
)
# Code and markup where a sentence would stand.
SYMBOLS = re.compile(r"[{}<>$=;]|```|--\w|\w+\(\)|/\w+/\w+")
# Weights of the signs: a logistic regression on the labelled undersold capabilities of real and fictional products (leave one product out: AUC
# 0.62-0.83), rounded to what the products agree on.
QUOTE_WORDS = 60


def _worth(passage: Passage, first: bool) -> float:
    """How much a passage reads like something to sell, about -2 to 3; minus infinity when it is nothing to sell at all."""
    text = passage.text
    words = len(text.split())
    if words < 8 or passage.facets.status in {Status.PLANNED, Status.DEPRECATED, Status.UNSUPPORTED}:
        return -math.inf
    place = " ".join(passage.heading_path) + " " + re.sub(r"[/_-]", " ", passage.doc)
    return (
        0.6 * float(bool(BUYER.search(text)))
        + 0.25 * min(3, len(set(VALUE.findall(text.lower()))))
        + 0.7 * float(bool(TRUST.search(text)))
        + 0.3 * min(2, len(GAIN.findall(text)))
        + 0.7 * float(first)
        + 0.2 * min(4, len(SENTENCE.split(text)))
        + 0.4 * min(1.0, words / 70)
        - 0.5 * float(bool(STEP.match(text)))
        - 0.5 * float(bool(DULL_PLACE.search(place)))
        - 0.5 * float(bool(SYMBOLS.search(text)))
        - 0.3 * float(" = " in text)
    )


def _quote(passage: Passage) -> str:
    """The part that says most for a buyer, verbatim, at most QUOTE_WORDS words."""
    best = max(
        passage.parts,
        key=lambda p: (
            len(BUYER.findall(p)) + len(GAIN.findall(p)) + 2 * len(TRUST.findall(p)) + min(len(p.split()), 40) / 10
        ),
    )
    return " ".join(best.split()[:QUOTE_WORDS])


def undersold(index: Index, copy: Sequence[str], encoder: Encoder, most: int) -> tuple[Undersold, ...]:
    """At most `most` undersold capabilities, best first, one for each documentation section.

    `copy` are the sentences of every audited page; with none there is nothing to compare and the result is empty.
    """
    if not copy or not index.passages or most == 0:
        return ()
    said = encoder.encode(list(dict.fromkeys(copy)))
    nearest = np.max(index.vectors @ said.T, axis=1)
    known = {t for text in copy for t in terms(text)}
    opened: set[str] = set()
    ranked: list[tuple[float, int]] = []
    for number, passage in enumerate(index.passages):
        first = passage.doc not in opened
        opened.add(passage.doc)
        worth = _worth(passage, first)
        if worth == -math.inf:
            continue
        title = set(terms(passage.heading_path[-1] if passage.heading_path else ""))
        rare = sum(t not in known for t in title) / max(1, len(title))
        far = 1.0 - float(nearest[number])
        ranked.append((round(0.2 * max(0.0, worth + 1.5) * (0.1 + far) * (0.75 + 0.25 * rare), 5), number))
    ranked.sort(key=lambda x: (-x[0], x[1]))
    out: list[Undersold] = []
    seen: set[tuple[str, ...]] = set()
    per_doc: dict[str, int] = {}
    for score, number in ranked:
        passage = index.passages[number]
        if passage.heading_path in seen or per_doc.get(passage.doc, 0) >= 3:
            continue
        seen.add(passage.heading_path)
        per_doc[passage.doc] = per_doc.get(passage.doc, 0) + 1
        out.append(Undersold(capability=_name(passage), doc=passage.doc, quote=_quote(passage), score=score))
        if len(out) == most:
            break
    return tuple(out)


def _name(passage: Passage) -> str:
    path = [h for h in passage.heading_path if h]
    if len(path) >= 2 and len(path[-1].split()) <= 3:
        return f"{path[-2]}: {path[-1]}"
    return path[-1] if path else passage.doc
