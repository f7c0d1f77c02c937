"""What belongs to a crawl: hosts, sections, globs, depth, traps; templates of pages; versions of documentation.

Pure decisions over URLs; nothing is fetched or stored here.
"""

from __future__ import annotations

import fnmatch
import functools
import math
import re
from collections import Counter
from dataclasses import dataclass

from pipeline.crawl.settings import CrawlSettings
from pipeline.fetch.url import TrapLimits, Url, parse, trap

NUMBER = re.compile(r"\d+")
OPAQUE = re.compile(r"[0-9a-f]{12,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
PAGING = re.compile(r"(page|paged|p|pg|offset|start|from)", re.I)
# A version as a path segment; plain integers count only with a "v", since years and ids look like them.
VERSION = re.compile(r"(v\d+(\.(\d+|x))*|\d+(\.(\d+|x))+)(-(beta|rc|alpha)[\d.]*)?", re.I)
NEWEST = {"latest": 3, "stable": 2, "current": 1}
UNRELEASED = frozenset(
    {
        "next",
        "main",
        "master",
        "dev",
        "devel",
        "develop",
        "nightly",
        "canary",
        "edge",
        "unstable",
        "trunk",
        "head",
        "preview",
        "beta",
        "rc",
        "draft",
    }
)
EDIT_COPY = re.compile(
    r"/(edit|_edit|print|raw|export|_sources|_modules|_print)(/|$)|/(print|print_page)(\.html?)?$"
    r"|/(genindex|py-modindex|modindex|search)(-[\w-]+)?(\.html?)?/?$",
    re.I,
)
EDIT_QUERY = re.compile(
    r"(^|&)(action=(edit|history|raw)|print(=1|able=yes)?|format=(print|raw)|oldid=\d+|diff=\d+)(&|$)", re.I
)


@functools.lru_cache(maxsize=2_000)
def template(url: Url) -> str:
    """The family that a page belongs to by its address: `/blog/2024/05/a-post?page=3` gives `/blog/{n}/{n}/*?page`.

    The last segment becomes `*`, numbers `{n}`, hashes `{id}`; query names stay, values go.
    """
    segments = url.path.split("/")[1:]
    shown = [OPAQUE.sub("{id}", NUMBER.sub("{n}", s) if not OPAQUE.fullmatch(s) else s) for s in segments]
    if len(shown) > 1 or (shown and "{" in shown[-1]):
        numbered = "{n}" in shown[-1] and not re.search(r"[a-z]{3}", shown[-1].replace("{n}", ""), re.I)
        shown[-1] = shown[-1] if numbered else "*"
    names = sorted({part.partition("=")[0] for part in url.query.split("&") if part})
    return "/" + "/".join(shown) + ("?" + "&".join(names) if names else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a URL of the site is not fetched. `silent`: another site's page, not worth a word."""

    kind: str
    message: str
    silent: bool = False


FOREIGN = Refusal(kind="foreign", message="another site", silent=True)


class Scope:
    """The borders of one crawl, and how full its templates are."""

    def __init__(self, settings: CrawlSettings) -> None:
        self._settings = settings
        self.hosts: set[str] = set()
        for text in settings.seeds:
            url = parse(text)
            if url is not None:
                self.add_host(url.host)
        self.hosts |= {h.lower() for h in settings.hosts}
        self._limits = TrapLimits(
            max_chars=settings.max_url_chars,
            max_segments=settings.max_segments,
            max_repeats=settings.max_repeats,
            max_query_keys=settings.max_query_keys,
        )
        self.templates: Counter[str] = Counter()
        self._queries: Counter[str] = Counter()
        self.versions = Versions()

    def add_host(self, host: str) -> None:
        """Makes `host`, with and without "www.", part of the site."""
        self.hosts |= {host, host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"}

    def belongs(self, url: Url) -> bool:
        """Whether the URL is of the site at all."""
        return url.host in self.hosts

    def refuses(self, url: Url, *, depth: int, listed: bool = False) -> Refusal | None:
        """Why `url` is not to be fetched, or None. `listed`: the site's own sitemap names it, so that the bounds for
        endless spaces do not apply."""
        s = self._settings
        if not self.belongs(url):
            return FOREIGN
        if s.sections and not any(url.path.startswith(p) or url.path == p.rstrip("/") for p in s.sections):
            return Refusal(kind="out_of_scope", message=f"it is outside the sections {', '.join(s.sections)}")
        if s.include and not any(fnmatch.fnmatchcase(url.target, g) for g in s.include):
            return Refusal(kind="out_of_scope", message=f"it matches none of the include globs {', '.join(s.include)}")
        glob = next((g for g in s.exclude if fnmatch.fnmatchcase(url.target, g)), None)
        if glob is not None:
            return Refusal(kind="out_of_scope", message=f"the exclude glob '{glob}' matches it")
        why = trap(url, self._limits)
        if why is not None:
            return Refusal(kind="trap", message=why)
        if s.documents and (EDIT_COPY.search(url.path) or EDIT_QUERY.search(url.query)):
            return Refusal(kind="edit_copy", message="it is a print, edit or index copy of another page")
        if depth > s.max_depth and not listed:
            return Refusal(kind="depth", message=f"it lies {depth} links deep, more than {s.max_depth}")
        if listed:
            return None
        if url.query and not PAGING.fullmatch(url.query.partition("=")[0]) and self._queries[url.path] >= s.max_queries:
            return Refusal(kind="trap", message=f"{url.path} comes with more than {s.max_queries} different queries")
        if self.templates[template(url)] >= s.max_group:
            return Refusal(kind="trap", message=f"more than {s.max_group} pages like {template(url)}")
        return None

    def admit(self, url: Url) -> None:
        """Counts a URL that will be fetched."""
        self.templates[template(url)] += 1
        if url.query:
            self._queries[url.path] += 1
        if self._settings.documents:
            self.versions.see(url)

    def priority(self, url: Url, *, depth: int, listed: bool) -> float:
        """Smaller comes first: what the site lists, then near before far, plain before query, small families before
        big ones, so that a calendar cannot starve the real pages."""
        if listed:
            return 5.0
        return 10.0 * depth + (8.0 if url.query else 0.0) + 3.0 * math.log2(1 + self.templates[template(url)])


class Versions:
    """Which versions of the documentation there are, and which one is the newest.

    A family is what stands before the version: `/docs/v1.2/intro` and `/docs/latest/intro` are of the family `/docs/`.
    """

    def __init__(self) -> None:
        self._families: dict[tuple[str, str], set[str]] = {}
        self._tails: dict[tuple[str, str], set[str]] = {}
        self._plain: set[tuple[str, str]] = set()

    @staticmethod
    def split(url: Url) -> tuple[tuple[str, str], str, str] | None:
        """((host, prefix), version, rest), or None for an address without a version."""
        segments = url.path.split("/")
        for place, segment in enumerate(segments[1:6], 1):
            low = segment.lower()
            if low in NEWEST or low in UNRELEASED or VERSION.fullmatch(low):
                return (url.host, "/".join(segments[:place]) + "/"), low, "/".join(segments[place + 1 :])
        return None

    def see(self, url: Url) -> None:
        """Takes note of an address."""
        parts = self.split(url)
        if parts is not None:
            family, version, rest = parts
            self._families.setdefault(family, set()).add(version)
            self._tails.setdefault(family, set()).add(rest)
        else:
            self._plain.add((url.host, url.path))

    def newest(self, family: tuple[str, str]) -> str | None:
        """The version to read; "" where the same pages stand without a version, as Docusaurus keeps its current one;
        None where there is nothing to choose from."""
        host, prefix = family
        versions, tails = self._families.get(family, set()), self._tails.get(family, set())
        # One common page may be a start page that every family has.
        common = sum((host, prefix + tail) in self._plain for tail in tails if tail.strip("/"))
        if common >= 2 or (common == 1 and len(tails) <= 3):
            return ""
        if len(versions) < 2:
            return None
        return max(versions, key=rank)

    def older(self, url: Url) -> str | None:
        """The version that is read instead of `url`'s (as words), or None when `url` is of the newest one."""
        parts = self.split(url)
        if parts is None:
            return None
        best = self.newest(parts[0])
        if best is None or parts[1] == best:
            return None
        return f"'{best}'" if best else "the one without a version in its address"


def rank(version: str) -> tuple[int, tuple[int, ...], str]:
    """Sorts versions: unreleased ones lowest, then by number (`1.10` and `1.x` after `1.9`, `2.0-rc` before `2.0`),
    and above all what calls itself the latest."""
    if version in UNRELEASED:
        return 0, (), version
    if version in NEWEST:
        return 3, (NEWEST[version],), version
    numbers = tuple(10**6 if n == "x" else int(n) for n in re.findall(r"\d+|(?<=\.)x", version.partition("-")[0]))
    return (1 if "-" not in version else 0) + 1, (*numbers, 0 if "-" in version else 1), version
