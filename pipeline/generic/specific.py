"""What would make a generic sentence specific: the nearest documented capability to put there instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from pipeline.embed import Encoder
from pipeline.generality import Replacement
from pipeline.match import Index, passage_text
from pipeline.records import Sentence

# Cosine under which the nearest passage is about something else. Set by reading replacements of the demo product.
NEAREST = 0.3


def make_specific(
    sentences: Sequence[Sentence],
    index: Index,
    encoder: Encoder,
    *,
    above: float = 0.6,
    min_words: int = 4,
    kept: Collection[str] = frozenset(),
) -> tuple[Replacement, ...]:
    """One Replacement for each generic sentence, in page order; no passage is offered twice on a page.

    Passages that other sentences of the page already speak of closely (0.75) are left out: the page says that already. So are passages
    under NEAREST, which would be a replacement by something else. Sentences in `kept` (buttons, customers' words) stay as they are.
    """
    wanted = list(
        {
            s.text: s
            for s in sentences
            if s.generic >= above and len(s.text.split()) >= min_words and s.text not in kept
        }.values()
    )
    if not wanted or not index.passages:
        return ()
    near = encoder.encode([s.text for s in wanted]) @ index.vectors.T
    told = encoder.encode([s.text for s in sentences if s.generic < above])
    if len(told):
        near[:, (told @ index.vectors.T).max(axis=0) >= 0.75] = -1.0
    out = []
    for row, sentence in enumerate(wanted):
        place = int(near[row].argmax())
        passage = index.passages[place]
        similarity = round(float(near[row, place]), 4)
        if similarity < NEAREST:
            continue
        near[:, place] = -1.0
        words = set(sentence.text.lower().split())
        quote = max(passage.parts, key=lambda p: (len(words & set(p.lower().split())), min(len(p), 300)))
        path = [h for h in passage.heading_path if h]
        out.append(
            Replacement(
                sentence=sentence.text,
                generic=sentence.generic,
                capability=path[-1] if path else passage_text(passage)[:60],
                doc=passage.doc,
                quote=" ".join(quote.split()[:60]),
                similarity=similarity,
            )
        )
    return tuple(out)


def nearest(texts: Sequence[str], index: Index, encoder: Encoder) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """(n,) similarity of each text to its nearest documentation passage; zeros when there is none."""
    if not texts or not index.passages:
        return np.zeros(len(texts), dtype=np.float32)
    return np.asarray((encoder.encode(texts) @ index.vectors.T).max(axis=1), dtype=np.float32)
