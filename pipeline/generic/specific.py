"""What would make a generic sentence specific: the nearest documented capability to put there instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from pipeline.embed import Encoder
from pipeline.generality import Replacement
from pipeline.match import Index, passage_text
from pipeline.records import Passage, Sentence, Status

# "2. Add your people": the number belongs to the guide.
NUMBERED = re.compile(r"^\d+[.)]\s+")
# Places and openings that tell what the product does not do.
LACKS = re.compile(r"roadmap|limitation|not (planned|supported)|known issues|deprecat|troubleshoot|changelog|release notes", re.I)
DENIES = re.compile(r"^[^.!?]{0,60}\b(is|are|was|do|does|can|will)(n't| not|not)\b|^(no|not|never)\b|^[^.!?]{0,40}\b(had|was|were|used to)\b", re.I)
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
        while near[row, place] >= NEAREST and not _offers(index.passages[place]):
            near[:, place] = -1.0
            place = int(near[row].argmax())
        passage = index.passages[place]
        similarity = round(float(near[row, place]), 4)
        if similarity < NEAREST:
            continue
        near[:, place] = -1.0
        words = set(sentence.text.lower().split())
        quote = max(_prose(passage), key=lambda p: (len(words & set(p.lower().split())), min(len(p), 300)))
        path = [h for h in passage.heading_path if h]
        out.append(
            Replacement(
                sentence=sentence.text,
                generic=sentence.generic,
                capability=NUMBERED.sub("", path[-1]) if path else passage_text(passage)[:60],
                doc=passage.doc,
                quote=" ".join(quote.split()[:60]),
                similarity=similarity,
            )
        )
    return tuple(out)


def _offers(passage: Passage) -> bool:
    """Whether a writer could put this on a page: something the product has, not what it lacks, will have or had."""
    place = " ".join(passage.heading_path) + " " + passage.doc
    has = passage.facets.status in (None, Status.AVAILABLE, Status.BETA)
    return has and bool(_prose(passage)) and not LACKS.search(place) and not DENIES.search(passage.text)


def _prose(passage: Passage) -> list[str]:
    """Its parts that are no table rows: a row says little without its columns."""
    return [
        part for part, said in zip(passage.parts, passage.readings, strict=True) if "|" not in part and " = " not in said
    ]


def nearest(texts: Sequence[str], index: Index, encoder: Encoder) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """(n,) similarity of each text to its nearest documentation passage; zeros when there is none."""
    if not texts or not index.passages:
        return np.zeros(len(texts), dtype=np.float32)
    return np.asarray((encoder.encode(texts) @ index.vectors.T).max(axis=1), dtype=np.float32)
