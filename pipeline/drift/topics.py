"""What the copy speaks of: share of voice of documented capabilities, and pages that move away from the documentation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.embed import Encoder
from pipeline.generality import Voice
from pipeline.match import Index
from pipeline.records import Sentence

SPEAKS_OF = 0.5  # similarity from which a sentence speaks of a passage


def share_of_voice(
    pages: Mapping[str, Sequence[tuple[Sentence, float]]], index: Index, encoder: Encoder, *, most: int = 50
) -> tuple[Voice, ...]:
    """The documentation sections that the copy speaks of most, by words weighted with prominence; shares are of all weighted words.

    `pages` maps a source to its sentences with the prominence of their blocks. What speaks of no section is in no share, so the
    shares do not sum to 1: the rest is copy about nothing that the docs know.
    """
    rows = [(source, s, loud) for source, sentences in pages.items() for s, loud in sentences]
    if not rows or not index.passages:
        return ()
    near = encoder.encode([s.text for _, s, _ in rows]) @ index.vectors.T
    best = near.argmax(axis=1)
    weights = np.array([len(s.text.split()) * loud for _, s, loud in rows])
    total = float(weights.sum()) or 1.0
    spoken: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for row, place in enumerate(best):
        if near[row, place] >= SPEAKS_OF:
            passage = index.passages[place]
            spoken[passage.doc, passage.heading_path].append(row)
    out = []
    for (doc, path), found in spoken.items():
        top = max(found, key=lambda r: (round(float(near[r, best[r]]), 5), -r))
        out.append(
            Voice(
                capability=path[-1] if path else doc,
                doc=doc,
                share=round(float(weights[found].sum()) / total, 5),
                pages=len({rows[r][0] for r in found}),
                sentence=rows[top][1].text,
            )
        )
    return tuple(sorted(out, key=lambda v: (-v.share, v.doc, v.capability))[:most])


def topic_shift(old: Sequence[Sentence], new: Sequence[Sentence], index: Index, encoder: Encoder) -> float | None:
    """How much nearer (positive) or farther (negative) the copy is to the documentation than before; word-weighted mean similarity.

    None when either version has no words or there is no documentation.
    """
    sides = []
    for sentences in (old, new):
        weight = np.array([len(s.text.split()) for s in sentences], dtype=np.float64)
        if not len(weight) or weight.sum() == 0 or not index.passages:
            return None
        near = (encoder.encode([s.text for s in sentences]) @ index.vectors.T).max(axis=1)
        sides.append(float(near @ weight / weight.sum()))
    return round(sides[1] - sides[0], 5)
