"""A page against its accepted baseline, and sections of pages together.

The measure is directed: generic share of words. The test is exact in spirit: under the null hypothesis the sentences that came are no more generic
than those that went, so their labels can be exchanged. Sentences that stayed have no part in it; a page that did not change cannot drift. Sections
exchange labels within each page only (stratified permutation) and share one false-discovery rate (Benjamini and Hochberg 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.drift.align import align
from pipeline.drift.records import ChangeKind, PageDrift, Pool, SectionDrift, SentenceChange, Snapshot
from pipeline.drift.strength import strength_change
from pipeline.embed import Encoder
from pipeline.records import Sentence

PERMUTATIONS = 1999
SEED = 30
SWITCH = 0.2  # change of the generic score within one reworded sentence that is called made generic or made specific


def _words(sentence: Sentence) -> int:
    return len(sentence.text.split())


def _share(sentences: Sequence[Sentence]) -> float:
    total = sum(map(_words, sentences))
    return sum(_words(s) * s.generic for s in sentences) / total * 100 if total else 0.0


def changes(old: Sequence[Sentence], new: Sequence[Sentence], encoder: Encoder) -> tuple[SentenceChange, ...]:
    """Every sentence that is not what it was, those that moved the generic share most first."""
    _, reworded, removed, added = align(old, new, encoder)
    total = max(1, sum(map(_words, new)))
    before = _share(old) / 100
    out = []
    for i, j in reworded:
        a, b = old[i], new[j]
        kinds = []
        if b.generic - a.generic >= SWITCH:
            kinds.append(ChangeKind.MADE_GENERIC)
        elif a.generic - b.generic >= SWITCH:
            kinds.append(ChangeKind.MADE_SPECIFIC)
        direction, why = strength_change(a.text, b.text)
        if direction:
            kinds.append(ChangeKind.STRENGTHENED if direction > 0 else ChangeKind.WEAKENED)
        moved = (_words(b) * (b.generic - before) - _words(a) * (a.generic - before)) / total * 100
        out.append(
            SentenceChange(kinds=tuple(kinds) or (ChangeKind.REWORDED,), old=a, new=b, why=why, moved=round(moved, 3))
        )
    for i in removed:
        moved = -_words(old[i]) * (old[i].generic - before) / total * 100
        out.append(SentenceChange(kinds=(ChangeKind.REMOVED,), old=old[i], new=None, why="", moved=round(moved, 3)))
    for j in added:
        moved = _words(new[j]) * (new[j].generic - before) / total * 100
        out.append(SentenceChange(kinds=(ChangeKind.ADDED,), old=None, new=new[j], why="", moved=round(moved, 3)))
    return tuple(sorted(out, key=lambda c: (-abs(c.moved), (c.new or c.old).text if (c.new or c.old) else "")))  # type: ignore[union-attr]


def _pools(found: Sequence[SentenceChange]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """(generic scores, words, how many of them came) of the sentences that came, then of those that went."""
    came = [c.new for c in found if c.new is not None]
    went = [c.old for c in found if c.old is not None]
    both = came + went
    return np.array([s.generic for s in both]), np.array([_words(s) for s in both], dtype=np.float64), len(came)


def _excess(scores: NDArray[np.float64], words: NDArray[np.float64], came: NDArray[np.bool_]) -> float:
    """Word-weighted mean of what came minus that of what went; square-root weights, so that one long sentence cannot speak for ten."""
    weight = np.sqrt(words)
    if came.all() or not came.any():
        return 0.0
    return float(np.average(scores[came], weights=weight[came]) - np.average(scores[~came], weights=weight[~came]))


def compare_page(
    baseline: Snapshot,
    now: Snapshot,
    encoder: Encoder,
    *,
    alpha: float = 0.002,
    min_rise: float = 4.0,
    min_sentences: int = 8,
) -> PageDrift:
    """What changed on a page since its accepted baseline, and whether its copy became more generic than chance explains.

    `alpha` holds for one comparison; an alarm also needs a rise of `min_rise` points and, in `series.watch`, a second night. Text that is only
    added is compared with the whole baseline instead of with what went.
    """
    if baseline.instrument != now.instrument:
        return PageDrift(
            source=now.source, before=None, after=None, rise=None, p=1.0, changes=(), drifting=False, instrument_changed=True,
            note="scored with other models or extraction: score the stored baseline again",
        )  # fmt: skip
    found = changes(baseline.sentences, now.sentences, encoder)
    if min(len(baseline.sentences), len(now.sentences)) < min_sentences:
        return PageDrift(
            source=now.source, before=None, after=None, rise=None, p=1.0, changes=found, drifting=False, note="too little text"
        )  # fmt: skip
    before, after = _share(baseline.sentences), _share(now.sentences)
    rise = after - before
    p = _p_value(found, baseline) if rise > 0 else 1.0
    return PageDrift(
        source=now.source,
        before=round(before, 2),
        after=round(after, 2),
        rise=round(rise, 2),
        p=round(p, 5),
        changes=found,
        drifting=p <= alpha and rise >= min_rise,
    )


def _p_value(found: Sequence[SentenceChange], baseline: Snapshot) -> float:
    scores, words, came = _pools(found)
    if came == len(scores):
        scores = np.concatenate([scores, [s.generic for s in baseline.sentences]])
        words = np.concatenate([words, [_words(s) for s in baseline.sentences]])
    if came == 0:
        return 1.0
    return _permuted([(scores, words, came)], PERMUTATIONS)


def pool_of(drift: PageDrift) -> Pool | None:
    """What `compare_pools` needs of a compared page; None where nothing could be said of it."""
    if drift.rise is None or drift.instrument_changed:
        return None
    scores, words, came = _pools(drift.changes)
    return Pool(rise=drift.rise, scores=tuple(map(float, scores)), words=tuple(map(float, words)), came=came)


def compare_sections(
    pages: Mapping[str, Sequence[PageDrift]], *, q: float = 0.05, min_rise: float = 2.0
) -> tuple[SectionDrift, ...]:
    """Each section (name -> compared pages) as a whole, surest drift first, with the sentences that moved it."""
    pools = {name: [p for p in map(pool_of, compared) if p is not None] for name, compared in pages.items()}
    return tuple(
        replace(
            found,
            movers=tuple(
                sorted((c for d in pages[found.section] if d.rise is not None and not d.instrument_changed for c in d.changes), key=lambda c: -c.moved)[:5]
            ),
        )
        for found in compare_pools(pools, q=q, min_rise=min_rise)
    )


def compare_pools(
    sections: Mapping[str, Sequence[Pool]], *, q: float = 0.05, min_rise: float = 2.0
) -> tuple[SectionDrift, ...]:
    """Each section (name -> its pages) as a whole, surest drift first, without the sentences. Sums of page excesses, labels exchanged within pages; false
    discovery rates as in Benjamini and Hochberg (1995)."""
    rows = []
    for name, pages in sections.items():
        pools = [(np.array(p.scores), np.array(p.words), p.came) for p in pages if 0 < p.came < len(p.scores)]
        rise = float(np.mean([p.rise for p in pages])) if pages else 0.0
        rows.append((name, len(pages), rise, _permuted(pools, PERMUTATIONS) if pools and rise > 0 else 1.0))
    order = sorted(range(len(rows)), key=lambda i: rows[i][3])
    adjusted = [1.0] * len(rows)
    lowest = 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        lowest = min(lowest, rows[place][3] * len(rows) / rank)
        adjusted[place] = lowest
    out = [
        SectionDrift(
            section=name,
            pages=count,
            rise=round(rise, 2),
            p=round(p, 5),
            q=round(adjusted[i], 5),
            drifting=adjusted[i] <= q and rise >= min_rise,
            movers=(),
        )
        for i, (name, count, rise, p) in enumerate(rows)
    ]
    return tuple(sorted(out, key=lambda s: (s.q, -s.rise, s.section)))


def _permuted(pools: Sequence[tuple[NDArray[np.float64], NDArray[np.float64], int]], draws: int) -> float:
    """One-sided p-value of the summed excess over pools, each weighted by the smaller of its two sides; labels stay within their pool."""
    rng = np.random.default_rng(SEED)
    seen, null = 0.0, np.zeros(draws)
    for scores, words, came in pools:
        label = np.arange(len(scores)) < came
        weight = np.sqrt(words)
        size = min(came, len(scores) - came)
        drawn = rng.permuted(np.tile(label, (draws, 1)), axis=1)
        seen += size * _excess(scores, words, label)
        ours = drawn @ weight
        sums = drawn @ (weight * scores)
        null += size * (sums / ours - ((weight * scores).sum() - sums) / (weight.sum() - ours))
    return float((np.sum(null >= seen - 1e-9) + 1) / (draws + 1))
