"""Targets and documentation -> places: what lies where tonight, read only when it must be.

A page from the crawler is known by the hash of its body; its text is read when the hash is new. Files are read at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.config import Config
from pipeline.crawl import Crawled, CrawlSettings, crawl, document_settings, site_settings
from pipeline.crawl import Progress as Moment
from pipeline.errors import UsageError
from pipeline.fetch import Fetcher
from pipeline.nightly.marks import digest, text_hash
from pipeline.reach import EXPECTED, SAME_PAGE, crawl_settings, fetch_settings
from pipeline.records import Fetched, Page, Problem
from pipeline.sources import is_url, read_places
from pipeline.store import HostTurns, Store, last_answer
from pipeline.store.bodies import body_hash, read_body

# A document that answers like this is gone or no document; anything else is trouble that passes, and what it said last still holds.
GONE = frozenset({"not_found", "gone", "soft_404", "unreadable", "empty", "language", "javascript", "too_large"})


class OutOfTime(Exception):
    """The minutes that the run was given are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One page or document. `read` gives its Page, or the Problem that stands in its way; `body` is the hash of its bytes, "" where unknown."""

    source: str
    body: str
    read: Callable[[], Page | Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Places in order of their source, and what could not be reached."""

    places: tuple[Place, ...]
    problems: tuple[Problem, ...]


def _never() -> bytes:
    raise UsageError("A nightly run has no standard input: name URLs, files or folders as `targets:`.")


def _no_fetch(urls: Sequence[str]) -> tuple[list[Fetched], list[Problem]]:
    raise AssertionError(urls)


def parse(fetched: Fetched, *, verbatim: bool) -> Page | Problem:
    """One answer as a Page, by the same reading as on demand."""
    read = read_places(
        [fetched.final_url], verbatim=verbatim, what="Target", fetch=lambda _: ([fetched], []), stdin=_never
    )
    return read.pages[0] if read.pages else read.problems[0]


def _lazily(store: Store, fetched: Fetched, name: str, *, verbatim: bool) -> Place:
    bare = replace(fetched, body=b"")

    def read() -> Page | Problem:
        reading = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            body = read_body(reading, name)
        except KeyError:
            # The night of another product over the same page has fetched a newer text since, and cleared this one away.
            last = last_answer(store.engine, fetched.url)
            if last is None:
                raise
            body = read_body(reading, last[3])
        return parse(replace(bare, body=body), verbatim=verbatim)

    return Place(source=fetched.final_url, body=name.removeprefix("sha256:")[:16], read=read)


def _at_once(page: Page) -> Place:
    # A file's own bytes are not kept; its text says all that counts.
    return Place(source=page.source, body=digest(text_hash(page)), read=lambda: page)


def find_places(
    names: Sequence[str],
    config: Config,
    store: Store,
    *,
    documents: bool,
    deadline: float | None,
    progress: Callable[[str, int, int], None],
) -> Found:
    """Crawls URLs into the store and reads files. Raises OutOfTime at the deadline (monotonic seconds), UsageError for wrong names."""
    places: dict[str, Place] = {}
    problems: list[Problem] = []
    files = [n for n in names if not is_url(n)]
    if files:
        read = read_places(
            files, verbatim=documents, what="Documentation" if documents else "Target", fetch=_no_fetch, stdin=_never
        )
        places.update({p.source: _at_once(p) for p in read.pages})
        problems += read.problems
    urls = [n for n in names if is_url(n)]
    if urls:
        base = crawl_settings(config)
        wanted = document_settings(urls, base) if documents else site_settings(urls, base)
        settings = fetch_settings(config)
        with Fetcher(settings, ledger=HostTurns(store.engine) if settings.polite else None) as fetcher:
            for site in wanted:
                for found in _crawled(site, fetcher, store, deadline, progress):
                    if isinstance(found, Problem):
                        problems.append(found)
                        kept = _as_it_was(store, found) if documents else None
                        if kept is not None:
                            places.setdefault(kept.source, kept)
                        continue
                    place = _lazily(store, found.fetched, body_hash(found.fetched.body), verbatim=documents)
                    places[place.source] = place
    ordered = tuple(places[source] for source in sorted(places))
    return Found(places=ordered, problems=tuple(p for p in problems if p.kind not in SAME_PAGE))


def _crawled(
    site: CrawlSettings,
    fetcher: Fetcher,
    store: Store,
    deadline: float | None,
    progress: Callable[[str, int, int], None],
) -> Iterator[Crawled | Problem]:
    def show(moment: Moment) -> None:
        if deadline is not None and time.monotonic() > deadline:
            raise OutOfTime
        progress(f"fetching {moment.site} ({moment.rate:.1f} pages/s)", moment.done, moment.done + moment.waiting)

    yield from crawl(site, fetcher, store, on_progress=show)


def _as_it_was(store: Store, problem: Problem) -> Place | None:
    """A document that cannot be reached tonight says what it said last."""
    if problem.kind in EXPECTED | GONE | SAME_PAGE:
        return None
    last = last_answer(store.engine, problem.where)
    if last is None:
        return None
    url, headers, status, name = last
    fetched = Fetched(url=problem.where, final_url=url, status=status, headers=headers, body=b"", fetched_at="")
    return _lazily(store, fetched, name, verbatim=True)
