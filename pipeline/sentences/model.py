"""The two fitted models of models/sentences at work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.artefacts import open_model
from pipeline.embed import Encoder
from pipeline.logistic import load_logistic
from pipeline.match import Index
from pipeline.records import Block, Sentence
from pipeline.sentences.likeness import Labelled, likeness_columns, likeness_rows
from pipeline.sentences.place import place_columns, place_rows
from pipeline.sentences.signs import Background, Lexicon, read_lexicon, shape_columns, shape_rows

DIMENSIONS = 384


def columns() -> list[str]:
    """Names of all columns of both heads, in order."""
    return [*(f"v{i}" for i in range(DIMENSIONS)), *shape_columns(), *place_columns(), *likeness_columns()]


def rows(
    vectors: NDArray[np.float32],
    shape: NDArray[np.float64],
    place: NDArray[np.float64],
    likeness: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(n, columns) as both heads read them."""
    return np.hstack([vectors.astype(np.float64), shape, place, likeness])


class SentenceModel:
    """Opens models/sentences once and judges page after page."""

    def __init__(self, name: str = "sentences") -> None:
        artefact = open_model(name)
        self.version = artefact.version
        data = json.loads(artefact.path("sentences.json").read_text(encoding="utf-8"))
        self._checkable, self._generic = load_logistic(data["checkable"]), load_logistic(data["generic"])
        self._threshold = float(data["threshold"])
        self._background = Background(
            docs=data["background"],
            copy=data["copy"],
            vectors=np.load(artefact.path("generic.npy"), allow_pickle=False).astype(np.float32),
        )
        self._labelled = Labelled(
            vectors=unpacked(np.load(artefact.path("labelled.npy"), allow_pickle=False)),
            generic=np.array([float(x) for x in data["labelled"]["generic"]]),
            checkable=np.array([float(x) for x in data["labelled"]["checkable"]]),
        )
        # The lexicon of the documentation asked last: an audit asks about one set, page by page.
        self._read: tuple[Index, Lexicon] | None = None

    def judge(
        self,
        sentences: Sequence[Sentence],
        blocks: Sequence[Block],
        encoder: Encoder,
        index: Index | None,
        kind: str = "",
    ) -> list[Sentence]:
        """The same sentences with `checkable`, `checkable_score` and `generic` (0-1) filled in.

        `sentences` are all of one page in page order, `blocks` is a block a sentence, `kind` what the page is for (`generic.page_kind`).
        """
        if not sentences:
            return []
        vectors = encoder.encode([s.text for s in sentences])
        shape = shape_rows(sentences, blocks, vectors, index, self._lexicon(index), self._background)
        seen = rows(vectors, shape, place_rows(sentences, blocks, kind), likeness_rows(vectors, self._labelled))
        checkable = self._checkable.probabilities(seen)[:, 1]
        generic = self._generic.probabilities(seen)[:, 1]
        return [
            replace(
                s,
                checkable=bool(round(float(c), 6) >= self._threshold),
                checkable_score=round(float(c), 4),
                generic=round(float(g), 4),
            )
            for s, c, g in zip(sentences, checkable, generic, strict=True)
        ]

    def _lexicon(self, index: Index | None) -> Lexicon | None:
        if index is None or not index.passages:
            return None
        if self._read is None or self._read[0] is not index:
            self._read = (index, read_lexicon(index))
        return self._read[1]


def packed(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Unit rows as bytes, a quarter of the size; the nearest neighbours stay the same but for ties."""
    return np.asarray(np.clip(np.round(vectors * 300), -127, 127), dtype=np.int8)


def unpacked(stored: NDArray[np.int8]) -> NDArray[np.float32]:
    """Unit rows of what `packed` made."""
    rows = stored.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)
