"""One crawl into the store -> what it comes to: pages, what changed since the last crawl, what could not be read.

Holds addresses, never pages, so a site of any size can be counted.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.crawl.crawled import LEFT_OUT, Crawled, Progress
from pipeline.crawl.settings import CrawlSettings
from pipeline.crawl.site import crawl, site_key
from pipeline.fetch import Fetcher
from pipeline.records import Problem
from pipeline.store import Fenced, Held, Store, former_pages

# States of an address under which a page stood before and stands no more.
VANISHED = frozenset({"gone", "not_found", "soft_404", "redirect"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A crawl of one site, counted.

    `since` is the time of the crawl it is compared with, "" where it is the first one under these settings; `new`,
    `changed`, `gone` and `unchanged` are then all pages, none, none and 0. `unread`: addresses that should have been
    read and were not, and why; `left_out`: what was left out on purpose, counted by kind. `noindex` and `orphans`
    (in the sitemap, linked from nowhere) are pages that were read.
    """

    site: str
    seeds: tuple[str, ...]
    documents: bool
    seconds: float
    pages: int
    since: str
    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    unchanged: int
    unread: tuple[Problem, ...]
    left_out: Mapping[str, int]
    examples: tuple[Problem, ...]
    noindex: tuple[str, ...]
    orphans: tuple[str, ...]


def tally_site(
    settings: CrawlSettings, fetcher: Fetcher, store: Store, *, on_progress: Callable[[Progress], None] | None = None
) -> Tally:
    """Crawls the site into `store`. Raises UsageError for seeds that are no URLs; a site that another process holds
    ends as an unread address of kind `held`."""
    began, site = time.monotonic(), site_key(settings)
    since, former = former_pages(store.engine, site, settings.fingerprint)
    new: list[str] = []
    changed: list[str] = []
    gone: list[str] = []
    noindex: list[str] = []
    orphans: list[str] = []
    unread: list[Problem] = []
    left_out: collections.Counter[str] = collections.Counter()
    examples: dict[str, Problem] = {}
    pages = unchanged = 0
    try:
        for found in crawl(settings, fetcher, store, on_progress=on_progress, bodies=False):
            if isinstance(found, Crawled):
                url = found.fetched.url
                pages += 1
                if url not in former:
                    new.append(url)
                elif found.changed:
                    changed.append(url)
                else:
                    unchanged += 1
                if found.noindex:
                    noindex.append(url)
                if found.orphan:
                    orphans.append(url)
                continue
            if found.where in former and found.kind in VANISHED:
                gone.append(found.where)
            if found.kind in LEFT_OUT or found.kind == "robots":
                left_out[found.kind] += 1
                examples.setdefault(found.kind, found)
            else:
                unread.append(found)
    except (Held, Fenced) as err:
        unread.append(Problem(kind="held", where=settings.seeds[0], message=str(err)))
    return Tally(
        site=site,
        seeds=settings.seeds,
        documents=settings.documents,
        seconds=round(time.monotonic() - began, 2),
        pages=pages,
        since=since,
        new=tuple(new),
        changed=tuple(changed),
        gone=tuple(gone),
        unchanged=unchanged,
        unread=tuple(unread),
        left_out=dict(sorted(left_out.items())),
        examples=tuple(examples[kind] for kind in sorted(examples)),
        noindex=tuple(noindex),
        orphans=tuple(orphans),
    )
