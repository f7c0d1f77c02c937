"""One site -> a stream of `Crawled` and `Problem`.

In reading order: settings, scope, sitemap, discovery, facts, quarantine, reading, harvest, findings, site; why explains
single URLs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from pipeline.crawl.crawled import LEFT_OUT, Crawled, Progress
from pipeline.crawl.settings import DOCUMENT_TYPES, HTML_TYPES, CrawlSettings
from pipeline.crawl.site import crawl
from pipeline.crawl.why import Reasons, why, why_rows
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.records import Fetched, Problem
from pipeline.store import Store

__all__ = [
    "DOCUMENT_TYPES",
    "HTML_TYPES",
    "LEFT_OUT",
    "CrawlSettings",
    "Crawled",
    "Progress",
    "Reasons",
    "crawl",
    "crawl_documents",
    "crawl_site",
    "why",
    "why_rows",
]


def crawl_documents(
    urls: Iterable[str],
    fetcher: Fetcher,
    store: Store,
    *,
    settings: CrawlSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Crawled | Problem]:
    """Documentation by URL: the folder under each of `urls`, newest version only, no print or edit copies.

    `https://acme.com/docs/start` reads `/docs/`, `https://docs.acme.com/` the whole host. Each host is a crawl of its own.
    """
    base = settings or CrawlSettings()
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc, []).append(url)
    for seeds in hosts.values():
        sections = {urlsplit(url).path.rpartition("/")[0] + "/" for url in seeds}
        whole = "/" in sections
        yield from crawl(
            replace(
                base,
                seeds=tuple(seeds),
                documents=True,
                accept=DOCUMENT_TYPES,
                sections=base.sections or (() if whole else tuple(sorted(sections))),
            ),
            fetcher,
            store,
            on_progress=on_progress,
        )


def crawl_site(
    urls: Iterable[str],
    settings: CrawlSettings | None = None,
    *,
    fetch: FetchSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[list[Fetched], list[Problem]]:
    """The pages under `urls`, and what stood in the way, over a temporary store: for an audit of a few pages.

    With `settings.follow_links` False nothing but `urls` is fetched.
    """
    pages: list[Fetched] = []
    problems: list[Problem] = []
    seeds = tuple(urls)
    wanted = replace(settings or CrawlSettings(), seeds=seeds)
    if not wanted.follow_links:
        wanted = replace(wanted, use_sitemaps=False, probe_soft_404=False)
    with Store() as store, Fetcher(fetch) as fetcher:
        for found in crawl(wanted, fetcher, store, on_progress=on_progress):
            if isinstance(found, Crawled):
                pages.append(found.fetched)
            else:
                problems.append(found)
    return pages, problems
