"""Near-clone pages: the same page with the city, the industry or the rival changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
from scipy import sparse

from pipeline.generality import Clone
from pipeline.records import BlockKind, Page, Region

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
CANDIDATE = 0.5  # Jaccard of the word sets below which two pages are not even aligned
MIN_WORDS = 40


def _words(page: Page) -> list[str]:
    return [
        w.lower()
        for b in page.blocks
        if b.region is Region.MAIN and b.kind not in (BlockKind.CODE, BlockKind.BUTTON, BlockKind.JSON_LD)
        for w in WORD.findall(b.text)
    ]


def near_clones(pages: Sequence[Page], *, threshold: float = 0.8) -> tuple[Clone, ...]:
    """Pairs of pages whose words agree, in order, to at least `threshold` (0-1), most alike first. (pages, pages) work is only set algebra;
    the alignment runs on pairs whose vocabularies overlap. Pages under 40 words are not compared.
    """
    said = [_words(p) for p in pages]
    kept = [i for i, words in enumerate(said) if len(words) >= MIN_WORDS]
    vocabulary: dict[str, int] = {}
    rows, columns = [], []
    for row, i in enumerate(kept):
        for word in sorted(set(said[i])):
            rows.append(row)
            columns.append(vocabulary.setdefault(word, len(vocabulary)))
    if len(kept) < 2:
        return ()
    held = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(kept), len(vocabulary)))
    both = (held @ held.T).tocoo()
    size = np.asarray(held.sum(axis=1)).ravel()
    out = []
    for a, b, n in zip(both.row, both.col, both.data, strict=True):
        if a >= b or n / (size[a] + size[b] - n) < CANDIDATE:
            continue
        one, two = said[kept[a]], said[kept[b]]
        if min(len(one), len(two)) / max(len(one), len(two)) < threshold * 0.8:
            continue
        matcher = SequenceMatcher(None, one, two, autojunk=False)
        same = matcher.ratio()
        if same >= threshold:
            swaps: dict[tuple[str, str], int] = {}
            for kind, i1, i2, j1, j2 in matcher.get_opcodes():
                if kind == "replace" and max(i2 - i1, j2 - j1) <= 5:
                    pair = (" ".join(one[i1:i2]), " ".join(two[j1:j2]))
                    swaps[pair] = swaps.get(pair, 0) + 1
            changed = tuple(sorted(swaps, key=lambda p: (-swaps[p], p))[:5])
            out.append(
                Clone(first=pages[kept[a]].source, second=pages[kept[b]].source, same=round(same, 4), changed=changed)
            )
    return tuple(sorted(out, key=lambda c: (-c.same, c.first, c.second)))
