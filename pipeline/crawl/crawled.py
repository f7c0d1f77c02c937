"""Records of a crawl: a page that was read, progress, and the kinds of Problem that are no trouble."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import Fetched

# Problems of these kinds were left out on purpose: nothing that should have been read is missing.
LEFT_OUT = frozenset(
    {
        "redirect",
        "duplicate",
        "older_version",
        "edit_copy",
        "out_of_scope",
        "trap",
        "budget",
        "not_html",
        "soft_404",
        "gone",
        "depth",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """A page of the site, with what the crawl knows about it beyond its bytes.

    `robots` is meta robots and X-Robots-Tag as written; it is recorded, not obeyed: that a noindex page carries claims
    is a finding. `group` is the template ("/blog/*"). `changed`: the bytes differ from the former crawl's.
    """

    fetched: Fetched
    title: str = ""
    language: str = ""
    canonical: str = ""
    robots: str = ""
    hreflang: tuple[tuple[str, str], ...] = ()
    in_sitemap: bool = False
    linked: bool = False
    seed: bool = False
    depth: int = 0
    group: str = ""
    near_duplicate_of: str = ""
    changed: bool = True
    words: int = 0
    version: str = ""

    @property
    def noindex(self) -> bool:
        """Whether search engines are asked not to list the page."""
        return "noindex" in self.robots or "none" in self.robots.replace(" ", "").split(",")

    @property
    def orphan(self) -> bool:
        """Whether the page is in the sitemap and linked from nowhere."""
        return self.in_sitemap and not self.linked and not self.seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A moment of a crawl. `rate` is pages a second of the last seconds; `left_s` None while nothing can be said."""

    site: str
    phase: str
    done: int
    waiting: int
    problems: int
    hosts: int
    rate: float
    left_s: float | None
    bytes: int
    unchanged: int
    url: str = ""
