"""How pages and a site change: aligned sentences, tests against an accepted baseline, nightly series, topics."""

from pipeline.drift.align import align
from pipeline.drift.compare import compare_page, compare_pools, compare_sections, pool_of
from pipeline.drift.records import Alarm, ChangeKind, Night, PageDrift, Pool, SectionDrift, SentenceChange, Snapshot
from pipeline.drift.series import watch
from pipeline.drift.topics import share_of_voice, topic_shift
from pipeline.generality import Voice

__all__ = [
    "Alarm",
    "ChangeKind",
    "Night",
    "PageDrift",
    "Pool",
    "SectionDrift",
    "SentenceChange",
    "Snapshot",
    "Voice",
    "align",
    "compare_page",
    "compare_pools",
    "compare_sections",
    "pool_of",
    "share_of_voice",
    "topic_shift",
    "watch",
]
