"""Generic content of a page and of a site: how much, of which kind, and what to say instead."""

from pipeline.generic.clones import Clone, near_clones
from pipeline.generic.kinds import KindDeviation, PageKind, compare_with_kind, page_kind
from pipeline.generic.share import Share, generic_share
from pipeline.generic.specific import Replacement, make_specific
from pipeline.generic.stuffing import Stuffing, keyword_stuffing
from pipeline.generic.topics import PageTopic, page_topics

__all__ = [
    "Clone",
    "KindDeviation",
    "PageKind",
    "PageTopic",
    "Replacement",
    "Share",
    "Stuffing",
    "compare_with_kind",
    "generic_share",
    "keyword_stuffing",
    "make_specific",
    "near_clones",
    "page_kind",
    "page_topics",
]
