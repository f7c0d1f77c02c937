"""Sitemaps read as a stream: XML (index, pages, news, image, video, hreflang), RSS, Atom, plain text, gzip of each.

Entities are never resolved, no DTD and no network is used, and what is no sitemap is a `Problem` that says so. It does
not fetch; see `discovery`.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from lxml import etree

from pipeline.fetch.coding import Bomb, Undecodable, collect
from pipeline.fetch.url import join

MAX_BYTES = 50 * 1024 * 1024  # the protocol's own bound
ROOTS = frozenset({"urlset", "sitemapindex", "rss", "feed", "rdf"})
WIRE = re.compile(r"https?://\S+", re.I)


class NotASitemap(Exception):
    """The file cannot be read as a sitemap; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a sitemap. `index`: another sitemap; `lastmod` as written; `alternates` are (language, URL)."""

    url: str
    lastmod: str = ""
    index: bool = False
    alternates: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()
    news: bool = False


def unpack(body: bytes) -> bytes:
    """`body` without its gzip wrappers, cut streams as far as they go. Raises NotASitemap for a bomb or rubbish."""
    for _ in range(2):
        if not body.startswith(b"\x1f\x8b"):
            return body
        try:
            # Sitemaps repeat themselves: a ratio of 100 is common there, so only the size is bounded.
            body, _ = collect(iter([body]), "gzip", max_bytes=MAX_BYTES, max_ratio=1e9, ratio_floor=0, max_codings=5)
        except Bomb as err:
            raise NotASitemap(f"it unpacks to {err}") from err
        except Undecodable as err:
            raise NotASitemap(f"its gzip is broken ({err})") from err
    raise NotASitemap("it is gzip inside gzip inside gzip")


def read_sitemap(body: bytes, url: str, *, limit: int = 50_000) -> Iterator[Entry]:
    """Entries of the sitemap under `url`, at most `limit`, relative addresses resolved. Raises NotASitemap."""
    body = unpack(body)
    head = body[:4096].lstrip(codecs.BOM_UTF8 + b" \t\r\n\x00")
    utf16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if head.startswith(b"<") or (utf16 and b"<" in body[:64]):
        yield from _limited(_xml(body.lstrip(b" \t\r\n") if not utf16 else body, url), limit)
    elif head:
        yield from _limited(_text(body, url), limit)


def _limited(entries: Iterator[Entry], limit: int) -> Iterator[Entry]:
    for count, entry in enumerate(entries):
        if count >= limit:
            return
        yield entry


def _text(body: bytes, url: str) -> Iterator[Entry]:
    """One URL a line; lines that are none are skipped, a file without any is no sitemap."""
    charset = "utf-16" if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    found = False
    for line in body.decode(charset, "replace").splitlines():
        line = line.strip()
        if WIRE.fullmatch(line) and (wire := join(url, line)):
            found = True
            yield Entry(url=wire)
    if not found:
        raise NotASitemap("it is neither XML nor a list of URLs")


def _local(tag: object) -> str:
    """Name without its namespace, which many sitemaps get wrong; "" for comments and processing instructions."""
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _xml(body: bytes, url: str) -> Iterator[Entry]:
    """Entries of an XML sitemap or feed. What was read before a broken place counts."""
    root = ""
    found = False
    # huge_tree stays off: libxml2 then refuses entity amplification and absurd depth by itself.
    context = etree.iterparse(
        cast("IO[bytes]", io.BytesIO(body)),
        events=("start", "end"),
        recover=True,
        huge_tree=False,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
    )
    try:
        for event, node in context:
            name = _local(node.tag)
            if event == "start":
                if not root:
                    root = name
                    if root not in ROOTS:
                        raise NotASitemap(f"its root element is <{root[:40]}>")
                continue
            if name not in {"url", "sitemap", "item", "entry"}:
                continue
            parent = node.getparent()
            if parent is not None and _local(parent.tag) not in ROOTS | {"channel"}:
                continue
            entry = _entry(node, name, url, root)
            if entry is not None:
                found = True
                yield entry
            # Read elements are let go, so that 50 MB of sitemap do not become 500 MB of tree.
            node.clear()
            while node.getprevious() is not None:
                del node.getparent()[0]
    except etree.XMLSyntaxError as err:
        if not found:
            raise NotASitemap(f"its XML is broken ({str(err)[:120]})") from err
    if not root:
        raise NotASitemap("it is empty")


def _value(node: etree._Element) -> str:
    """Text of an element, CDATA included; entities that were not resolved are left out."""
    if not len(node):
        return (node.text or "").strip()
    return "".join(node.xpath("text()")).strip()  # type: ignore[arg-type]


def _entry(node: etree._Element, name: str, url: str, root: str) -> Entry | None:
    """One entry, or None without a usable address."""
    place, guid, lastmod = "", "", ""
    alternates: list[tuple[str, str]] = []
    images: list[str] = []
    news = False
    for child in node:
        kind = _local(child.tag)
        if kind == "loc" and not place:
            place = _value(child)
        elif kind == "link":
            if child.get("hreflang") and child.get("href"):
                language, href = str(child.get("hreflang")).strip().lower(), str(child.get("href")).strip()
                alternates.append((language, join(url, href) or ""))
            elif child.get("href"):
                # Atom: the page itself is "alternate" (the default); "edit" and "self" are not for readers.
                if (child.get("rel") or "alternate") == "alternate" and (not place or child.get("rel")):
                    place = str(child.get("href")).strip()
            elif not place:
                place = _value(child)
        elif kind in {"guid", "id"} and not guid:
            guid = _value(child)
        elif kind in {"lastmod", "updated", "pubdate", "published", "date"} and not lastmod:
            lastmod = _value(child)
        elif kind == "image":
            images += [_value(loc) for loc in child if _local(loc.tag) == "loc"]
        elif kind == "news":
            news = True
    if not place and name == "sitemap":
        place = _value(node)  # seen in the wild: the address without its <loc>
    if not place and re.match(r"https?://", guid, re.I):
        place = guid
    wire = join(url, place) if place else None
    if wire is None:
        return None
    return Entry(
        url=wire,
        lastmod=lastmod[:40],
        index=name == "sitemap",
        images=tuple(i for i in images if i),
        alternates=tuple(a for a in alternates if a[1]),
        news=news,
    )
