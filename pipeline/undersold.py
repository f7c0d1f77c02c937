"""Documented capabilities that no audited page speaks of, best to sell first.

A capability is a documentation section that states something a buyer gets (not a step, a command or an error). It is undersold when no
sentence of the copy is near it in meaning or shares its rare words. Documents are ranked by how far the copy is from their best passage, times
how much that reads like something a buyer would pay attention to (what one can do, trust, gain). Each document speaks once before any speaks
twice, by the passage that says most of what the copy does not; what says the same as one already listed is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

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
# Weights in `_worth` and `_news`: logistic regressions on the labelled undersold capabilities of real and fictional products (leave one product
# out: AUC 0.62-0.81), rounded to what the products agree on.
QUOTE_WORDS = 60
# Cosine from which two passages say the same, as a changelog entry and the guide to the same feature do.
SAME = 0.8
RELIEF = re.compile(
    r"\b(automatic|prevent|protect|without|even if|instead|no longer|save|faster|limit|require|enforce|allow|enable|let)s?\w*\b", re.I
)
ADDRESSES_READER = re.compile(r"\b(you|your)\b", re.I)
PUNCTUATION = frozenset("{}[]()<>=;/_")


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


def _news(passage: Passage, first: bool, nearest: float, near: float, known: Mapping[str, float]) -> float:
    """How well a passage stands for what its document has and the copy lacks; only passages of one document are compared by it.

    `nearest` and `near` are the cosine of the nearest sentence of the copy and the mean of the nearest five, `known` gives for each of its
    words the rarity when the copy lacks it, else its negative.
    """
    text = passage.text
    place = " ".join(passage.heading_path) + " " + re.sub(r"[/_-]", " ", passage.doc)
    title = terms(passage.heading_path[-1] if passage.heading_path else "")
    total = sum(abs(v) for v in known.values()) or 1.0
    return (
        0.25 * min(3, len(set(VALUE.findall(text.lower()))))
        + 0.5 * float(bool(TRUST.search(text)))
        + 0.2 * min(3, len(GAIN.findall(text)))
        + 0.5 * float(bool(RELIEF.search(text)))
        + 0.35 * float(first)
        + 0.1 * math.log1p(len(text.split()))
        + 0.3 * min(4, len(SENTENCE.split(text)))
        + 0.3 * float(bool(ADDRESSES_READER.search(text)))
        + 0.2 * float(bool(re.search(r"\d", text)))
        + 1.5 * sum(v for v in known.values() if v > 0) / total
        + 0.9 * sum(known.get(t, 0.0) > 0 for t in title) / max(1, len(title))
        - 0.6 * nearest
        - 2.0 * near
        - 0.9 * float(bool(STEP.match(text)))
        - 0.8 * float(bool(DULL_PLACE.search(place)))
        - 0.15 * float(bool(SYMBOLS.search(text)))
        - 0.35 * float(" = " in text)
        - 13.0 * sum(c in PUNCTUATION for c in text) / max(1, len(text))
        - 0.6 * float(len(text.split()) < 15)
    )


def _quote(passage: Passage, known: Mapping[str, float]) -> str:
    """The sentences of one part that say most for a buyer and that the copy lacks, verbatim, at most QUOTE_WORDS words."""

    def says(text: str) -> float:
        fresh = sum(min(3.0, max(0.0, known.get(t, 0.0))) for t in set(terms(text)))
        signs = len(BUYER.findall(text)) + len(GAIN.findall(text)) + 2 * len(TRUST.findall(text))
        code = len(SYMBOLS.findall(text)) + float(bool(STEP.match(text)))
        return signs + 0.1 * fresh + min(len(text.split()), 40) / 10 - 2.0 * code

    runs: list[str] = []
    for part in passage.parts:
        sentences = SENTENCE.split(" ".join(part.split()))
        for start in range(len(sentences)):
            run = ""
            for sentence in sentences[start:]:
                longer = f"{run} {sentence}".strip()
                if run and len(longer.split()) > QUOTE_WORDS:
                    break
                run = longer
            runs.append(" ".join(run.split()[:QUOTE_WORDS]))
    return max(runs, key=says)


def undersold(index: Index, copy: Sequence[str], encoder: Encoder, most: int) -> tuple[Undersold, ...]:
    """At most `most` undersold capabilities, best first, no documentation section twice.

    `copy` are the sentences of every audited page; with none there is nothing to compare and the result is empty.
    """
    if not copy or not index.passages or most == 0:
        return ()
    said = encoder.encode(list(dict.fromkeys(copy)))
    similar = index.vectors @ said.T
    few = min(5, similar.shape[1])
    top = np.sort(np.partition(similar, similar.shape[1] - few, axis=1)[:, -few:], axis=1)
    known = {t for text in copy for t in terms(text)}
    seen: set[str] = set()
    documents: dict[str, list[int]] = {}
    worth: dict[int, float] = {}
    news: dict[int, float] = {}
    for number, passage in enumerate(index.passages):
        first = passage.doc not in seen
        seen.add(passage.doc)
        value = _worth(passage, first)
        if value == -math.inf:
            continue
        title = set(terms(passage.heading_path[-1] if passage.heading_path else ""))
        rare = sum(t not in known for t in title) / max(1, len(title))
        far = 1.0 - float(top[number, -1])
        worth[number] = round(0.2 * max(0.0, value + 1.5) * (0.1 + far) * (0.75 + 0.25 * rare), 5)
        lacking = _lacking(passage, index, known)
        news[number] = round(_news(passage, first, float(top[number, -1]), float(top[number].mean()), lacking), 5)
        documents.setdefault(passage.doc, []).append(number)
    return _listed(index, documents, worth, news, known, most)


def _lacking(passage: Passage, index: Index, known: Collection[str]) -> dict[str, float]:
    """The rarity of each word of the passage, negative where the copy uses it."""
    words = set(terms(passage.text)) | set(terms(passage.heading_path[-1] if passage.heading_path else ""))
    return {t: (-1 if t in known else 1) * index.words.rarity(t) for t in sorted(words)}


def _listed(
    index: Index,
    documents: Mapping[str, Sequence[int]],
    worth: Mapping[int, float],
    news: Mapping[int, float],
    known: Collection[str],
    most: int,
) -> tuple[Undersold, ...]:
    left = {doc: sorted(numbers, key=lambda n: (-news[n], n)) for doc, numbers in documents.items()}
    out: list[Undersold] = []
    taken: list[int] = []
    sections: set[tuple[str, ...]] = set()
    while left and len(out) < most:
        order = sorted(left, key=lambda d: (-max(worth[n] for n in left[d]), d))
        for doc in order:
            while left[doc]:
                number = left[doc].pop(0)
                passage = index.passages[number]
                same = bool(taken) and float((index.vectors[taken] @ index.vectors[number]).max()) >= SAME
                if passage.heading_path in sections or same:
                    continue
                taken.append(number)
                sections.add(passage.heading_path)
                quote = _quote(passage, _lacking(passage, index, known))
                out.append(Undersold(capability=_name(passage), doc=doc, quote=quote, score=0.0))
                break
            if len(out) == most:
                break
        left = {doc: numbers for doc, numbers in left.items() if numbers}
    # Falling scores in the order of the list: readers of the JSON sort by them.
    scores = sorted((worth[n] for n in taken), reverse=True)
    return tuple(replace(u, score=s) for u, s in zip(out, scores, strict=True))


def _name(passage: Passage) -> str:
    path = [re.sub(r"^\d+[.)]\s+", "", h) for h in passage.heading_path if h]
    if len(path) >= 2 and len(path[-1].split()) <= 3:
        return f"{path[-2]}: {path[-1]}"
    return path[-1] if path else passage.doc
