"""One site -> a stream of `Crawled` and `Problem`.

In reading order: settings, scope, sitemap, discovery, facts, quarantine, reading, harvest, findings, site, tally; reasons
explains single URLs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.crawl.crawled import LEFT_OUT, Crawled, Progress
from pipeline.crawl.settings import DOCUMENT_TYPES, HTML_TYPES, CrawlSettings

if TYPE_CHECKING:
    from pipeline.crawl.reasons import Reasons, why, why_rows
    from pipeline.crawl.site import crawl, crawl_documents, crawl_site, document_settings, site_settings
    from pipeline.crawl.tally import Tally, tally_site

__all__ = [
    "DOCUMENT_TYPES",
    "HTML_TYPES",
    "LEFT_OUT",
    "CrawlSettings",
    "Crawled",
    "Progress",
    "Reasons",
    "Tally",
    "crawl",
    "crawl_documents",
    "crawl_site",
    "document_settings",
    "site_settings",
    "tally_site",
    "why",
    "why_rows",
]


def __getattr__(name: str) -> Any:
    """The crawler is imported when first used: readers of hostile pages live in this room too, and start three times
    faster without the database and the fetch gate."""
    if name in {"crawl", "crawl_documents", "crawl_site", "document_settings", "site_settings"}:
        from pipeline.crawl import site

        return getattr(site, name)
    if name in {"Tally", "tally_site"}:
        from pipeline.crawl import tally

        return getattr(tally, name)
    if name in {"Reasons", "why", "why_rows"}:
        from pipeline.crawl import reasons

        return getattr(reasons, name)
    raise AttributeError(f"pipeline.crawl has no '{name}'")
