"""What belongs to a crawl and how far it goes; defaults with their reasons. Plain types only."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass

HTML_TYPES = ("text/html", "application/xhtml+xml")
DOCUMENT_TYPES = (
    *HTML_TYPES,
    "text/plain",
    "text/markdown",
    "text/x-markdown",
    "application/pdf",
    "application/json",
    "application/yaml",
    "text/yaml",
    "application/x-yaml",
    "application/vnd.oai.openapi",
    "application/vnd.oai.openapi+json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlSettings:
    """One site: its seeds, its borders and its budgets."""

    # URLs to begin with. Their hosts (with and without "www.") are the site, and `hosts` adds more.
    seeds: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    # Sitemaps beyond those that robots.txt and custom name.
    sitemaps: tuple[str, ...] = ()
    use_sitemaps: bool = True
    # False: the seeds alone are fetched, no link is followed.
    follow_links: bool = True

    # Globs over path and query ("/blog/*", "*?ref=*"): a page must match one of `include` (none: all) and none of
    # `exclude`. A section is a path prefix ("/product/"); none: the whole site.
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()

    # Budgets. Depth counts links from a seed or sitemap (Heritrix 20 hops; nothing that sells lies ten clicks deep).
    # A group is a template ("/blog/*"); a path may come with this many different queries.
    max_pages: int = 10_000
    max_depth: int = 10
    max_group: int = 2_000
    max_queries: int = 25
    max_links: int = 5_000
    # The sitemap protocol allows 50,000 URLs a file; index files in index files are followed three deep.
    max_sitemaps: int = 500
    max_sitemap_urls: int = 50_000
    max_sitemap_depth: int = 3
    # Traps: see fetch.url.TrapLimits.
    max_url_chars: int = 2_000
    max_segments: int = 20
    max_repeats: int = 2
    max_query_keys: int = 8

    accept: tuple[str, ...] = HTML_TYPES
    # Documentation: of several versions the newest is read, print and edit copies are left out.
    documents: bool = False
    # Pages whose text differs in no more than this many of 64 fingerprint bits are called near duplicates; 3 is what
    # Manku, Jain and Das Sarma found right for web pages (WWW 2007). They are marked, not dropped.
    near_bits: int = 3
    # A host that answers a made-up address with 200 has soft 404s; pages this near to that answer are taken for one.
    soft_404_bits: int = 6
    probe_soft_404: bool = True

    # Change only: a page whose sitemap `lastmod` is older than our last fetch is not asked for, as long as samples
    # prove the site's lastmod true, and is asked for again after so many days in any case.
    trust_lastmod: bool = True
    recheck_days: float = 7.0
    sample_share: float = 0.02

    threads: int = 16
    parsers: int = 2
    parse_seconds: float = 10.0
    parse_bytes: int = 1024 * 1024 * 1024
    # How often a URL is tried in all (Scrapy: 3).
    tries: int = 3
    # A second crawl of the same site waits this long for the first one to end, then refuses.
    wait_s: float = 0.0
    lease_s: float = 60.0
    render: bool = False

    @property
    def fingerprint(self) -> str:
        """Changes when another set of pages would be found; an unfinished crawl is resumed under the same one only."""
        kept = (
            self.seeds,
            self.hosts,
            self.sitemaps,
            self.use_sitemaps,
            self.follow_links,
            self.include,
            self.exclude,
            self.sections,
            self.max_pages,
            self.max_depth,
            self.accept,
            self.documents,
        )
        return hashlib.sha256(repr(kept).encode()).hexdigest()[:16]

    def __post_init__(self) -> None:
        """Raises ValueError for a budget that would crawl nothing and call it done."""
        if min(self.max_pages, self.threads, self.parsers, self.tries, self.max_group) < 1:
            raise ValueError(f"budgets of a crawl start at 1: {astuple(self)}")
