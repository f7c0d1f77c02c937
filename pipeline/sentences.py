"""Which sentences can be proven true or false, and which could stand on any competitor's page.

Two questions about one sentence ("SSO included" is both): `checkable`, and `generic`, the swap test: put a competitor's name there; is it
still true and natural? Each is a calibrated logistic regression over the sentence vector, the cue words, and how much of the wording this
product's documentation owns. Nothing is trained on the product at hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline import rules
from pipeline.artefacts import open_model
from pipeline.embed import Encoder
from pipeline.logistic import load_logistic
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
    ]


def shape_rows(
    sentences: Sequence[Sentence],
    blocks: Sequence[Block],
    vectors: NDArray[np.float32],
    index: Index | None,
    background: dict[str, float],
) -> NDArray[np.float64]:
    """(n, columns) what is seen of each sentence beside its vector.

    `background` says for a term in how large a share of other products' documentation it stands. Without documentation the docs columns are
    zero, which the models were also trained with.
    """
    rows = np.zeros((len(sentences), len(shape_columns())))
    cue = rules.load("types")["call_to_action"]
    similar = vectors @ index.vectors.T if index is not None and len(index.passages) and len(sentences) else None
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
        if similar is not None and index is not None:
            scores = np.sort(similar[number])[::-1]
            wanted = set(terms(text))
            weight = {t: index.words.rarity(t) for t in wanted}
            total = sum(weight.values()) or 1.0
            best = index.terms[int(similar[number].argmax())]
            known = [t for t in wanted if t in index.words.vocabulary]
            owned = [t for t in known if background.get(t, 0.0) < 0.15]
            row += [
                float(scores[0]),
                float(scores[:5].mean()),
                sum(w for t, w in weight.items() if t in best) / total,
                len(owned) / max(1, len(wanted)),
                1 - len(known) / max(1, len(wanted)),
                sum(background.get(t, 0.0) for t in wanted) / max(1, len(wanted)),
            ]
        else:
            row += [0.0] * 6
        rows[number] = row
    return rows


class SentenceModel:
    """The two fitted models of models/sentences."""

    def __init__(self, name: str = "sentences") -> None:
        artefact = open_model(name)
        self.version = artefact.version
        data = json.loads(artefact.path("sentences.json").read_text(encoding="utf-8"))
        self._checkable, self._generic = load_logistic(data["checkable"]), load_logistic(data["generic"])
        self._threshold = float(data["threshold"])
        self._background: dict[str, float] = data["background"]

    def judge(
        self, sentences: Sequence[Sentence], blocks: Sequence[Block], encoder: Encoder, index: Index | None
    ) -> list[Sentence]:
        """The same sentences with `checkable`, `checkable_score` and `generic` (0-1) filled in; `blocks` is a block a sentence."""
        if not sentences:
            return []
        vectors = encoder.encode([s.text for s in sentences])
        rows = np.hstack([vectors.astype(np.float64), shape_rows(sentences, blocks, vectors, index, self._background)])
        checkable = self._checkable.probabilities(rows)[:, 1]
        generic = self._generic.probabilities(rows)[:, 1]
        return [
            replace(
                s,
                checkable=bool(round(float(c), 6) >= self._threshold),
                checkable_score=round(float(c), 4),
                generic=round(float(g), 4),
            )
            for s, c, g in zip(sentences, checkable, generic, strict=True)
        ]
