"""What a crawl needs to know about a page: links, canonical, hreflang, robots, its text's fingerprint.

Runs inside a reader process (see `quarantine`). Reading the page for claims is not its job.
"""

from __future__ import annotations

import codecs
import functools
import hashlib
import re
from typing import Any

from lxml import etree

from pipeline.crawl.likeness import fingerprint
from pipeline.fetch.url import join, normalise

# Shapes that stall HTML parsers; browsers cap nesting at 512 (WHATWG html issue 3732), and the longest real pages of
# a 181-page extraction benchmark have 6,000 tags.
MAX_TAGS = 200_000
MAX_ATTRIBUTES = 1_000
MAX_DEPTH = 512
MAX_LINKS = 5_000

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
SILENT = ("script", "style", "noscript", "template", "svg", "iframe", "object", "select")
CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.I)
ASSET = re.compile(
    r"\.(png|jpe?g|gif|webp|avif|svg|ico|bmp|tiff?|css|js|mjs|json|map|woff2?|ttf|eot|otf|mp[34]|m4[av]|webm|og[gv]|wav"
    r"|mov|avi|zip|gz|tgz|bz2|xz|7z|rar|exe|dmg|pkg|deb|rpm|msi|apk|iso|jar|docx?|xlsx?|pptx?|csv|ics|epub|xml|rss|atom"
    r"|asc|sig|sha256)$",
    re.I,
)
LONG_TAG = re.compile(rb"<[a-zA-Z][^<>]{20000,}")
TAG = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
VOID = frozenset(
    {
        b"br",
        b"img",
        b"input",
        b"meta",
        b"link",
        b"hr",
        b"p",
        b"li",
        b"td",
        b"tr",
        b"th",
        b"option",
        b"dd",
        b"dt",
        b"source",
        b"area",
        b"base",
        b"col",
        b"embed",
        b"wbr",
        b"param",
        b"path",
    }
)
REFRESH = re.compile(r"\s*\d*\.?\d*\s*[;,]?\s*(?:url\s*=\s*)?[\"']?([^\"'>]+)", re.I)
SHELL_ROOT = re.compile(
    rb"<(div|main|section)[^>]*\sid=[\"']?(root|app|__next|__nuxt|svelte|gatsby-focus-wrapper|main-app)\b", re.I
)
SHELL_NOTE = re.compile(rb"(enable|requires?|need|turn on)\s+javascript|javascript\s+(is\s+)?(required|disabled)", re.I)


class Hostile(Exception):
    """The page has a shape that no real page has; the text says which."""


def prescan(body: bytes) -> None:
    """Raises Hostile for a shape that makes parsers hang: far too many tags, attributes or levels."""
    tags = body.count(b"<")
    if tags > MAX_TAGS:
        raise Hostile(f"{tags:,} tags, more than {MAX_TAGS:,}")
    for match in LONG_TAG.finditer(body):
        if match.group(0).count(b"=") + match.group(0).count(b" ") > MAX_ATTRIBUTES:
            raise Hostile(f"one tag with more than {MAX_ATTRIBUTES:,} attributes")
    if tags > 2 * MAX_DEPTH:
        depth = 0
        for tag in TAG.finditer(body):
            if tag.group(2).lower() in VOID:
                continue
            depth = max(0, depth - 1) if tag.group(1) else depth + 1
            if depth > 16 * MAX_DEPTH:  # forgotten end tags add up on honest pages, too
                raise Hostile(f"more than {16 * MAX_DEPTH:,} elements inside each other")


def charset(content_type: str, body: bytes) -> str | None:
    """The charset by byte order mark, then header; None leaves it to `<meta>` and the parser. A header that lies about
    UTF-8 is caught: bytes that are no UTF-8 are not read as such."""
    for mark, name in MARKS:
        if body.startswith(mark):
            return name
    found = CHARSET.search(content_type)
    name = found.group(1).lower() if found else ""
    try:
        codec = codecs.lookup(name).name if name else ""
    except LookupError:
        codec = ""
    inside = CHARSET.search(body[:2048].decode("latin-1"))
    if codec and codec != "utf-8":
        # Servers configured with latin-1 for everything are common; the page itself knows better.
        return None if inside and _is_utf8(body) else codec
    if (codec == "utf-8" or not inside) and _is_utf8(body):
        return "utf-8"
    return None if inside else "cp1252"


def _is_utf8(body: bytes) -> bool:
    try:
        # The last three bytes may be the beginning of a character that was cut off.
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


@functools.lru_cache(maxsize=2_000)
def _identity(href: str) -> str | None:
    return normalise(href, drop_tracking=True)


def _tree(body: bytes, encoding: str | None) -> Any:
    try:
        parser = etree.HTMLParser(
            encoding=encoding, recover=True, no_network=True, remove_comments=True, remove_pis=True
        )
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, LookupError, ValueError):
        return None


def _text(tree: Any) -> str:
    """Text of the body, white space folded. Takes scripts and the like out of the tree."""
    body = tree.find("body")
    root = tree if body is None else body
    etree.strip_elements(root, *SILENT, with_tail=False)
    return " ".join(" ".join(root.itertext()).split())


def _links(tree: Any, base: str) -> tuple[list[list[str]], int]:
    """[identity, wire form] of each page linked to, once each; and how many were cut off."""
    links: dict[str, str] = {}
    cut = 0
    for node in tree.iter("a", "area"):
        href = (node.get("href") or "").strip()
        if not href or href[0] == "#" or href[:11].lower() == "javascript:" or href[:7].lower() == "mailto:":
            continue
        wire = join(base, href)
        if wire is None or ASSET.search(wire.partition("?")[0]):
            continue
        identity = _identity(wire)
        if identity is None or identity in links:
            continue
        if len(links) >= MAX_LINKS:
            cut += 1
            continue
        links[identity] = wire
    return [[identity, wire] for identity, wire in links.items()], cut


def read_facts(url: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Facts of the page under `url` as JSON-able values; see the keys at the end. Raises Hostile."""
    if "html" not in content_type and not body[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return _plain(body)
    prescan(body)
    tree = _tree(body, charset(content_type, body))
    if tree is None:
        return _plain(b"")
    base = url
    links_base = tree.find(".//base[@href]")
    if links_base is not None:
        base = join(url, links_base.get("href").strip()) or url
    meta: dict[str, str] = {}
    refresh = ""
    for node in tree.iter("meta"):
        content = (node.get("content") or "").strip()
        name = (node.get("name") or node.get("property") or "").strip().lower()
        if name in {"robots", "googlebot"}:
            meta["robots"] = ",".join(filter(None, [meta.get("robots", ""), content.lower()]))
        elif name:
            meta.setdefault(name, content[:500])
        if (node.get("http-equiv") or "").lower() == "refresh" and (found := REFRESH.match(content)):
            refresh = join(base, found.group(1).strip()) or ""
    canonical = ""
    hreflang: list[list[str]] = []
    sitemaps: list[str] = []
    for node in tree.iter("link"):
        rel, href = (node.get("rel") or "").lower().split(), (node.get("href") or "").strip()
        if "canonical" in rel and not canonical:
            canonical = join(base, href) or ""
        if node.get("hreflang") and "alternate" in rel and len(hreflang) < 200:
            hreflang.append([node.get("hreflang").strip().lower(), join(base, href) or href])
        if "sitemap" in rel and (found_map := join(base, href)):
            sitemaps.append(found_map)
    links, cut = _links(tree, base)
    title = tree.findtext(".//title") or ""
    text = _text(tree)
    words = len(text.split())
    return {
        "title": " ".join(title.split())[:300],
        "canonical": canonical,
        "canonical_id": (_identity(canonical) or canonical) if canonical else "",
        "robots": meta.get("robots", ""),
        "hreflang": hreflang,
        "links": links,
        "links_cut": cut,
        "refresh": refresh,
        "sitemaps": sitemaps[:20],
        "language": (tree.get("lang") or "").lower()[:20],
        "words": words,
        "text_hash": hashlib.sha256(f"{title}\n{text}".encode("utf-8", "replace")).hexdigest()[:32] if text else "",
        "print": fingerprint(text[:200_000]),
        "shell": _is_shell(body, words),
        "version": meta.get("docsearch:version", meta.get("docusaurus_version", ""))[:40],
        "html": True,
    }


def _is_shell(body: bytes, words: int) -> bool:
    """Whether the page is an empty frame that scripts fill: next to no text, and a mount point or a note saying so."""
    if words > 40 or b"<script" not in body.lower():
        return False
    return bool(SHELL_ROOT.search(body) or SHELL_NOTE.search(body)) or words == 0


def _plain(body: bytes) -> dict[str, Any]:
    """Facts of what is no HTML."""
    return {
        "title": "",
        "canonical": "",
        "canonical_id": "",
        "robots": "",
        "hreflang": [],
        "links": [],
        "links_cut": 0,
        "refresh": "",
        "sitemaps": [],
        "language": "",
        "words": 0,
        "print": 0,
        "shell": False,
        "version": "",
        "html": False,
        "text_hash": hashlib.sha256(body).hexdigest()[:32] if body else "",
    }
