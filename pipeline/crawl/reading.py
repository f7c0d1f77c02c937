"""One page of a crawl: fetched, read for its facts, packed for the store. Runs in worker threads."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass, replace
from typing import Any

from pipeline.crawl.quarantine import Killed, Quarantine
from pipeline.crawl.settings import CrawlSettings
from pipeline.fetch import Fetcher, Validators
from pipeline.fetch.render import Renderer
from pipeline.fetch.url import normalise
from pipeline.records import Fetched, Problem
from pipeline.store import Item
from pipeline.store.bodies import body_hash, pack, unpack

SIZE = struct.Struct(">I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of one URL. `facts` is None where the page is as it was; `problem` says what stood in the way."""

    item: Item
    fetched: Fetched | None = None
    problem: Problem | None = None
    again_in: float | None = None
    facts: dict[str, Any] | None = None
    page: dict[str, Any] | None = None
    body: tuple[str, int, bytes] | None = None
    final: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether the stored copy still holds."""
        return self.fetched is not None and self.facts is None


def pack_facts(facts: dict[str, Any]) -> bytes:
    """Facts as the store keeps them: links apart from the rest, since they are many and seldom asked for."""
    rest = {name: value for name, value in facts.items() if name != "links"}
    head = pack(json.dumps(rest, separators=(",", ":")).encode())
    return SIZE.pack(len(head)) + head + pack(json.dumps(facts["links"], separators=(",", ":")).encode())


def unpack_facts(data: bytes) -> dict[str, Any]:
    """What `pack_facts` packed, without the links."""
    found: dict[str, Any] = json.loads(unpack(data[SIZE.size : SIZE.size + SIZE.unpack_from(data)[0]]))
    return found


def unpack_links(data: bytes) -> list[list[str]]:
    """[identity, wire form] of each page that the page links to."""
    found: list[list[str]] = json.loads(unpack(data[SIZE.size + SIZE.unpack_from(data)[0] :]))
    return found


def media_type(fetched: Fetched) -> str:
    """`text/html` of `text/html; charset=utf-8`; guessed from the first bytes where the header is missing or useless."""
    named = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
    if named and named not in {"application/octet-stream", "text/plain", "unknown/unknown"}:
        return named
    head = fetched.body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")):
        return "text/html"
    if head.startswith(b"%pdf-"):
        return "application/pdf"
    return named or ("application/octet-stream" if b"\0" in head else "text/html")


def read_page(
    item: Item, fetcher: Fetcher, quarantine: Quarantine, settings: CrawlSettings, renderer: Renderer | None
) -> Read:
    """Fetches and reads `item`. Never raises for what a page or server does."""
    known = Validators(etag=item.etag, last_modified=item.last_modified) if item.body_hash else None
    attempt = fetcher.attempt(item.wire, validators=known)
    fetched = attempt.outcome
    if isinstance(fetched, Problem):
        return Read(item=item, problem=replace(fetched, where=item.url), again_in=attempt.again_in)
    final = normalise(fetched.final_url, drop_tracking=True) or fetched.final_url
    if fetched.not_modified:
        return Read(item=item, fetched=fetched, final=final)
    kind = media_type(fetched)
    if kind not in settings.accept:
        return Read(
            item=item,
            fetched=fetched,
            final=final,
            problem=Problem(
                kind="not_html",
                where=item.url,
                message=f"{item.url} is '{kind[:60]}', not a page: give it as a file if it holds copy.",
            ),
        )
    if not fetched.body.strip():
        return Read(
            item=item,
            problem=Problem(
                kind="empty",
                where=item.url,
                message=(f"{item.url} answers {fetched.status} with an empty body: look at the server."),
            ),
        )
    name = body_hash(fetched.body)
    if name == item.body_hash:
        return Read(item=item, fetched=replace(fetched, not_modified=True), final=final)
    try:
        facts = quarantine.read(fetched.final_url, fetched.headers.get("content-type", "") or kind, fetched.body)
        if facts["shell"] and renderer is not None:
            rendered = renderer.render(fetched.final_url)
            if isinstance(rendered, Problem):
                return Read(item=item, problem=replace(rendered, where=item.url))
            fetched = replace(fetched, body=rendered, notes=(*fetched.notes, "rendered"))
            name = body_hash(fetched.body)
            facts = quarantine.read(fetched.final_url, "text/html; charset=utf-8", fetched.body)
    except Killed as err:
        return Read(
            item=item,
            problem=Problem(
                kind="hostile",
                where=item.url,
                message=(f"{item.url} cannot be read safely: {err}. Simplify the page, or give its text as a file."),
            ),
        )
    page = {
        "final_url": fetched.final_url,
        "status": fetched.status,
        "headers": json.dumps(dict(fetched.headers)),
        "body_hash": name,
        "etag": fetched.headers.get("etag", ""),
        "elapsed_s": fetched.elapsed_s,
        "last_modified": fetched.headers.get("last-modified", ""),
        "fetched_at": fetched.fetched_at,
        "redirects": json.dumps(fetched.redirects),
        "notes": json.dumps(fetched.notes),
        "text_hash": facts["text_hash"],
        "print": facts["print"],
        "lastmod": item.lastmod,
        "checked": time.time(),
        "facts": pack_facts(facts),
    }
    return Read(
        item=item,
        fetched=fetched,
        final=final,
        facts=facts,
        page=page,
        body=(name, len(fetched.body), pack(fetched.body)),
    )
