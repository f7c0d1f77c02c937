"""Crawls websites and documentation into the store, and says what changed since the last crawl.

Sites are the URLs among TARGET, or `targets:` of the configuration; documentation is what `--docs` or `docs:` name by
URL. Nothing is judged. A crawl that was stopped goes on where it stood when the same command runs again.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pipeline.cli import Progress, say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError

# What the crawl itself needs is imported when it runs: the command line reads this file for every verb.
if TYPE_CHECKING:
    from pipeline.crawl import CrawlSettings, Tally
    from pipeline.crawl import Progress as Moment
    from pipeline.fetch import Fetcher
    from pipeline.store import Store

# Sites that are crawled side by side. Politeness binds each to a request a second, so four cost next to nothing.
AT_ONCE = 4
# Addresses shown on the terminal for each kind of change; the JSON has all.
SHOWN = 10


class _Stopped(Exception):
    """The user stopped the command."""


class _Board:
    """Progress of all sites in one line: pages, hosts, rate, troubles, time left."""

    def __init__(self, quiet: bool) -> None:
        self._line = Progress(quiet)
        self._moments: dict[str, Moment] = {}
        self._lock = threading.Lock()
        self.stop = threading.Event()

    def __call__(self, moment: Moment) -> None:
        if self.stop.is_set():
            raise _Stopped
        with self._lock:
            self._moments[moment.site] = moment
            now = list(self._moments.values())
            done, waiting = sum(m.done for m in now), sum(m.waiting for m in now)
            left = max((m.left_s for m in now if m.left_s is not None and m.waiting), default=None)
            self._line(
                f"crawling {_count(len(now), 'site')}: {done} of {done + waiting} pages, "
                f"{_count(sum(m.hosts for m in now), 'host')}, {sum(m.rate for m in now):.1f} pages/s, "
                f"{_count(sum(m.problems for m in now), 'problem')}" + (f", about {_time(left)} left" if left else ""),
                0,
                0,
            )

    def clear(self) -> None:
        """Takes the line away."""
        self._line("", 1, 1)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="URL of a site; without one, `targets:` of the config"
    )
    parser.add_argument(
        "--docs", nargs="+", metavar="SOURCE", help="URL of documentation; without one, `docs:` of the config"
    )


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """Crawls everything named. Raises UsageError where no URL is named or the store cannot be opened."""
    from pipeline.fetch import Fetcher
    from pipeline.reach import fetch_settings, open_store
    from pipeline.report.crawl import crawl_html
    from pipeline.report.files import write_object, write_text
    from pipeline.report.hostile import for_terminal
    from pipeline.store import HostTurns, prune

    wanted = _wanted(args, config)
    fetch = fetch_settings(config)
    board = _Board(args.quiet)
    with open_store(config) as store:
        with Fetcher(fetch, ledger=HostTurns(store.engine) if fetch.polite else None) as fetcher:
            tallies = _crawl_all(wanted, fetcher, store, board)
        prune(store.engine, keep_crawls=config.store.keep_crawls)
    document = _document(tallies, config)
    if args.json:
        write_object(document, args.json)
    if args.html:
        write_text(crawl_html(document), args.html)
    if not args.quiet:
        for line in _lines(tallies, config):
            say(line[: len(line) - len(line.lstrip())] + for_terminal(line))
    return ExitCode.INCOMPLETE if any(t.unread for t in tallies) else ExitCode.OK


def _wanted(args: argparse.Namespace, config: Config) -> list[CrawlSettings]:
    from pipeline.crawl import document_settings, site_settings
    from pipeline.reach import crawl_settings
    from pipeline.sources import is_url

    # Targets on the command line are all that is crawled, unless --docs names documentation as well.
    named = bool(args.targets or args.docs)
    targets, docs = (args.targets or [], args.docs or []) if named else (config.targets, config.docs)
    no_url = [place for place in [*targets, *docs] if not is_url(place)]
    if named and no_url:
        raise UsageError(f"{no_url[0]!r} is no URL: crawl reads sites; write it as https://example.com/.")
    base = crawl_settings(config)
    sites = site_settings([t for t in targets if is_url(t)], base)
    sources = document_settings([d for d in docs if is_url(d)], base)
    if not sites and not sources:
        raise UsageError("Nothing to crawl: name a URL as TARGET, or under `targets:` or `docs:` in the config.")
    return [*sites, *sources]


def _crawl_all(wanted: Sequence[CrawlSettings], fetcher: Fetcher, store: Store, board: _Board) -> list[Tally]:
    from pipeline.crawl import tally_site

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="site") as pool:
        running = [pool.submit(tally_site, settings, fetcher, store, on_progress=board) for settings in wanted]
        try:
            return [one.result() for one in running]
        except BaseException as err:
            board.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(err, KeyboardInterrupt):
                sys.stderr.write("\nsaysdoes: stopped; what was read is kept, the same command goes on from here.\n")
                raise SystemExit(130) from err
            raise
        finally:
            board.clear()


def _document(tallies: Sequence[Tally], config: Config) -> dict[str, Any]:
    """What --json writes."""
    sites = [
        {
            "site": t.site,
            "seeds": list(t.seeds),
            "documents": t.documents,
            "seconds": t.seconds,
            "pages": t.pages,
            "since": t.since or None,
            "new": list(t.new),
            "changed": list(t.changed),
            "gone": list(t.gone),
            "unchanged": t.unchanged,
            "noindex": list(t.noindex),
            "orphans": list(t.orphans),
            "unread": len(t.unread),
            "left_out": dict(t.left_out),
        }
        for t in tallies
    ]
    return {
        "schema": 1,
        "store": config.store.shown,
        "sites": sites,
        "problems": [
            {"kind": p.kind, "where": p.where, "message": p.message} for t in tallies for p in (*t.unread, *t.examples)
        ],
        "summary": {
            "sites": len(tallies),
            "pages": sum(t.pages for t in tallies),
            "new": sum(len(t.new) for t in tallies),
            "changed": sum(len(t.changed) for t in tallies),
            "gone": sum(len(t.gone) for t in tallies),
            "unchanged": sum(t.unchanged for t in tallies),
            "unread": sum(len(t.unread) for t in tallies),
        },
    }


def _lines(tallies: Sequence[Tally], config: Config) -> list[str]:
    lines = []
    for t in tallies:
        what = "documents" if t.documents else "pages"
        lines.append(f"{t.site.removesuffix('#docs')}: {t.pages:,} {what} in {_time(t.seconds)}")
        if not t.since:
            lines.append("  First crawl with these settings: there is nothing to compare with.")
        else:
            lines.append(
                f"  Since {t.since}: {len(t.changed):,} changed, {len(t.new):,} new, {len(t.gone):,} gone, "
                f"{t.unchanged:,} as they were."
            )
            for word, urls in (("Changed", t.changed), ("New", t.new), ("Gone", t.gone)):
                lines += [f"  {word}: {url}" for url in urls[:SHOWN]]
                if len(urls) > SHOWN:
                    lines.append(f"  {word}: and {len(urls) - SHOWN:,} more (see --json)")
        if t.left_out:
            lines.append("  Left out on purpose: " + ", ".join(f"{n:,} {kind}" for kind, n in t.left_out.items()) + ".")
        # Every one of them: an unread page that is not named would pass for one that was read.
        lines += [f"  Not read: {p.where}: {p.message}" for p in t.unread]
    lines.append(f"Kept in {config.store.shown}")
    return lines
