"""Documented capabilities that no audited page speaks of, best to sell first.

A capability is a documentation section that states something a buyer gets (not a step, a command or an error). Each passage is worth what its
words, its place in the document and its heading promise a buyer, less what the copy already says of it. The list takes the passage worth most,
again and again; what is like one already listed loses by that, a section speaks once, and every document speaks before any speaks twice.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.embed import Encoder, Vectors
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
PROMISE = re.compile(
    r"\b(allows?|lets?|enables?|supports?|provides?|includes?|offers?|helps?|makes it (easy|possible)|can be (used|configured|set|added)|you can|is able to|available)\b",
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
# What a capability is good for.
WHY = re.compile(
    r"\b(so that|so you|without (having|need\w*|any)|to (avoid|prevent|protect|ensure|reduce|improve|identify|help)|useful|great for|ideal|perfect|helpful|important|"
    r"even if|instead of|no need|rather than|this (means|way)|for example|e\.g|in case)\b",
    re.I,
)
# What one does with data, again and again.
DAILY = re.compile(
    r"\b(filter\w*|group\w*|search\w*|track\w*|report\w*|dashboards?|compar\w+|queries|query|metrics?|graphs?|csv|notif\w+|alerts?|variables?|schedul\w+|"
    r"webhooks?|api|priorit\w+|cach\w+)\b",
    re.I,
)
# Code and markup where a sentence would stand.
SYMBOLS = re.compile(r"[{}<>$=;]|```|--\w|\w+\(\)|/\w+/\w+")
RELIEF = re.compile(
    r"\b(automatic|prevent|protect|without|even if|instead|no longer|save|faster|limit|require|enforce|allow|enable|let)s?\w*\b",
    re.I,
)
POINTER = re.compile(
    r"\b(for more (information|details)|learn more|read more|see (the|also|our)|check out|refer to|the following|below)\b",
    re.I,
)
MARKDOWN = (".md", ".mdx", ".markdown", ".rst", ".txt")
QUOTE_WORDS = 60
# A sentence must say so much to be worth its length in a quote.
COST_OF_WORDS = 0.04
# Worth lost for each unit of cosine above ALIKE to a passage already listed; from SAME on two passages say the same, as a changelog entry and
# the guide to the same feature do.
LIKENESS, ALIKE, SAME = 3.0, 0.4, 0.8
# A logistic regression (ridge 30 on standardised columns, products weighted alike) on the passages that readers of six real products named
# as undersold. Leave one product out: AUC 0.83 in the mean, and the first 30 passages, each quoted by its first 60 words, hold 13 of 70 named
# capabilities (15 where a document may speak four times, but then the documents of only 36 are listed instead of 41). A little optimistic: columns were kept where at least five of all six products agree on the sign. Directions in the vector space
# fitted on corpora/bench or on the evidence of claims, and nearness to labelled capabilities, added nothing to that; corpora/bench as further rows took away. The
# weight of `nearest` is set, not fitted: readers chose no passage for its distance, yet what the copy says is not undersold.
WEIGHTS: Mapping[str, float] = {
    "words": 0.17,
    "short": -0.26,
    "sentences": 0.11,
    "offers": 0.29,
    "values": 0.12,
    "trust": 0.43,
    "relief": 0.26,
    "promises": 0.12,
    "reasons": 0.29,
    "daily": 0.08,
    "step": -0.28,
    "dull": -0.14,
    "first_of_document": 0.39,
    "first_of_section": 0.14,
    "heading_in_text": 0.38,
    "heading_common": -0.12,
    "typical_of_document": -1.04,
    "document_typical": -0.73,
    "document_nearest": -0.98,
    "heading_said": -0.2,
    "nearest": -0.9,
}
BASE = 1.2  # the intercept of that fit, with the mean of `nearest`


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What is known of every passage before any is read: unit-vector cosines per passage, and how often headings use a word.

    `nearest` is the cosine of the nearest sentence of the copy, `typical` that to the mean of the own document, `document` the cosine of the document
    to the whole documentation, `document_nearest` the mean of `nearest` over the document.
    """

    nearest: NDArray[np.float64]
    typical: NDArray[np.float64]
    document: NDArray[np.float64]
    document_nearest: NDArray[np.float64]
    headings: Counter[str]


def _around(index: Index, said: Vectors) -> _Around:
    nearest = np.max(index.vectors @ said.T, axis=1).astype(np.float64)
    count = int(index.document.max()) + 1
    size = np.bincount(index.document, minlength=count)
    middle = np.zeros((count, index.vectors.shape[1]))
    np.add.at(middle, index.document, index.vectors)
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-9)
    whole = index.vectors.mean(axis=0, dtype=np.float64)
    whole /= max(float(np.linalg.norm(whole)), 1e-9)
    return _Around(
        nearest=nearest,
        typical=np.sum(index.vectors * middle[index.document], axis=1),
        document=(middle @ whole)[index.document],
        document_nearest=(np.bincount(index.document, nearest, count) / size)[index.document],
        headings=Counter(t for p in index.passages for t in set(terms(_heading(p)))),
    )


class _Said:
    """How much of a few words one sentence of the copy says."""

    def __init__(self, copy: Sequence[str], index: Index) -> None:
        self._index = index
        self._sentences: dict[str, set[int]] = defaultdict(set)
        for number, text in enumerate(copy):
            for term in terms(text):
                self._sentences[term].add(number)
        self._known: dict[frozenset[str], float] = {}

    def __contains__(self, term: object) -> bool:
        return term in self._sentences

    def share(self, words: Collection[str]) -> float:
        """The largest share (0 to 1, by rarity) of `words` that one sentence holds; 0 without words."""
        wanted = frozenset(words)
        if wanted not in self._known:
            weight = {t: self._index.words.rarity(t) for t in sorted(wanted)}
            found: dict[int, float] = defaultdict(float)
            for term, rarity in weight.items():
                for number in self._sentences.get(term, ()):
                    found[number] += rarity
            self._known[wanted] = max(found.values(), default=0) / (sum(weight.values()) or 1.0)
        return self._known[wanted]


def _heading(passage: Passage) -> str:
    return passage.heading_path[-1] if passage.heading_path else ""


def _signs(number: int, index: Index, around: _Around, said: _Said, seen: Collection[object]) -> dict[str, float]:
    """The columns of WEIGHTS for one passage; `seen` holds the documents and sections of the passages before it."""
    passage = index.passages[number]
    text = passage.text
    words = len(text.split())
    place = " ".join(passage.heading_path) + " " + re.sub(r"[/_-]", " ", passage.doc)
    title, body = terms(_heading(passage)), set(terms(text))
    return {
        "words": math.log1p(words),
        "short": float(words < 15),
        "sentences": min(5, len(SENTENCE.split(text))),
        "offers": float(bool(BUYER.search(text))),
        "values": min(3, len(set(VALUE.findall(text.lower())))),
        "trust": float(bool(TRUST.search(text))),
        "relief": float(bool(RELIEF.search(text))),
        "promises": min(3, len(PROMISE.findall(text))),
        "reasons": min(3, len(WHY.findall(text))),
        "daily": min(3, len(DAILY.findall(text))),
        "step": float(bool(STEP.match(text))),
        "dull": float(bool(DULL_PLACE.search(place))),
        "first_of_document": float(passage.doc not in seen),
        "first_of_section": float((passage.doc, passage.heading_path) not in seen),
        "heading_in_text": sum(t in body for t in title) / max(1, len(title)),
        "heading_common": math.log(min((around.headings[t] for t in title), default=1)),
        "typical_of_document": float(around.typical[number]),
        "document_typical": float(around.document[number]),
        "document_nearest": float(around.document_nearest[number]),
        "heading_said": said.share(title),
        "nearest": float(around.nearest[number]),
    }


def _quote(passage: Passage, said: _Said, index: Index) -> str:
    """The run of sentences that says most for a buyer and that the copy lacks, verbatim, at most QUOTE_WORDS words.

    A run goes on from one part to the next as the document does (white space folded); not in Markdown, where the marks of a list stand between.
    """

    def says(text: str) -> float:
        fresh = sum(min(3.0, index.words.rarity(t)) for t in sorted(set(terms(text))) if t not in said)
        signs = (
            len(BUYER.findall(text))
            + len(GAIN.findall(text))
            + 2 * len(TRUST.findall(text))
            + len(WHY.findall(text))
            + len(DAILY.findall(text))
        )
        loss = (
            2 * len(SYMBOLS.findall(text))
            + float(bool(STEP.match(text)))
            + 2 * len(POINTER.findall(text))
            + float(text.rstrip().endswith(":"))
        )
        return 0.3 + 0.5 * signs + 0.1 * fresh - loss - COST_OF_WORDS * len(text.split())

    groups = [SENTENCE.split(" ".join(part.split())) for part in passage.parts]
    if not passage.doc.lower().endswith(MARKDOWN):
        groups = [[sentence for group in groups for sentence in group]]
    runs: list[tuple[float, int, str]] = []
    for group in groups:
        for start in range(len(group)):
            value = 0.0
            taken: list[str] = []
            for sentence in group[start:]:
                if taken and sum(len(t.split()) for t in taken) + len(sentence.split()) > QUOTE_WORDS:
                    break
                value += says(sentence)
                taken.append(sentence)
                run = " ".join(" ".join(taken).split()[:QUOTE_WORDS])
                runs.append((round(value, 5) if len(run.split()) >= 5 else -math.inf, -len(runs), run))
    return max(runs)[2]


def undersold(index: Index, copy: Sequence[str], encoder: Encoder, most: int) -> tuple[Undersold, ...]:
    """At most `most` undersold capabilities, best first, no documentation section twice.

    `copy` are the sentences of every audited page; with none there is nothing to compare and the result is empty.
    """
    if not copy or not index.passages or most == 0:
        return ()
    sentences = list(dict.fromkeys(copy))
    said = _Said(sentences, index)
    around = _around(index, encoder.encode(sentences))
    worth = np.full(len(index.passages), -np.inf)
    seen: set[object] = set()
    for number, passage in enumerate(index.passages):
        if len(passage.text.split()) >= 8 and passage.facets.status not in {
            Status.PLANNED,
            Status.DEPRECATED,
            Status.UNSUPPORTED,
        }:
            signs = _signs(number, index, around, said, seen)
            worth[number] = round(BASE + sum(WEIGHTS[k] * v for k, v in signs.items()), 5)
        seen |= {passage.doc, (passage.doc, passage.heading_path)}
    return _listed(index, worth, said, most)


def _listed(index: Index, worth: NDArray[np.float64], said: _Said, most: int) -> tuple[Undersold, ...]:
    """The best passage, then the best of the rest with what is already listed in mind, every document once before any speaks twice."""
    out: list[Undersold] = []
    like = np.full(len(worth), ALIKE)
    left = worth.copy()
    spoken = np.zeros(int(index.document.max()) + 1, dtype=np.int64)
    times = 1
    while len(out) < most:
        now = left - LIKENESS * (like - ALIKE)
        now[spoken[index.document] >= times] = -np.inf
        number = int(np.argmax(now))
        if now[number] == -np.inf:
            if not np.isfinite(left).any():
                break
            times += 1
            continue
        passage = index.passages[number]
        spoken[index.document[number]] += 1
        quote = _quote(passage, said, index)
        out.append(
            Undersold(
                capability=_name(passage),
                doc=passage.doc,
                quote=quote,
                score=round(1 / (1 + math.exp(-float(now[number]))), 5),
            )
        )
        like = np.maximum(like, np.round(index.vectors @ index.vectors[number], 5))
        left[like >= SAME] = -np.inf
        for other in np.flatnonzero(index.document == index.document[number]):
            if index.passages[other].heading_path == passage.heading_path:
                left[other] = -np.inf
        left[number] = -np.inf
    return tuple(sorted(out, key=lambda u: -u.score))


def _name(passage: Passage) -> str:
    path = [re.sub(r"^\d+[.)]\s+", "", h) for h in passage.heading_path if h]
    if len(path) >= 2 and len(path[-1].split()) <= 3:
        return f"{path[-2]}: {path[-1]}"
    return path[-1] if path else passage.doc
