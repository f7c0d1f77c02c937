"""Generic content of a page and of a site: how much, of which kind, and what to say instead."""

from pipeline.generality import Clone, KindDeviation, PageCopy, PageKind, PageTopic, Replacement, Share, Stuffing
from pipeline.generic.clones import near_clones
from pipeline.generic.kinds import compare_with_kind, page_kind
from pipeline.generic.share import generic_share
from pipeline.generic.specific import make_specific
from pipeline.generic.stuffing import keyword_stuffing
from pipeline.generic.survey import compare_pages, page_copy
from pipeline.generic.topics import page_topics

__all__ = [
    "Clone",
    "KindDeviation",
    "PageCopy",
    "PageKind",
    "PageTopic",
    "Replacement",
    "Share",
    "Stuffing",
    "compare_pages",
    "compare_with_kind",
    "generic_share",
    "keyword_stuffing",
    "make_specific",
    "near_clones",
    "page_copy",
    "page_kind",
    "page_topics",
]
