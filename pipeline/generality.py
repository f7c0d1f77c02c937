"""What an audit says of generic copy: records of pages, phrases, twins and topics. Ground, like `records`: no logic.

Words: `generic` is what would be true and natural with a competitor's name in it; `share` is of words, in per cent unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PageKind(StrEnum):
    """The purposes that make pages comparable."""

    HOME = "home"
    PRODUCT = "product"
    PRICING = "pricing"
    SOLUTION = "solution"
    COMPARISON = "comparison"
    LANDING = "landing"
    BLOG = "blog"
    COMPANY = "company"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share of generic words in per cent with its 95 % interval; all None when there is too little text to tell."""

    value: float | None
    low: float | None
    high: float | None
    words: int
    sentences: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindDeviation:
    """A page beside its own kind: its share, the median of its kind and how many robust deviations it stands above."""

    source: str
    kind: PageKind
    share: float
    usual: float
    deviations: float
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuffing:
    """A phrase of two to four words: how often it stands, its share of the page's words (0-1), and in how many headings (title included)."""

    phrase: str
    count: int
    share: float
    headings: int
    of_headings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A generic sentence and the documented capability nearest to it, with a verbatim quote; `similarity` in -1 to 1."""

    sentence: str
    generic: float
    capability: str
    doc: str
    quote: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTopic:
    """How near a page's copy is to the documentation: mean similarity (word-weighted), and robust deviations below the site's median."""

    source: str
    similarity: float | None
    deviations: float
    unknown: bool
    farthest: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCopy:
    """All of one page: its kind, its share, its kind's usual share, phrases it repeats too often, its topic, and what to write instead."""

    kind: PageKind
    share: Share
    usual: KindDeviation | None = None
    stuffing: tuple[Stuffing, ...] = ()
    topic: PageTopic | None = None
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """Two pages that are one page with words changed: `same` is the share of words in common, in order (0-1), `changed` the pairs of
    what stands in the first and in the second (most frequent first)."""

    first: str
    second: str
    same: float
    changed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How much copy speaks of a documented capability: share of prominence-weighted words (0-1) and of pages, with the best sentence."""

    capability: str
    doc: str
    share: float
    pages: int
    sentence: str
