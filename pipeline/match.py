"""Claims x passages -> the passages to read for each claim, best first.

Two retrievers look at the same passages, words (BM25) and meaning (sentence vectors), and reciprocal rank fusion joins
their orders, with a small part for the raw similarity so that ties and near misses keep their distance. A document whose best passage matches lifts its
other passages. Exact search: the same documents always give the same order. It finds what to read; it never judges.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.embed import Encoder, Vectors
from pipeline.records import Claim, Match, Passage

TOKEN = re.compile(r"[a-z0-9]+(?:[.+#][a-z0-9]+)*\+*")
STOP_WORDS = """
a about above after again all am an and any are as at be because been before being below between both but by
can could did do does doing down during each few for from further had has have having he her here hers him his
how i if in into is it its just me more most my no nor not now of off on once only or other our out over own
same she should so some such than that the their them then there these they this those through to too under
until up very was we were what when where which while who whom why will with you your yours us let get every
also one
"""
STOP = frozenset(STOP_WORDS.split())
READ = 8  # passages that the verifier reads; six cost 0.003 of the AUC on supported claims with their evidence removed, and save a fifth of the time
OPENING = 3  # passages at the start of a document that count as its opening
# What the lift of the document (by meaning, by words) and the passage's words without its heading path add to the fused score. Swept on the development
# products: the passage with the gold quote is first for 0.541 of the claims (0.507 without), among the first ten for 0.882 (0.866).
LIFT_MEANING, LIFT_WORDS, BODY = 0.2, 0.3, 0.2
NARROWED = 12  # passages whose documents are searched for sentences that narrow the claim
RESTRICTIONS = 4  # sentences that narrow, read beside the passages; with them a gold quote is in reach for 0.86 of qualified claims (0.83 without), 0.85 of contradicted (0.80)
NEARER = 0.3  # what the first document adds to a narrowing sentence; each next document adds a tenth less
RRF_K = 20.0  # 60 is the textbook figure; 10-80 swept on the development products, 20 best at five and ten documents


def stem(word: str) -> str:
    """A light English stem: plural, -ing, -ed, -er endings; enough for BM25 and never slower than the search."""
    for ending in ("ization", "isation"):
        if word.endswith(ending) and len(word) > 9:
            return word[: -len(ending)]
    for ending in ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "ed", "es", "er", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    if len(word) > 4 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("e").removesuffix("y").removesuffix("i") if len(word) > 3 else word


def terms(text: str) -> list[str]:
    """Stemmed content words of `text`, in order; hyphenated words also count as their parts."""
    return [
        stem(w) for w in TOKEN.findall(text.lower().replace("\u2019", "'").replace("e-mail", "email")) if w not in STOP
    ]


class Bm25:
    """Okapi BM25 (k1 1.2, b 0.6) over documents given as term lists."""

    def __init__(self, documents: Sequence[Sequence[str]], k1: float = 1.2, b: float = 0.6) -> None:
        self.vocabulary: dict[str, int] = {}
        lengths = np.array([len(d) for d in documents], dtype=np.float64)
        mean = float(lengths.mean()) if len(lengths) else 1.0
        rows, columns, values = [], [], []
        for row, document in enumerate(documents):
            for term, count in Counter(document).items():
                rows.append(row)
                columns.append(self.vocabulary.setdefault(term, len(self.vocabulary)))
                values.append(count * (k1 + 1) / (count + k1 * (1 - b + b * lengths[row] / max(mean, 1e-9))))
        shape = (len(documents), max(len(self.vocabulary), 1))
        weights = sparse.csc_matrix((values, (rows, columns)), shape=shape)
        frequency = np.diff(weights.indptr)
        self.idf = np.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
        self._weights = sparse.csr_matrix(weights.multiply(self.idf))

    def scores(self, query: Sequence[str]) -> NDArray[np.float64]:
        """(documents,) scores of a query; unknown terms count for nothing."""
        vector = np.zeros(self._weights.shape[1])
        for term, count in Counter(query).items():
            column = self.vocabulary.get(term)
            if column is not None:
                vector[column] = min(count, 2)
        return np.asarray(self._weights @ vector)

    def rarity(self, term: str) -> float:
        """Inverse document frequency of a term; an unknown one is as rare as can be."""
        column = self.vocabulary.get(term)
        return float(self.idf[column]) if column is not None else math.log(1 + self._weights.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Documentation made searchable. `vectors` is (passages, d) unit rows; `words` searches passages with their heading paths, `body`
    without; `document` numbers each passage's document.

    `openings` maps a document to the numbers of its first passages that name a condition; `plan_rows` are the numbers of
    passages that hold rows of plan tables. `restrictions` are sentences that narrow, with `restriction_vectors`, and `narrowing` has their numbers by document.
    """

    passages: tuple[Passage, ...]
    vectors: Vectors
    words: Bm25
    body: Bm25
    document: NDArray[np.int64]
    terms: tuple[frozenset[str], ...]
    openings: Mapping[str, tuple[int, ...]]
    plan_rows: tuple[int, ...]
    restrictions: tuple[Passage, ...]
    restriction_vectors: Vectors
    narrowing: Mapping[str, NDArray[np.int64]]


def passage_text(passage: Passage) -> str:
    """What the retrievers read of a passage: heading path, lead-in and text."""
    return f"{passage.context}. {passage.text}" if passage.context else passage.text


def build_index(passages: Sequence[Passage], encoder: Encoder, narrow: Sequence[Passage] = ()) -> Index:
    """Vectors, term weights and the places where conditions stand; `narrow` are the sentences of `passages` that may narrow a claim (capabilities.restrictions)."""
    texts = [passage_text(p) for p in passages]
    words = [terms(t) for t in texts]
    openings: dict[str, list[int]] = {}
    numbers: dict[str, int] = {}
    seen: Counter[str] = Counter()
    for number, passage in enumerate(passages):
        seen[passage.doc] += 1
        if seen[passage.doc] <= OPENING and (
            passage.facets.plans or passage.facets.status is not None or passage.facets.hosting
        ):
            openings.setdefault(passage.doc, []).append(number)
    plan_rows = tuple(
        i for i, p in enumerate(passages) if len(p.facets.plans) >= 2 and sum(" = " in r for r in p.readings) >= 1
    )
    narrowing: dict[str, list[int]] = {}
    for number, sentence in enumerate(narrow):
        narrowing.setdefault(sentence.doc, []).append(number)
    return Index(
        passages=tuple(passages),
        vectors=encoder.encode(texts),
        words=Bm25(words),
        body=Bm25([terms(p.text) for p in passages]),
        document=np.array([numbers.setdefault(p.doc, len(numbers)) for p in passages], dtype=np.int64),
        terms=tuple(frozenset(w) for w in words),
        openings={d: tuple(n) for d, n in openings.items()},
        plan_rows=plan_rows,
        restrictions=tuple(narrow),
        restriction_vectors=encoder.encode([f"{s.heading_path[-1]}. {s.text}" if s.heading_path else s.text for s in narrow]),
        narrowing={d: np.array(n, dtype=np.int64) for d, n in narrowing.items()},
    )


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(len(scores))
    return ranks


def _scaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return scores / max(1e-9, float(scores.max()))


def _best_of_document(scores: NDArray[np.float64], document: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each passage the highest score in its document (0 at least)."""
    best = np.zeros(int(document.max()) + 1)
    np.maximum.at(best, document, scores)
    return best[document]


def match(claims: Sequence[Claim], index: Index, encoder: Encoder, top_k: int = 16) -> tuple[Match, ...]:
    """For each claim its `top_k` passages, best first (ties by place in the documentation). `encoder` turns claims into vectors of the index's space."""
    if not index.passages:
        return tuple(Match(claim=c, passages=(), scores=()) for c in claims)
    queries = encoder.encode([c.text for c in claims])
    out = []
    for claim, query in zip(claims, queries, strict=True):
        wanted = terms(claim.text)
        cosine = np.asarray(index.vectors @ query, dtype=np.float64)
        lexical = index.words.scores(wanted)
        meaning = 1 / (RRF_K + _ranks(cosine))
        wording = np.where(lexical > 0, 1 / (RRF_K + _ranks(lexical)), 0.0)
        lift = LIFT_MEANING * _best_of_document(cosine, index.document) + LIFT_WORDS * _best_of_document(_scaled(lexical), index.document)
        body = BODY * _scaled(index.body.scores(wanted))
        fused = np.round((meaning + wording) * RRF_K / 2 + 0.3 * cosine + lift + body, 6)
        best = np.argsort(-fused, kind="stable")[:top_k]
        weight = {t: index.words.rarity(t) for t in sorted(set(wanted))}
        total = sum(weight.values()) or 1.0
        near = [sum(w for t, w in weight.items() if t in index.terms[i]) / total for i in best]
        union = frozenset().union(*(index.terms[i] for i in best)) if len(best) else frozenset()
        out.append(
            Match(
                claim=claim,
                passages=tuple(index.passages[i] for i in best),
                scores=tuple(float(fused[i]) for i in best),
                similarities=tuple(round(float(cosine[i]), 5) for i in best),
                coverage=tuple(round(c, 5) for c in near),
                covered=round(sum(w for t, w in weight.items() if t in union) / total, 5),
                unknown=tuple(sorted(t for t in weight if t not in index.words.vocabulary)),
                conditions=_conditions(best, fused, index) + _narrowing(best, query, index),
            )
        )
    return tuple(out)


def _conditions(best: NDArray[np.int64], fused: NDArray[np.float64], index: Index) -> tuple[Passage, ...]:
    """Up to two openings of the best documents and up to two rows of plan tables, none of them already in reach."""
    known = set(best[:READ].tolist())
    chosen: list[int] = []
    for place in best[:4]:
        for number in index.openings.get(index.passages[place].doc, ()):
            if number not in known and number not in chosen and len(chosen) < 2:
                chosen.append(number)
    rows = [i for i in sorted(index.plan_rows, key=lambda i: (-fused[i], i))[:2] if i not in known and i not in chosen]
    return tuple(index.passages[i] for i in chosen + rows)


def _narrowing(best: NDArray[np.int64], query: NDArray[np.float32], index: Index) -> tuple[Passage, ...]:
    """The sentences of the found documents that may narrow the claim, nearest in meaning first; none that stands in a passage that is read anyway."""
    read = {index.passages[i].order for i in best[:READ]}
    scored: list[tuple[float, int]] = []
    for place, doc in enumerate(dict.fromkeys(index.passages[i].doc for i in best[:NARROWED])):
        numbers = index.narrowing.get(doc)
        if numbers is None:
            continue
        near = np.round(index.restriction_vectors[numbers] @ query, 5) + NEARER * 0.9**place
        scored += [(-float(s), int(n)) for s, n in zip(near, numbers, strict=True) if index.restrictions[n].order not in read]
    return tuple(index.restrictions[n] for _, n in sorted(scored)[:RESTRICTIONS])
