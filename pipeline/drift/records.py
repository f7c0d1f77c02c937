"""Records of the drift room."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.records import Sentence


class ChangeKind(StrEnum):
    """What happened to a sentence between two versions of a page."""

    ADDED = "added"
    REMOVED = "removed"
    REWORDED = "reworded"
    MADE_GENERIC = "made_generic"
    MADE_SPECIFIC = "made_specific"
    STRENGTHENED = "strengthened"
    WEAKENED = "weakened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The scored sentences of one page. `instrument` names models, extraction and configuration that scored them."""

    source: str
    sentences: tuple[Sentence, ...]
    instrument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceChange:
    """One sentence that is not what it was. `kinds` are all that apply; `moved` is its part of the change in generic share, in points."""

    kinds: tuple[ChangeKind, ...]
    old: Sentence | None
    new: Sentence | None
    why: str
    moved: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDrift:
    """A page against its accepted baseline.

    Shares in per cent; None when either side has too little text. `p` is the chance of a rise at least as large if the added
    sentences were no more generic than the removed ones. `instrument_changed` means that the two sides were scored with different
    models: nothing is said then, score the stored baseline again.
    """

    source: str
    before: float | None
    after: float | None
    rise: float | None
    p: float
    changes: tuple[SentenceChange, ...]
    drifting: bool
    instrument_changed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What a test of many pages needs of one: its rise in points, and generic scores and words of the sentences that came (the first `came`) and went."""

    rise: float = 0.0
    scores: tuple[float, ...] = ()
    words: tuple[float, ...] = ()
    came: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDrift:
    """Pages of one section together: `q` is the false-discovery rate at which it would count as drifting."""

    section: str
    pages: int
    rise: float
    p: float
    q: float
    drifting: bool
    movers: tuple[SentenceChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One point of a nightly series: the measured value (None: not measured), whether it was found beyond chance, and the instrument."""

    date: str
    value: float | None
    drifting: bool
    instrument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A confirmed change in a series: first night that showed it, the night that confirmed it, and the values before and at alarm."""

    since: str
    confirmed: str
    before: float
    value: float
    reason: str
