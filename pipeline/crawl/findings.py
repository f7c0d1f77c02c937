"""The final state of every URL of a crawl: duplicates, soft 404s, older versions, orphans told apart.

Reads the store page by page in order of address, so the result does not depend on the order in which servers answered.
"""

from __future__ import annotations

import collections
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from pipeline.crawl.crawled import Crawled
from pipeline.crawl.harvest import Harvest
from pipeline.crawl.likeness import distance, near
from pipeline.crawl.reading import unpack_facts, unpack_links
from pipeline.crawl.settings import CrawlSettings
from pipeline.fetch.url import parse
from pipeline.records import Fetched, Problem
from pipeline.store import Frontier
from pipeline.store.bodies import unpack

NOT_FOUND_TITLE = re.compile(
    r"\b(404|page (was )?not found|not found|page (doesn't|does not|doesn’t) exist|nothing (here|found)|no such page)\b",
    re.I,
)
# Pages of a folder that are shown as one group; smaller folders are not templates.
GROUP_SIZE = 5


def results(
    frontier: Frontier, harvest: Harvest, settings: CrawlSettings, *, bodies: bool = True
) -> Iterator[Crawled | Problem]:
    """Problems of the whole site first, then every URL in order; pages without their bytes where `bodies` is False."""
    if harvest.recount_links:
        _relink(frontier)
    yield from harvest.omitted.reports()
    twins, families = _duplicates(frontier)
    prints = ((row.url, row.print) for row in frontier.prints() if row.url not in twins)
    likes = near(prints, settings.near_bits)
    for row in frontier.results(bodies=bodies):
        if row.origin == "probe":
            continue
        if row.kind == "not_found" and row.origin == "former" and not row.linked and not row.in_sitemap:
            yield Problem(kind="gone", where=row.url, message=f"{row.url} is gone, and nothing leads there any more.")
            continue
        if row.state != "done":
            yield Problem(
                kind=row.kind or "unfinished", where=row.url, message=row.message or f"{row.url} was not fetched."
            )
            continue
        facts = unpack_facts(row.facts)
        problem = _set_aside(row, facts, twins, harvest, settings)
        yield problem or _crawled(row, facts, families, likes.get(row.url, ""), frontier.crawl_id, bodies)


def _set_aside(
    row: Any, facts: dict[str, Any], twins: dict[str, str], harvest: Harvest, settings: CrawlSettings
) -> Problem | None:
    """The Problem of a page that is there, but not to be read; None for one that is."""
    if facts["shell"]:
        remedy = "give the text as a file" if settings.render else "switch crawl.render on, or give the text as a file"
        message = f"{row.url} is an empty frame that scripts fill: {remedy}."
        return Problem(kind="javascript", where=row.url, message=message)
    if row.origin != "seed" and _is_soft_404(row, facts, harvest.probed.get(row.host)):
        return Problem(
            kind="soft_404",
            where=row.url,
            message=(f"{row.url} says 'not found' with status 200: answer 404, and mend the links that lead there."),
        )
    if settings.documents and (url := parse(row.url)) is not None and (newer := harvest.scope.versions.older(url)):
        return Problem(
            kind="older_version", where=row.url, message=f"{row.url} is of an older version: {newer} is read."
        )
    if row.url in twins:
        return Problem(
            kind="duplicate", where=row.url, message=f"{row.url} says the same as {twins[row.url]}, which is read."
        )
    return None


def _is_soft_404(row: Any, facts: dict[str, Any], probe: list[Any] | None) -> bool:
    named = bool(NOT_FOUND_TITLE.search(facts["title"]))
    if probe is None:
        return named and facts["words"] < 150
    text_hash, value, title, _ = probe
    if row.text_hash and row.text_hash == text_hash:
        return True
    alike = distance(row.print, value) <= 6
    return (alike and (named or facts["title"] == title)) or (named and facts["words"] < 150)


def _duplicates(frontier: Frontier) -> tuple[dict[str, str], collections.Counter[str]]:
    """{url: the one that is read} for pages with the same title and text (seeds, listed and short addresses win), and
    how many pages each template has."""
    seen: set[int] = set()
    double: set[int] = set()
    families: collections.Counter[str] = collections.Counter()
    for row in frontier.prints():
        families[sys.intern(row.template)] += 1
        key = hash(row.text_hash)
        (double if key in seen else seen).add(key)
    same: dict[str, list[Any]] = collections.defaultdict(list)
    for row in frontier.prints() if double else ():
        if row.text_hash and hash(row.text_hash) in double:
            same[row.text_hash].append(row)
    found: dict[str, str] = {}
    for group in same.values():
        best = min(group, key=lambda r: (r.origin != "seed", not r.in_sitemap, "?" in r.url, len(r.url), r.url))
        found.update({r.url: best.url for r in group if r.url != best.url})
    return found, families


def _relink(frontier: Frontier) -> None:
    """Marks anew which pages are linked to: some page has dropped links since the last crawl."""
    linked: set[str] = set()
    for row in frontier.results(bodies=False):
        if row.state == "done" and row.facts is not None:
            linked.update(link[0] for link in unpack_links(row.facts) if link[0] != row.url)
    frontier.relink(linked)


def _group(row: Any, families: collections.Counter[str]) -> str:
    """The template that a page is one of many of ("/blog/*"); its own path where it stands alone."""
    if families[row.template] >= GROUP_SIZE:
        return str(row.template)
    return "/" + "".join(row.url.split("/", 3)[3:]).partition("?")[0]


def _listed(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(json.loads(text))


def _crawled(
    row: Any, facts: dict[str, Any], families: collections.Counter[str], like: str, crawl_id: int, bodies: bool
) -> Crawled:
    headers = json.loads(row.headers)
    tags = [facts["robots"], headers.get("x-robots-tag", "").lower()]
    fetched = Fetched(
        url=row.url,
        final_url=row.final_url,
        status=row.status,
        headers=headers,
        body=unpack(row.data) if bodies else b"",
        fetched_at=row.fetched_at,
        elapsed_s=row.elapsed_s,
        redirects=_listed(row.redirects),
        not_modified=row.changed_crawl != crawl_id,
        notes=_listed(row.notes),
    )
    return Crawled(
        fetched=fetched,
        title=facts["title"],
        language=facts["language"],
        canonical=facts["canonical_id"],
        robots=",".join(t for t in tags if t),
        hreflang=tuple((code, href) for code, href in facts["hreflang"]),
        in_sitemap=bool(row.in_sitemap),
        linked=bool(row.linked),
        seed=row.origin == "seed",
        depth=row.depth,
        group=_group(row, families),
        near_duplicate_of=like,
        changed=row.changed_crawl == crawl_id,
        words=facts["words"],
        version=facts["version"],
    )
