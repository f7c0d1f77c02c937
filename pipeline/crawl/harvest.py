"""What comes in during a crawl, turned into rows of the frontier: links, sitemap entries, redirects, outcomes.

Runs in the coordinator's thread only. Keeps hashes of addresses in memory, never pages.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable
from typing import Any

from pipeline.crawl.discovery import Listed
from pipeline.crawl.families import Families
from pipeline.crawl.omissions import Omissions
from pipeline.crawl.reading import Read, unpack_facts, unpack_links
from pipeline.crawl.scope import Refusal, Scope, template
from pipeline.crawl.settings import CrawlSettings
from pipeline.fetch.url import Url, normalise, parse
from pipeline.store import Batch, Found, Frontier, Item, Outcome, inherit

PROBE = "/saysdoes-no-such-page-7f3a9c"
PROBE_AFTER = 3


class Harvest:
    """The growing knowledge of one crawl."""

    def __init__(self, settings: CrawlSettings, frontier: Frontier) -> None:
        self._settings = settings
        self._frontier = frontier
        self.scope = Scope(settings)
        self.omitted = Omissions(settings)
        self._families = Families(settings.near_bits)
        self.batch = Batch()
        self.done = self.problems = self.unchanged = self._started = 0
        self.hosts: set[str] = set()
        self.last = ""
        self._seen: set[int] = set()
        self._linked: set[int] = set()
        # {host: [text hash, fingerprint, title, final URL] of its answer to a made-up address, or None}
        self.probed: dict[str, Any] = {}
        self._per_host: collections.Counter[str] = collections.Counter()
        self._fresh = True
        self._inherited = False
        self._skipped = False
        self._changed_links = False
        self._distrust = False
        self.sitemaps_done = False

    # -- beginning ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Seeds, or where a killed crawl stood, or what the last crawl of the site had found."""
        notes = self._frontier.notes()
        if self._frontier.resumed:
            self._restore(notes)
        else:
            former = inherit(self._frontier) if self._settings.follow_links else None
            if former is not None:
                self._inherited = True
                self.probed = dict(former.get("probed", {}))
                self.omitted.inherit(former)
        if self._inherited or self._frontier.resumed:
            for row in self._frontier.known():
                self._know(row)
        for seed in self._settings.seeds:
            url = parse(seed if "://" in seed else f"http://{seed}")
            if url is not None:
                self._find(url, depth=0, origin="seed")
        self.flush()

    def _restore(self, notes: dict[str, Any]) -> None:
        self.sitemaps_done = bool(notes.get("sitemaps_done"))
        self._inherited = bool(notes.get("inherited"))
        self._changed_links = bool(notes.get("changed_links"))
        self._distrust = bool(notes.get("distrust"))
        self.probed = dict(notes.get("probed", {}))
        self.omitted.restore(notes)
        for host in notes.get("hosts", []):
            self.scope.hosts.add(host)

    def _know(self, row: Any) -> None:
        self._seen.add(hash(row.url))
        if row.linked:
            self._linked.add(hash(row.url))
        if "?" in row.url or self._settings.documents:
            url = parse(row.url)
            if url is not None:
                self.scope.admit(url)
        else:
            self.scope.templates[row.template] += 1
        if row.state in {"done", "problem"}:
            self._started += 1
            self.done += row.state == "done"
            self.problems += row.state == "problem"
        self.hosts.add(row.host)

    def sitemap_seeds(self) -> list[str]:
        """A URL of each host whose sitemaps are to be read."""
        first: dict[str, str] = {}
        for seed in self._settings.seeds:
            url = parse(seed if "://" in seed else f"http://{seed}")
            if url is not None:
                first.setdefault(url.origin, url.href)
        for host in self._settings.hosts:
            url = parse(f"https://{host}/")
            if url is not None:
                first.setdefault(url.origin, url.href)
        return list(first.values())

    # -- finding --------------------------------------------------------------------------------------------------

    def _find(
        self,
        url: Url,
        *,
        depth: int,
        origin: str,
        linked: bool = False,
        listed: bool = False,
        lastmod: str = "",
        identity: str | None = None,
    ) -> Refusal | None:
        """Adds `url` to the frontier if it belongs there; gives the refusal otherwise."""
        identity = identity or normalise(url.href, drop_tracking=True)
        if identity is None:
            return None
        key = hash(identity)
        known = key in self._seen
        if known:
            if listed:
                self.batch.listed.append((identity, lastmod))
            return None
        refusal = None if origin == "seed" else self.scope.refuses(url, depth=depth, listed=listed)
        if refusal is not None:
            return refusal
        self._seen.add(key)
        self.scope.admit(url)
        self.hosts.add(url.host)
        self.batch.found.append(
            Found(
                url=identity,
                wire=url.href,
                host=url.host,
                depth=depth,
                origin=origin,
                template=template(url),
                priority=0.0 if origin == "seed" else self.scope.priority(url, depth=depth, listed=listed),
                in_sitemap=listed,
                linked=linked,
                lastmod=lastmod,
            )
        )
        return None

    def links(self, links: Iterable[list[str]], depth: int) -> None:
        """Follows links of a page that lies `depth` deep."""
        for identity, wire in links:
            key = hash(identity)
            if key in self._linked:
                continue
            self._linked.add(key)
            if key in self._seen:
                self.batch.linked.append(identity)
                continue
            url = parse(wire)
            if url is None:
                continue
            refusal = self._find(url, depth=depth + 1, origin="link", linked=True, identity=identity)
            if refusal is not None:
                self.omitted.refuse(refusal, url)

    def take_listed(self, listed: Listed) -> None:
        """Entries and troubles of one sitemap file."""
        if listed.problem is not None and not (
            listed.tried and listed.problem.kind in {"not_found", "sitemap", "forbidden", "http_status", "robots"}
        ):
            self.omitted.sitemaps[listed.url] = [listed.problem.kind, listed.problem.message]
        for entry in listed.entries:
            if entry.index:
                continue
            for wire in (entry.url, *(href for _, href in entry.alternates)):
                # A known page in its one spelling, as nearly all are from the second crawl on: nothing is left to find.
                if hash(wire) in self._seen:
                    self.batch.listed.append((wire, entry.lastmod if wire == entry.url else ""))
                    continue
                url = parse(wire)
                if url is None:
                    continue
                refusal = self._find(
                    url, depth=1, origin="sitemap", listed=True, lastmod=entry.lastmod if wire == entry.url else ""
                )
                if refusal is not None and refusal.silent and wire == entry.url:
                    self.omitted.foreign[url.host] += 1
                elif refusal is not None:
                    self.omitted.refuse(refusal, url)
        if len(self.batch) > 2000:
            self.flush()

    def listed(self) -> bool:
        """Called when all sitemaps are read; True the first time, when unchanged pages have been passed over."""
        if self._skipped:
            return False
        self._skipped = True
        self.flush()
        self.sitemaps_done = True
        s = self._settings
        if self._inherited and s.trust_lastmod and not self._distrust:
            sample = round(1 / s.sample_share) if s.sample_share > 0 else 0
            passed = self._frontier.skip_unchanged(time.time() - s.recheck_days * 86400, sample)
            self.unchanged += passed
            self.done += passed
        self._frontier.note(self.notes())
        return True

    # -- pages ----------------------------------------------------------------------------------------------------

    def started(self, item: Item) -> None:
        """An item goes to a thread."""
        self._started += item.tries == 0

    def spent(self) -> bool:
        """Whether the budget of pages is used up."""
        return self._started >= self._settings.max_pages

    def closed(self, item: Item) -> bool:
        """Whether the item's family was closed meanwhile, or a newer version of the document is known."""
        url = parse(item.wire)
        if url is None:
            return False
        if self._settings.documents and (newer := self.scope.versions.older(url)):
            self.batch.outcomes.append(
                Outcome(
                    url=item.url,
                    state="left_out",
                    kind="older_version",
                    message=(f"{item.url} is of an older version: {newer} is read."),
                )
            )
            return True
        return template(url) in self._families.closed and item.depth > 1 and not item.lastmod

    def leave_rest(self) -> None:
        """The budget is used up: what waits is left out, and said so."""
        self.flush()
        self._frontier.leave(
            "budget",
            f"not fetched: the budget of {self._settings.max_pages:,} pages is used up. "
            "Raise crawl.max_pages or narrow the scope.",
        )

    def take_read(self, read: Read) -> list[str]:
        """The outcome of one page; gives seeds of hosts that the site turned out to live on."""
        item, moved = read.item, []
        self.last = item.url
        if read.problem is not None and item.url.endswith(PROBE):
            self._settle(item, "left_out", "probe", "")
            return []
        if read.problem is not None:
            if read.again_in is not None and item.tries + 1 < self._settings.tries:
                self.batch.outcomes.append(Outcome(url=item.url, state="pending", ready_in=read.again_in))
                return []
            kind = read.problem.kind
            if kind == "not_html":
                self._settle(item, "left_out", kind, read.problem.message)
            else:
                self.problems += 1
                self._settle(item, "problem", kind, read.problem.message)
            return []
        assert read.fetched is not None
        if item.url.endswith(PROBE):
            self._settle(item, "left_out", "probe", "")
            if read.facts is not None:
                self.probed[item.host] = [
                    read.facts["text_hash"],
                    read.facts["print"],
                    read.facts["title"],
                    read.final,
                ]
            return []
        final = parse(read.fetched.final_url)
        target = item
        if read.final != item.url and final is not None:
            if not self.scope.belongs(final):
                if item.depth > 0:
                    self._settle(item, "left_out", "out_of_scope", f"{item.url} leads to {read.final} on another site.")
                    return []
                self.scope.add_host(final.host)
                moved.append(final.href)
            # The page is filed under the address where it lives; this one is a way to it.
            self._settle(item, "left_out", "redirect", f"{item.url} leads to {read.final}, which is read instead.")
            key = hash(read.final)
            fresh = key not in self._seen
            self._find(
                final, depth=item.depth, origin="seed" if item.depth == 0 else "link", identity=read.final, linked=True
            )
            if not fresh or read.facts is None or key not in self._seen:
                return moved  # it has its own turn
            target = Item(id=0, url=read.final, wire=final.href, host=final.host, depth=item.depth, tries=0, lastmod="")
        self._good(read, target)
        return moved

    def _good(self, read: Read, item: Item) -> None:
        """A page that is there."""
        assert read.fetched is not None
        self.done += 1
        now = time.time()
        if read.unchanged:
            self.unchanged += 1
            self.batch.outcomes.append(
                Outcome(
                    url=item.url,
                    state="done",
                    touched={
                        "new_checked": now,
                        "new_lastmod": item.lastmod,
                        "new_fetched_at": read.fetched.fetched_at,
                    },
                )
            )
            if self._settings.follow_links and not self._inherited:
                stored = self._frontier.facts(item.url)
                if stored is not None:
                    self.links(unpack_links(stored), item.depth)
            return
        facts = read.facts
        assert facts is not None and read.page is not None
        page = {**read.page, "changed_crawl": self._frontier.crawl_id, "lastmod": item.lastmod}
        self.batch.outcomes.append(Outcome(url=item.url, state="done", page=page, body=read.body))
        if self._inherited and item.body_hash:
            self._compare(item, facts)
        if self._settings.follow_links:
            self.links(facts["links"], item.depth)
            extra = [facts["refresh"], facts["canonical"], *(href for _, href in facts["hreflang"])]
            for wire in filter(None, extra):
                url = parse(wire)
                if url is not None:
                    self._find(url, depth=item.depth + 1, origin="link")
            self._close_if_alike(item, facts["print"])
            self._probe(item)

    def _compare(self, item: Item, facts: dict[str, Any]) -> None:
        """A page changed since the last crawl: did its sitemap date say so, and did it drop links?"""
        stored = self._frontier.facts(item.url)
        if stored is None:
            return
        before = unpack_facts(stored)
        if {link[0] for link in unpack_links(stored)} - {link[0] for link in facts["links"]}:
            self._changed_links = True
        lied = item.lastmod and item.lastmod == item.known_lastmod and before["text_hash"] != facts["text_hash"]
        if lied and not self._distrust and self._settings.trust_lastmod:
            # A sample changed under an old date: the dates prove nothing, every page is asked for after all.
            self._distrust = True
            back = self._frontier.again("lastmod")
            self.unchanged -= back
            self.done -= back

    def _close_if_alike(self, item: Item, value: int) -> None:
        """Leaves the rest of a family out whose pages say the same again and again."""
        url = parse(item.wire)
        family = template(url) if url is not None and item.depth >= 2 else ""
        why = self._families.notice(family, value)
        if why is not None:
            self.flush()
            left = self._frontier.leave("trap", f"{why}.", template=family)
            self.omitted.family(family, left, item.url, why)
            self.scope.templates[family] = self._settings.max_group

    def _probe(self, item: Item) -> None:
        """Asks each host once for a page that cannot exist, to know what its "not found" looks like."""
        self._per_host[item.host] += 1
        if self._settings.probe_soft_404 and self._per_host[item.host] == PROBE_AFTER and item.host not in self.probed:
            self.probed[item.host] = None
            url = parse(PROBE, item.wire)
            if url is not None and hash(url.href) not in self._seen:
                self._seen.add(hash(url.href))
                self.batch.found.append(
                    Found(
                        url=url.href,
                        wire=url.href,
                        host=url.host,
                        depth=99,
                        priority=0.0,
                        origin="probe",
                        template=PROBE,
                    )
                )

    def _settle(self, item: Item, state: str, kind: str, message: str) -> None:
        self.batch.outcomes.append(Outcome(url=item.url, state=state, kind=kind, message=message))

    # -- the store ------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Commits what has come in."""
        if len(self.batch):
            self._frontier.write(self.batch)
            self.batch = Batch()

    @property
    def recount_links(self) -> bool:
        """Whether the marks of linked pages must be made anew from all pages."""
        return self._inherited and self._changed_links

    def notes(self) -> dict[str, Any]:
        """What a resumed crawl needs to know beyond the frontier."""
        return {
            "sitemaps_done": self.sitemaps_done,
            "inherited": self._inherited,
            "changed_links": self._changed_links,
            "distrust": self._distrust,
            "probed": self.probed,
            "hosts": sorted(self.scope.hosts),
            "unchanged": self.unchanged,
            **self.omitted.notes(),
        }
