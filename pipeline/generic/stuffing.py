"""Keyword stuffing: a phrase that title, headings and body repeat beyond what prose needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from pipeline.generality import Stuffing
from pipeline.match import STOP
from pipeline.records import BlockKind, Page, Region

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def _phrases(words: list[str]) -> Iterable[tuple[str, ...]]:
    for size in (2, 3, 4):
        for start in range(len(words) - size + 1):
            phrase = tuple(words[start : start + size])
            if phrase[0] not in STOP and phrase[-1] not in STOP and not phrase[0].isdigit():
                yield phrase


def keyword_stuffing(page: Page, *, density: float = 0.04, min_count: int = 6) -> tuple[Stuffing, ...]:
    """Phrases that make up at least `density` of the page's words, or half that and stand in most headings too; worst first.

    A phrase inside a longer one with the same count is left out. Four per cent is twice what the densest honest phrase of an average
    page reaches, an estimate to be set per house.
    """
    blocks = [b for b in page.blocks if b.region in (Region.HEAD, Region.MAIN) and b.kind is not BlockKind.CODE]
    said = [[w.lower() for w in WORD.findall(b.text)] for b in blocks]
    total = sum(len(words) for words in said)
    if total < 60:
        return ()
    count = Counter(p for words in said for p in _phrases(words))
    loud = [
        set(_phrases(words))
        for b, words in zip(blocks, said, strict=True)
        if b.kind in (BlockKind.HEADING, BlockKind.TITLE)
    ]
    found = []
    for phrase, times in count.items():
        share = times * len(phrase) / total
        headings = sum(phrase in h for h in loud)
        in_most = len(loud) >= 3 and headings >= 0.5 * len(loud)
        if times >= min_count and (share >= density or (share >= density / 2 and in_most)):
            found.append((phrase, times, share, headings))
    longest = [
        f
        for f in found
        if not any(len(g[0]) > len(f[0]) and g[1] >= 0.8 * f[1] and " ".join(f[0]) in " ".join(g[0]) for g in found)
    ]
    return tuple(
        Stuffing(phrase=" ".join(p), count=n, share=round(s, 4), headings=h, of_headings=len(loud))
        for p, n, s, h in sorted(longest, key=lambda f: (-f[2], f[0]))
    )
