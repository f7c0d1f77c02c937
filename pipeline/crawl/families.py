"""Families of pages that have nothing new to say: a calendar's empty days, a filter's permutations."""

from __future__ import annotations

import collections

from pipeline.crawl.likeness import distance

# A family is closed when so many of its pages were read and this share of them resemble one of the last few. Real
# families of a site's own sitemap are never closed; 40 pages are enough to tell a calendar from a blog.
ALIKE_PAGES, ALIKE_SHARE, ALIKE_MEMORY = 40, 0.8, 20


class Families:
    """Watches the fingerprints of pages by template. `closed` holds templates that are not followed any more."""

    def __init__(self, near_bits: int) -> None:
        self._near_bits = near_bits
        self._known: dict[str, tuple[collections.deque[int], list[int]]] = {}
        self.closed: set[str] = set()

    def notice(self, family: str, value: int) -> str | None:
        """Takes note of a page's fingerprint; gives the reason, in words, when its family is closed by it."""
        if family in self.closed or not ("{" in family or "?" in family or family.count("/") > 2):
            return None
        memory, counts = self._known.setdefault(family, (collections.deque(maxlen=ALIKE_MEMORY), [0, 0]))
        counts[0] += 1
        counts[1] += any(distance(value, old) <= self._near_bits for old in memory)
        memory.append(value)
        if counts[0] < ALIKE_PAGES or counts[1] < ALIKE_SHARE * counts[0]:
            return None
        self.closed.add(family)
        return f"{counts[1]} of {counts[0]} pages like {family} say the same: the rest of them is left out"
