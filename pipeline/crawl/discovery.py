"""Sitemaps of a site: found by robots.txt, by custom and by configuration, fetched through the gate, followed into
index files within limits. A sitemap that cannot be read is a Problem, not silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.crawl.settings import CrawlSettings
from pipeline.crawl.sitemap import Entry, NotASitemap, read_sitemap
from pipeline.fetch import Fetcher
from pipeline.fetch.url import join, normalise, parse
from pipeline.records import Problem

CUSTOM = ("/sitemap.xml", "/sitemap_index.xml", "/sitemap-index.xml", "/sitemap.xml.gz", "/sitemap.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What one sitemap file gave. `tried`: its address was a guess, so that its absence means nothing."""

    url: str
    entries: tuple[Entry, ...] = ()
    problem: Problem | None = None
    tried: bool = False


def places(fetcher: Fetcher, seed: str, settings: CrawlSettings) -> tuple[list[str], list[str]]:
    """Addresses of the sitemaps of `seed`'s host: (those that robots.txt names, those that are guessed)."""
    url = parse(seed)
    if url is None:
        return [], []
    named = [found for line in fetcher.robots(url.origin).sitemaps if (found := join(f"{url.origin}/robots.txt", line))]
    folder = url.href.partition("?")[0].rpartition("/")[0]
    guessed = [f"{url.origin}{path}" for path in CUSTOM[:2]] if not named else [f"{url.origin}/sitemap.xml"]
    if folder != url.origin:
        guessed.append(f"{folder}/sitemap.xml")  # a site that lives in a folder keeps its map there
    return named, [g for g in dict.fromkeys(guessed) if g not in named]


def read_listed(fetcher: Fetcher, url: str, settings: CrawlSettings, *, tried: bool) -> Listed:
    """The entries of the sitemap under `url`, or the Problem that stood in the way."""
    found = fetcher.fetch(url, max_bytes=fetcher.settings.max_sitemap_bytes)
    if isinstance(found, Problem):
        return Listed(url=url, problem=found, tried=tried)
    try:
        entries = tuple(read_sitemap(found.body, found.final_url, limit=settings.max_sitemap_urls + 1))
    except NotASitemap as err:
        return Listed(
            url=url,
            tried=tried,
            problem=Problem(
                kind="sitemap",
                where=url,
                message=f"{url} is not read as a sitemap: {err}. Mend it, or name another one.",
            ),
        )
    if len(entries) > settings.max_sitemap_urls:
        return Listed(
            url=url,
            entries=entries[:-1],
            problem=Problem(
                kind="sitemap",
                where=url,
                message=f"{url} lists more than {settings.max_sitemap_urls:,} URLs; the first "
                "ones are read: split it, as the protocol asks.",
            ),
        )
    return Listed(url=url, entries=entries)


def walk(fetcher: Fetcher, seed: str, settings: CrawlSettings) -> Iterator[Listed]:
    """All sitemaps of `seed`'s host, index files opened up, each once; at most `max_sitemaps` files."""
    named, guessed = places(fetcher, seed, settings)
    mine = [*named, *settings.sitemaps]
    todo = [(url, 0, False) for url in dict.fromkeys(mine)] + [(url, 0, True) for url in guessed]
    seen = {normalise(url) for url, _, _ in todo}
    count, any_found = 0, False
    while todo:
        url, depth, tried = todo.pop(0)
        if tried and any_found:
            continue
        count += 1
        if count > settings.max_sitemaps:
            yield Listed(
                url=url,
                problem=Problem(
                    kind="sitemap",
                    where=url,
                    message=(
                        f"more than {settings.max_sitemaps} sitemap files; {len(todo) + 1} are left out: raise "
                        "crawl.max_sitemaps."
                    ),
                ),
            )
            return
        listed = read_listed(fetcher, url, settings, tried=tried)
        any_found = any_found or bool(listed.entries)
        for entry in listed.entries:
            key = normalise(entry.url) if entry.index else None
            if key is None or key in seen:
                continue
            seen.add(key)
            if depth >= settings.max_sitemap_depth:
                yield Listed(
                    url=entry.url,
                    problem=Problem(
                        kind="sitemap",
                        where=entry.url,
                        message=(
                            f"{entry.url} lies more than {settings.max_sitemap_depth} index files deep and is left out."
                        ),
                    ),
                )
                continue
            todo.append((entry.url, depth + 1, False))
        yield listed
