"""One site -> a stream of `Crawled` and `Problem`: the coordinator of a crawl.

    sitemaps -> frontier -> worker threads (fetch, read) -> links -> frontier ... -> findings

All state that matters lives in the store and is committed in batches, so the process may be killed anywhere and the
next call goes on. Decisions about pages are made in `scope`, verdicts about the whole site in `findings`.
"""

from __future__ import annotations

import collections
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from pipeline.crawl import findings
from pipeline.crawl.crawled import Crawled, Progress
from pipeline.crawl.discovery import Listed, walk
from pipeline.crawl.harvest import Harvest
from pipeline.crawl.quarantine import Quarantine
from pipeline.crawl.reading import Read, read_page
from pipeline.crawl.settings import DOCUMENT_TYPES, CrawlSettings
from pipeline.errors import UsageError
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.fetch.render import Renderer
from pipeline.fetch.url import parse
from pipeline.records import Fetched, Problem
from pipeline.store import Fenced, Frontier, HostTurns, Item, Store, open_frontier
from pipeline.store.holding import give_back, take

FLUSH_ROWS, FLUSH_S = 400, 0.5
# Pages wait this long for the sitemaps, whose dates and order they need.
SITEMAPS_S = 15.0


def site_key(settings: CrawlSettings) -> str:
    """What two crawls must not touch at the same time: the first seed's host, apart for documentation."""
    url = parse(settings.seeds[0]) if settings.seeds else None
    if url is None:
        raise UsageError(
            f"'{settings.seeds[0] if settings.seeds else ''}' is no URL to begin with: write it as "
            "https://example.com/."
        )
    host = url.origin.partition("://")[2].removeprefix("www.")
    return f"{host}#docs" if settings.documents else host


class SiteCrawl:
    """A crawl in progress. Use `crawl`."""

    def __init__(
        self,
        settings: CrawlSettings,
        fetcher: Fetcher,
        store: Store,
        on_progress: Callable[[Progress], None] | None,
        bodies: bool = True,
    ) -> None:
        self._bodies = bodies
        self._settings = settings
        self._fetcher = fetcher
        self._store = store
        self._on_progress = on_progress
        self._jobs: queue.SimpleQueue[Item | str | None] = queue.SimpleQueue()
        self._out: queue.SimpleQueue[Read | Listed | str] = queue.SimpleQueue()
        self._ready: dict[str, collections.deque[Item]] = {}
        self._busy: collections.Counter[str] = collections.Counter()
        self._in_flight = 0
        self._walks: dict[str, bool] = {}
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._quarantine = Quarantine(
            size=settings.parsers, seconds=settings.parse_seconds, memory=settings.parse_bytes
        )
        self._renderer = Renderer(fetcher) if settings.render else None
        self._recent: collections.deque[tuple[float, int]] = collections.deque(maxlen=200)
        self._bytes = 0

    def run(self) -> Iterator[Crawled | Problem]:
        """Crawls, then yields every URL of the site in its final state, in order of address."""
        s = self._settings
        hold = take(self._store.engine, site_key(s), lease_s=s.lease_s, wait_s=s.wait_s)
        threads = [threading.Thread(target=self._work, name=f"crawl-{n}", daemon=True) for n in range(s.threads)]
        heart: threading.Thread | None = None
        try:
            if self._fetcher.settings.polite:
                self._fetcher.pace.share(HostTurns(self._store.engine))
            frontier = open_frontier(self._store.engine, hold, s.fingerprint, lease_s=s.lease_s)
            heart = threading.Thread(target=self._beat, args=(frontier,), name="crawl-lease", daemon=True)
            for thread in [*threads, heart]:
                thread.start()
            harvest = Harvest(s, frontier)
            self._fetch_all(frontier, harvest)
            yield from findings.results(frontier, harvest, s, bodies=self._bodies)
            frontier.note(harvest.notes(), finished=True)
        finally:
            self._stop.set()
            for _ in threads:
                self._jobs.put(None)
            for thread in threads:
                if thread.is_alive():
                    thread.join(timeout=self._fetcher.settings.deadline_s)
            self._quarantine.close()
            if self._renderer is not None:
                self._renderer.close()
            give_back(self._store.engine, hold)

    # -- threads --------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Worker thread: pages and sitemap walks, one after the other."""
        while (job := self._jobs.get()) is not None and not self._stop.is_set():
            if isinstance(job, Item):
                self._out.put(self._read(job))
            else:
                for listed in walk(self._fetcher, job, self._settings):
                    self._out.put(listed)
                self._out.put(job)

    def _read(self, item: Item) -> Read:
        try:
            return read_page(item, self._fetcher, self._quarantine, self._settings, self._renderer)
        except Exception as err:  # noqa: BLE001  A fault of ours over one page must not take the whole crawl down.
            message = f"{item.url} met a fault of saysdoes ({type(err).__name__}: {str(err)[:200]}): please report it."
            return Read(item=item, problem=Problem(kind="internal", where=item.url, message=message))

    def _beat(self, frontier: Frontier) -> None:
        """Renews the hold while requests are slow and nothing is committed."""
        while not self._stop.wait(self._settings.lease_s / 4):
            try:
                frontier.renew()
            except Fenced:
                self._lost.set()
                return

    # -- the loop -------------------------------------------------------------------------------------------------

    def _fetch_all(self, frontier: Frontier, harvest: Harvest) -> None:
        harvest.begin()
        if self._settings.use_sitemaps and not harvest.sitemaps_done:
            for seed in harvest.sitemap_seeds():
                self._walk(seed)
        began = flushed = shown = time.monotonic()
        while True:
            if self._lost.is_set():
                raise Fenced(f"the hold on {frontier.site} was lost: another process went on with this crawl")
            listing = not all(self._walks.values())
            if not listing and harvest.listed():
                harvest.flush()
            if not listing or time.monotonic() - began > SITEMAPS_S:
                self._dispatch(frontier, harvest)
            if self._in_flight == 0 and not listing and not any(self._ready.values()):
                harvest.flush()
                waiting, ready_in = frontier.waiting()
                if waiting == 0 or harvest.spent():
                    break
                time.sleep(min(1.0, max(0.01, ready_in or 0.0)))
                continue
            try:
                self._handle(self._out.get(timeout=0.05 if any(self._ready.values()) else 0.5), harvest)
                while True:
                    self._handle(self._out.get_nowait(), harvest)
                    if len(harvest.batch) >= FLUSH_ROWS:
                        break
            except queue.Empty:
                pass
            now = time.monotonic()
            if len(harvest.batch) >= FLUSH_ROWS or now - flushed > FLUSH_S:
                harvest.flush()
                flushed = now
            if now - shown > 0.5:
                shown = now
                self._show(frontier, harvest, "sitemaps" if listing else "pages")
        if harvest.spent():
            harvest.leave_rest()
        frontier.note(harvest.notes())
        self._show(frontier, harvest, "findings")

    def _walk(self, seed: str) -> None:
        url = parse(seed)
        if url is not None and url.origin not in self._walks:
            self._walks[url.origin] = False
            self._jobs.put(seed)

    def _limit(self, host: str) -> int:
        return 1 if self._fetcher.settings.polite else self._settings.threads

    def _dispatch(self, frontier: Frontier, harvest: Harvest) -> None:
        """Hands items to the threads: one at a time for a host where politeness asks for it, and no host before its
        turn, so that slow hosts do not tie threads up."""
        s = self._settings
        if harvest.spent():
            self._ready.clear()  # they stay leased in the store, and are left out with the rest
            return
        if sum(map(len, self._ready.values())) < s.threads:
            harvest.flush()
            per_host = 4 if self._fetcher.settings.polite else 16 * s.threads
            for item in frontier.claim(16 * s.threads, per_host):
                self._ready.setdefault(item.host, collections.deque()).append(item)
        for host in list(self._ready):
            items = self._ready[host]
            while items and self._in_flight < 2 * s.threads and self._busy[host] < self._limit(host):
                if self._fetcher.settings.polite and self._fetcher.pace.ready_in(host) > 0:
                    break
                item = items.popleft()
                if harvest.closed(item):
                    continue
                if harvest.spent():
                    items.clear()
                    break
                harvest.started(item)
                self._busy[host] += 1
                self._in_flight += 1
                self._jobs.put(item)
            if not items:
                del self._ready[host]

    def _handle(self, result: Read | Listed | str, harvest: Harvest) -> None:
        if isinstance(result, str):
            url = parse(result)
            if url is not None:
                self._walks[url.origin] = True
            return
        if isinstance(result, Listed):
            harvest.take_listed(result)
            return
        self._in_flight -= 1
        self._busy[result.item.host] -= 1
        if result.fetched is not None:
            self._bytes += len(result.fetched.body)
        for seed in harvest.take_read(result):
            if self._settings.use_sitemaps:
                self._walk(seed)

    def _show(self, frontier: Frontier, harvest: Harvest, phase: str) -> None:
        if self._on_progress is None:
            return
        waiting, _ = frontier.waiting()
        now = time.monotonic()
        self._recent.append((now, harvest.done))
        since, before = next(((t, n) for t, n in self._recent if now - t < 10), (now, harvest.done))
        rate = (harvest.done - before) / (now - since) if now > since else 0.0
        self._on_progress(
            Progress(
                site=frontier.site,
                phase=phase,
                done=harvest.done,
                waiting=waiting,
                problems=harvest.problems,
                hosts=len(harvest.hosts),
                rate=round(rate, 2),
                left_s=round(waiting / rate, 1) if rate else None,
                bytes=self._bytes,
                unchanged=harvest.unchanged,
                url=harvest.last,
            )
        )


def crawl(
    settings: CrawlSettings,
    fetcher: Fetcher,
    store: Store,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    bodies: bool = True,
) -> Iterator[Crawled | Problem]:
    """Every URL of the site in its final state: `Crawled` where there is a page to audit, else a `Problem`.

    An unfinished crawl of the same site under the same settings is resumed. With `bodies` False pages are stored and
    handed over without their bytes, for callers that count. Raises UsageError for seeds that are no
    URLs, Held when another process crawls the site, Fenced when it took the site over.
    """
    yield from SiteCrawl(settings, fetcher, store, on_progress, bodies).run()


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
    for wanted in document_settings(urls, settings or CrawlSettings()):
        yield from crawl(wanted, fetcher, store, on_progress=on_progress)


def document_settings(urls: Iterable[str], base: CrawlSettings) -> list[CrawlSettings]:
    """The crawls that read the documentation under `urls`: one a host."""
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc, []).append(url)
    found = []
    for seeds in hosts.values():
        sections = {urlsplit(url).path.rpartition("/")[0] + "/" for url in seeds}
        whole = "/" in sections
        found.append(
            replace(
                base,
                seeds=tuple(seeds),
                documents=True,
                accept=DOCUMENT_TYPES,
                sections=base.sections or (() if whole else tuple(sorted(sections))),
            )
        )
    return found


def site_settings(urls: Iterable[str], base: CrawlSettings) -> list[CrawlSettings]:
    """The crawls that read the sites of `urls`: one a host, with and without "www." being one."""
    sites: dict[str, list[str]] = {}
    for url in urls:
        sites.setdefault(site_key(replace(base, seeds=(url,))), []).append(url)
    return [replace(base, seeds=tuple(seeds)) for seeds in sites.values()]


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
