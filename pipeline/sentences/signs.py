"""What is seen of one sentence beside its vector: cue words, kind of block, the wording that the documentation owns, names and figures,
and how near it is to generic copy."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import rules
from pipeline.match import Index, terms
from pipeline.records import Block, BlockKind, ClaimType, Sentence

KINDS = (
    BlockKind.TITLE,
    BlockKind.DESCRIPTION,
    BlockKind.HEADING,
    BlockKind.PARAGRAPH,
    BlockKind.LIST_ITEM,
    BlockKind.TABLE_ROW,
    BlockKind.BUTTON,
    BlockKind.ALT,
    BlockKind.QUOTE,
    BlockKind.QUESTION,
    BlockKind.ANSWER,
    BlockKind.JSON_LD,
)
WORD = re.compile(r"[A-Za-z][\w'’.+#-]*\w|[A-Za-z]")
TECHNICAL = re.compile(r"\b(?:[a-z]+[A-Z]\w*|[A-Z]{2,}\w*|\w+[._/]\w+|--?\w+)")
NUMBER = re.compile(r"\d[\d,.]*")
# Figures that copy of any product uses: "100 %", "24/7", "number 1".
COMMON_NUMBERS = frozenset({"100", "24", "7", "1"})
MONEY = re.compile(r"[$€£]\s?\d|\d\s?[$€£]")
SPEAKER = re.compile(r"\b(I|my|me|I'm|I've)\b")
POINTS_BACK = re.compile(r"\b(this|these|it|that|they)\b", re.I)
PAST = re.compile(r"\b(was|were|had|did|founded|released|launched|since|in 20\d\d)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """What one documentation set calls things: `names` are words written with a capital in running text, `share` says in how large a
    part of the passages a term stands. The product's own name is the term with a high share that other products do not use."""

    names: frozenset[str]
    share: Mapping[str, float]


def read_lexicon(index: Index) -> Lexicon:
    """Names by truecasing: a word is one when, inside sentences of the docs, it is written with a capital twice as often as not."""
    upper: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for passage in index.passages:
        for reading in passage.readings:
            words = WORD.findall(reading)
            if sum(w[0].isupper() for w in words) > 0.5 * len(words):
                continue  # a heading in title case says nothing about names
            for word in words[1:]:
                (upper if word[0].isupper() else lower)[word.lower()] += 1
    count = Counter(t for found in index.terms for t in found)
    return Lexicon(
        names=frozenset(w for w, n in upper.items() if n >= 2 and n >= 2 * lower[w]),
        share={t: n / len(index.terms) for t, n in count.items()},
    )


def _name_signs(text: str, level: int, lexicon: Lexicon | None, usual: Background) -> list[float]:
    words = WORD.findall(text)
    wanted = set(terms(text))
    share: Mapping[str, float] = lexicon.share if lexicon is not None else {}
    names: frozenset[str] = lexicon.names if lexicon is not None else frozenset()
    own = max((share.get(t, 0.0) for t in wanted if usual.docs.get(t, 0.0) < 0.08), default=0.0)
    titled = sum(w[0].isupper() for w in words[1:]) > 0.6 * max(1, len(words) - 1)
    known = [w for w in words if w[0].isupper() and w.lower() in names]
    others = [w for w in known if max((share.get(t, 0.0) for t in terms(w)), default=0.0) < 0.15]
    strangers = [w for w in words[1:] if not titled and w[0].isupper() and w.lower() not in names and len(w) > 1]
    technical = TECHNICAL.findall(text)
    numbers = [n for n in NUMBER.findall(text) if n not in COMMON_NUMBERS]
    docs = sorted(usual.docs.get(t, 0.0) for t in wanted) or [0.0]
    copy = [usual.copy.get(t, 0.0) for t in wanted] or [0.0]
    return [
        min(1.0, own * 4),
        float(own > 0.2),
        *_counted(known, 4),
        *_counted(others, 3),
        *_counted(strangers, 3),
        *_counted(technical, 3),
        *_counted(numbers, 3),
        float(bool(MONEY.search(text))),
        sum(docs[:3]) / min(3, len(docs)),
        docs[-1],
        sum(copy) / len(copy),
        min(copy),
        sum(usual.copy.get(t, 0.0) == 0 for t in wanted) / max(1, len(wanted)),
        math.log1p(len(words)),
        float(bool(SPEAKER.search(text))),
        float(bool(POINTS_BACK.search(text[:12]))),
        level / 6,
        float(any(ch in text for ch in '“"')),
        float(text.rstrip().endswith((".", "!"))),
        float(text.rstrip().endswith(":")),
        float(bool(PAST.search(text))),
    ]


def _counted(found: Sequence[str], most: int) -> list[float]:
    return [float(bool(found)), min(most, len(found)) / most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What copy and docs of other products look like: for a term the share of products whose `docs` (or `copy`) use it, and the
    (n, d) unit `vectors` of generic copy that names no product."""

    docs: Mapping[str, float]
    copy: Mapping[str, float]
    vectors: NDArray[np.float32]


def shape_columns() -> list[str]:
    """Names of the columns that `shape_rows` makes, in order."""
    return [
        *(f"type.{t.value}" for t in ClaimType),
        "cue.call_to_action",
        *(f"kind.{k.value}" for k in KINDS),
        "words",
        "short",
        "question",
        "exclaims",
        "digits",
        "capitals",
        "second_person",
        "first_person",
        "imperative",
        "docs.similar",
        "docs.similar_mean",
        "docs.coverage",
        "docs.owned",
        "docs.unknown",
        "docs.background",
        "name.own",
        "name.own_clear",
        *(
            f"{part}.{what}"
            for part in ("name", "name.other", "name.stranger", "technical", "number")
            for what in ("any", "count")
        ),
        "money",
        "rare.docs",
        "usual.docs",
        "usual.copy",
        "rare.copy",
        "unseen.copy",
        "length",
        "speaker",
        "points_back",
        "level",
        "quoted",
        "ends.stop",
        "ends.colon",
        "past",
        "generic.nearest",
        "generic.near",
        "generic.over_docs",
    ]


def shape_rows(
    sentences: Sequence[Sentence],
    blocks: Sequence[Block],
    vectors: NDArray[np.float32],
    index: Index | None,
    lexicon: Lexicon | None,
    background: Background,
) -> NDArray[np.float64]:
    """(n, columns) what is seen of each sentence beside its vector.

    Without documentation (`index` and `lexicon` None) the docs columns are zero.
    """
    rows = np.zeros((len(sentences), len(shape_columns())))
    cue = rules.load("types")["call_to_action"]
    similar = vectors @ index.vectors.T if index is not None and len(index.passages) and len(sentences) else None
    generic = _largest(vectors @ background.vectors.T, 5)
    nearest = _largest(similar, 5) if similar is not None else None
    for number, (sentence, block) in enumerate(zip(sentences, blocks, strict=True)):
        text = sentence.text
        words = text.split()
        row = [float(t in sentence.types) for t in ClaimType]
        row.append(float(bool(cue.search(text.strip()))))
        row += [float(block.kind is k) for k in KINDS]
        first = words[0].lower().strip("\"'") if words else ""
        row += [
            min(40, len(words)) / 40,
            float(len(words) <= 3),
            float(text.rstrip().endswith("?")),
            float("!" in text),
            float(bool(re.search(r"\d", text))),
            sum(w[:1].isupper() for w in words[1:]) / max(1, len(words) - 1),
            float(bool(re.search(r"\b(you|your|yours)\b", text, re.I))),
            float(bool(re.search(r"\b(we|our|us)\b", text, re.I))),
            float(
                first.isalpha()
                and first.endswith(("e", "t", "k", "d", "n"))
                and len(first) < 9
                and words[0][0].isupper()
            ),
        ]
        if similar is not None and nearest is not None and index is not None:
            scores = nearest[number]
            wanted = sorted(set(terms(text)))
            weight = {t: index.words.rarity(t) for t in wanted}
            total = sum(weight.values()) or 1.0
            best = index.terms[int(similar[number].argmax())]
            known = [t for t in wanted if t in index.words.vocabulary]
            owned = [t for t in known if background.docs.get(t, 0.0) < 0.15]
            row += [
                float(scores[0]),
                float(scores.mean()),
                sum(w for t, w in weight.items() if t in best) / total,
                len(owned) / max(1, len(wanted)),
                1 - len(known) / max(1, len(wanted)),
                sum(background.docs.get(t, 0.0) for t in wanted) / max(1, len(wanted)),
            ]
        else:
            row += [0.0] * 6
        near = float(generic[number].mean())
        row += _name_signs(text, block.level, lexicon, background)
        row += [float(generic[number, 0]), near, near - (float(nearest[number, 0]) if nearest is not None else 0.0)]
        rows[number] = row
    return rows


def _largest(scores: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """(n, most or fewer) the largest of each row, falling."""
    cut = max(0, scores.shape[1] - most)
    return np.asarray(np.sort(np.partition(scores, cut, axis=1)[:, cut:], axis=1)[:, ::-1])
