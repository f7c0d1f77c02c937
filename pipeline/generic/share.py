"""The share of a page's words that would read as true on a competitor's page, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.generality import Share
from pipeline.records import Sentence

DRAWS = 400
SEED = 20


def generic_share(sentences: Sequence[Sentence], *, min_words: int = 60, min_sentences: int = 8) -> Share:
    """The generic share of these sentences, each weighted by its words and its chance of being generic.

    The interval resamples sentences and, within each draw, whether each is generic (its probability), so that it covers both the
    page being a small sample of its author's copy and the model's doubt. The same sentences always give the same interval.
    A sentence that stands on the page several times counts once: carousels repeat quotes without saying more.
    """
    unique = list({s.text: s for s in sentences}.values())
    weight = np.array([len(s.text.split()) for s in unique], dtype=np.float64)
    words = int(weight.sum())
    if words < min_words or len(unique) < min_sentences:
        return Share(value=None, low=None, high=None, words=words, sentences=len(unique), note="too little text")
    chance = np.array([s.generic for s in unique])
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(unique), (DRAWS, len(unique)))
    flags = rng.random((DRAWS, len(unique))) < chance[drawn]
    shares = (weight[drawn] * flags).sum(axis=1) / weight[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return Share(
        value=round(float(weight @ chance) / words * 100, 1),
        low=round(float(low) * 100, 1),
        high=round(float(high) * 100, 1),
        words=words,
        sentences=len(unique),
    )
