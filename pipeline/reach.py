"""URLs -> fetched pages, for the doors: settings from the configuration, progress for people.

`fetch_pages` reads just the named URLs, `fetch_site` everything that belongs to their sites (for documentation: to the
folder under each URL, newest version only).
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from pipeline.config import Config
from pipeline.crawl import LEFT_OUT, Crawled, CrawlSettings, crawl_documents, crawl_site, why, why_rows
from pipeline.crawl import Progress as CrawlProgress
from pipeline.errors import ConfigError, UsageError
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.records import Fetched, Problem
from pipeline.store import Store

Show = Callable[[str, int, int], None]
Fetch = Callable[[Sequence[str]], tuple[list[Fetched], list[Problem]]]

# What a crawl leaves out on purpose: listed, but no reason to call the result incomplete. A page that robots.txt
# closes was not ours to read.
EXPECTED = LEFT_OUT | {"robots", "noindex"}
# Other addresses of a page that was read: nothing that a reader of the scorecard would miss.
SAME_PAGE = frozenset({"duplicate", "redirect"})


def _fill(kind: type[Any], values: dict[str, Any], section: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"Unknown key `{section}.{unknown[0]}`; known here: {', '.join(sorted(known))}.")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except (TypeError, ValueError) as err:
        raise ConfigError(f"`{section}` in the configuration is wrong: {err}.") from err


def open_store(config: Config) -> Store:
    """The store that `store.url` names; the folder of an SQLite file is made. Raises UsageError when it cannot be opened."""
    place = config.store.place
    if "://" not in place:
        try:
            pathlib.Path(place).parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise UsageError(f"The folder of the store {place} cannot be made ({err.strerror}): set store.url.") from err
    return Store(place)


def fetch_settings(config: Config) -> FetchSettings:
    """The fetch gate's settings. Raises ConfigError for an unknown key."""
    settings: FetchSettings = _fill(FetchSettings, config.fetch, "fetch")
    return settings


def crawl_settings(config: Config, **changes: Any) -> CrawlSettings:
    """The crawl's settings with `changes` on top. Raises ConfigError for an unknown key."""
    settings: CrawlSettings = _fill(CrawlSettings, {**config.crawl, **changes}, "crawl")
    return settings


def _show(progress: Show) -> Callable[[CrawlProgress], None]:
    def show(moment: CrawlProgress) -> None:
        progress(
            f"fetching {moment.site} ({moment.rate:.1f} pages/s, {moment.problems} problems)",
            moment.done,
            moment.done + moment.waiting,
        )

    return show


def fetch_pages(config: Config, *, progress: Show) -> Fetch:
    """Reads the named URLs and nothing else."""

    def fetch(urls: Sequence[str]) -> tuple[list[Fetched], list[Problem]]:
        return crawl_site(
            urls, crawl_settings(config, follow_links=False), fetch=fetch_settings(config), on_progress=_show(progress)
        )

    return fetch


def fetch_site(config: Config, *, documents: bool = False, progress: Show) -> Fetch:
    """Reads the sites (or documentation folders) that the named URLs open."""

    def fetch(urls: Sequence[str]) -> tuple[list[Fetched], list[Problem]]:
        if not documents:
            found_pages, found_problems = crawl_site(
                urls, crawl_settings(config), fetch=fetch_settings(config), on_progress=_show(progress)
            )
            return found_pages, [p for p in found_problems if p.kind not in SAME_PAGE]
        pages: list[Fetched] = []
        problems: list[Problem] = []
        with Store() as store, Fetcher(fetch_settings(config)) as fetcher:
            for found in crawl_documents(
                urls, fetcher, store, settings=crawl_settings(config), on_progress=_show(progress)
            ):
                if isinstance(found, Crawled):
                    pages.append(found.fetched)
                else:
                    problems.append(found)
        return pages, [p for p in problems if p.kind not in SAME_PAGE]

    return fetch


def explain_url(url: str, config: Config) -> list[str]:
    """Lines that say why a URL is or is not fetched."""
    with Fetcher(fetch_settings(config)) as fetcher:
        reasons = why(url, fetcher, crawl_settings(config, seeds=(url,)))
    words = {True: "yes", False: "no", None: "not asked"}
    return [
        f"URL         {reasons.url}",
        f"normalised  {reasons.normalized or 'not a URL'}",
        f"address     {words[reasons.address_ok]}",
        f"robots.txt  {words[reasons.robots_ok]}",
        f"scope       {words[reasons.scope_ok]}",
        f"fetched     {words[reasons.fetched]}: {reasons.reason}",
    ]


def explain_batch(source: pathlib.Path, target: pathlib.Path, config: Config) -> None:
    """Answers a JSONL file of rows, in order. Raises UsageError naming the line that is no JSON object."""
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(
            f"Batch file {source} cannot be read ({err.__class__.__name__}): give UTF-8 JSONL rows with id and url."
        ) from err
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as err:
            raise UsageError(f"{source}:{number}: not JSON: {line[:80]}") from err
        if not isinstance(row, dict) or "url" not in row:
            raise UsageError(f"{source}:{number}: expected an object with id and url: {line[:80]}")
        rows.append(row)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as out:
        for answer in why_rows(rows, fetch_settings(config)):
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
