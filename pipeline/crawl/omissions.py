"""What a crawl leaves out, counted by kind and family with one example each: a trap has no end of addresses."""

from __future__ import annotations

import collections
from typing import Any

from pipeline.crawl.scope import Refusal, template
from pipeline.crawl.settings import CrawlSettings
from pipeline.fetch.url import Url
from pipeline.records import Problem

# Families told apart; more of them are counted together.
MAX_KINDS = 500


class Omissions:
    """Addresses and sitemaps that were not read. `foreign`: entries of sitemaps that name other hosts."""

    def __init__(self, settings: CrawlSettings) -> None:
        self._settings = settings
        self._refused: dict[tuple[str, str], list[Any]] = {}
        self.sitemaps: dict[str, list[str]] = {}
        self.foreign: collections.Counter[str] = collections.Counter()
        self._former: set[tuple[str, str]] = set()

    def refuse(self, refusal: Refusal, url: Url) -> None:
        """Counts `url`; other sites' pages are not worth a word."""
        if refusal.silent:
            return
        key = (refusal.kind, template(url) if refusal.kind in {"trap", "depth"} else refusal.message)
        if key in self._former:
            return  # counted by the last crawl, and most pages that lead there are not read again
        if key not in self._refused and len(self._refused) >= MAX_KINDS:
            key = (refusal.kind, "and others")
        self._refused.setdefault(key, [0, url.href[:300], refusal.message])[0] += 1

    def family(self, family: str, count: int, example: str, why: str) -> None:
        """A family of pages was closed with `count` addresses waiting."""
        self._refused[("trap", family)] = [count, example, why]

    def reports(self) -> list[Problem]:
        """What concerns no single page: sitemaps that cannot be read, families and folders left out, with numbers."""
        found = [
            Problem(kind=kind, where=url, message=message) for url, (kind, message) in sorted(self.sitemaps.items())
        ]
        for (kind, _), (count, example, message) in sorted(self._refused.items()):
            shown = f"{example} is" if count == 1 else f"{count:,} addresses like {example} are"
            found.append(Problem(kind=kind, where=example, message=f"{shown} left out: {message}."))
        if self.foreign:
            total, names = sum(self.foreign.values()), ", ".join(h for h, _ in self.foreign.most_common(5))
            message = (
                f"{total:,} addresses in sitemaps are of other hosts ({names}) and left out: add them to crawl.hosts, "
                "or map them with fetch.hosts."
            )
            found.append(Problem(kind="sitemap", where=self._settings.seeds[0], message=message))
        return found

    def notes(self) -> dict[str, Any]:
        """JSON-able state; see `restore`."""
        return {
            "sitemap_problems": self.sitemaps,
            "refused": [[kind, key, *rest] for (kind, key), rest in self._refused.items()],
            "foreign": dict(self.foreign),
        }

    def inherit(self, notes: dict[str, Any]) -> None:
        """Takes over what the last crawl left out: unchanged pages, which lead there, are not read again."""
        self._refused = {(kind, key): rest for kind, key, *rest in notes.get("refused", [])}
        self._former = set(self._refused)

    def restore(self, notes: dict[str, Any]) -> None:
        """Takes up the state that `notes` gave."""
        self.sitemaps = dict(notes.get("sitemap_problems", {}))
        self._refused = {(kind, key): rest for kind, key, *rest in notes.get("refused", [])}
        self.foreign.update(notes.get("foreign", {}))
