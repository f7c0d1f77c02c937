"""Statements that went and statements that came, paired where one is the other in new words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline import rules
from pipeline.compare.statements import Statement
from pipeline.fingerprint import normalized

# Share of words in common (Dice) from which a claim counts as reworded: half on the same page, more elsewhere, where chance finds more partners.
SAME_PAGE = 0.5
ELSEWHERE = 0.75
# Words that carry no subject; kept out so that `on every plan` alone makes no pair.
LIGHT = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "for",
        "with",
        "and",
        "or",
        "is",
        "are",
        "be",
        "your",
        "you",
        "our",
        "we",
        "it",
        "its",
        "this",
        "that",
        "as",
        "at",
        "by",
        "from",
        "all",
        "any",
        "every",
        "each",
        "can",
        "will",
        "may",
        "up",
        "per",
        "most",
        "some",
        "only",
        "just",
        "now",
        "also",
        "more",
        "no",
        "not",
        "never",
        "always",
    ]
)
# Beyond so many on one side the pairing is done page by page only; an unreadable redesign must not take minutes.
MOST = 2000


def words(text: str) -> frozenset[str]:
    """Content words of `text`: what it is about. Figures, plans, reserves and the like do not count, for they are what a claim made stronger changes."""
    bare = text
    for group in ("qualifier", "wide", "hedge"):
        for rule in rules.load("scope")[group].rules:
            bare = rule.pattern.sub(" ", bare)
    return _content(bare) or _content(text)


def _content(text: str) -> frozenset[str]:
    found = {re.sub(r"(?<=\w{3})(?:ing|ed|es|s)$", "", w.strip(".,-/#&")) for w in normalized(text).split()}
    return frozenset(w for w in found if w and w not in LIGHT and not re.fullmatch(r"[\d.,%$€£+<>=/k-]+", w))


def _score(a: frozenset[str], b: frozenset[str]) -> float:
    """Overlap of two sets of words: Dice, or containment slightly lowered, because a dropped condition shortens a claim."""
    both = len(a & b)
    if not both:
        return 0.0
    small = min(len(a), len(b))
    return max(2 * both / (len(a) + len(b)), 0.8 * both / small if both >= 3 else 0.0)


def pairs(gone: Sequence[Statement], come: Sequence[Statement]) -> list[tuple[int, int]]:
    """(index in gone, index in come), each used once, best sum of overlaps; first within a page, then over the whole site."""
    before, after = [words(s.text) for s in gone], [words(s.text) for s in come]
    found: list[tuple[int, int]] = []
    left, right = set(range(len(gone))), set(range(len(come)))
    for page in sorted({p for s in gone for p in s.pages}):
        mine = sorted(i for i in left if page in gone[i].pages)
        theirs = sorted(j for j in right if page in come[j].pages)
        for i, j in _assign(mine, theirs, before, after, SAME_PAGE):
            found.append((i, j))
            left.discard(i)
            right.discard(j)
    if len(left) <= MOST and len(right) <= MOST:
        found += _assign(sorted(left), sorted(right), before, after, ELSEWHERE)
    return sorted(found)


def _assign(
    mine: Sequence[int],
    theirs: Sequence[int],
    before: Sequence[frozenset[str]],
    after: Sequence[frozenset[str]],
    least: float,
) -> list[tuple[int, int]]:
    if not mine or not theirs:
        return []
    table = np.array([[_score(before[i], after[j]) for j in theirs] for i in mine])
    table[table < least] = 0.0
    rows, columns = linear_sum_assignment(-table)
    return [(mine[r], theirs[c]) for r, c in zip(rows, columns, strict=True) if table[r, c] > 0]
