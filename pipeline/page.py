"""HTML -> Page: blocks of text in reading order, as a visitor sees them, each with a selector and a region.

Title, meta description, Open Graph, headings, paragraphs, list items, table rows, buttons, alternative texts, questions and JSON-LD
become blocks. Navigation, footers and cookie banners are kept but marked by region, so that claims are not read from
them. Nothing is executed and nothing is fetched. What is hidden from a reader (`hidden`, `display:none`) is left out.

A marketing page is all main content; of an article's page, comments and teasers of other posts are marked as beside it
(`pipeline.article`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import CData, Comment, Declaration, Doctype, NavigableString, ProcessingInstruction, Tag

from pipeline.article import beside_article
from pipeline.handwritten import read_json
from pipeline.records import Block, BlockKind, Page, Region

# XHTML and stray XML are read as HTML on purpose: that is what a browser shows.
warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)

SKIPPED = frozenset(
    {
        "script",
        "style",
        "template",
        "noscript",
        "svg",
        "canvas",
        "iframe",
        "object",
        "math",
        "select",
        "textarea",
        "video",
        "audio",
        "head",
        "datalist",
    }
)
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "dt": 5}
BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "button",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "hr",
        "label",
    }
)
# A bare "cookie" in a class name has taken whole pages away from other extractors: the words must stand together.
BANNER = re.compile(
    r"(cookie|consent|gdpr|ccpa)[-_ ]?(banner|bar|notice|popup|pop-up|modal|dialog|law|consent|overlay|"
    r"message|alert|wrapper|container)|onetrust|cookiebot|cc-window",
    re.I,
)
# Browsers cap nesting at 512; what lies deeper than this is read as plain text.
MAX_DEPTH = 120
BUTTON_CLASS = re.compile(r"(^|[-_\s])(btn|button|cta)([-_\s]|$)", re.I)
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
SPACE = re.compile(r"\s+")
INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
NOT_TEXT = (Comment, Declaration, Doctype, ProcessingInstruction, CData)
# JSON-LD keys whose values are copy that a search engine shows.
JSON_LD_KEYS = (
    "name",
    "headline",
    "description",
    "featureList",
    "text",
    "slogan",
    "abstract",
    "disambiguatingDescription",
)


def fold(text: str) -> str:
    """`text` with every run of white space as one blank; empty when nothing visible is left.

    Zero-width characters stay where they are: a quote has to occur in its document to the letter.
    """
    out = SPACE.sub(" ", text).strip()
    return out if INVISIBLE.sub("", out).strip() else ""


def prominence(kind: BlockKind, level: int) -> float:
    """How loud a block is, 0-1: a title or first heading is read by most visitors, an alternative text by few."""
    if kind is BlockKind.HEADING:
        return {1: 1.0, 2: 0.85, 3: 0.7}.get(level, 0.6)
    return {
        BlockKind.TITLE: 1.0,
        BlockKind.DESCRIPTION: 0.9,
        BlockKind.OPEN_GRAPH: 0.6,
        BlockKind.BUTTON: 0.6,
        BlockKind.JSON_LD: 0.5,
        BlockKind.ALT: 0.2,
        BlockKind.QUOTE: 0.4,
    }.get(kind, 0.5)


class _Reader:
    """Walks one document; holds what a walk needs to know (heading path, selectors seen)."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self.soup = soup
        self.beside = beside_article(soup)
        self.blocks: list[Block] = []
        self.headings: list[tuple[int, str]] = []
        self.paths: dict[int, str] = {}

    def selector(self, tag: Tag) -> str:
        """CSS path of `tag`, up to the nearest id."""
        known = self.paths.get(id(tag))
        if known is not None:
            return known
        parent = tag.parent
        if parent is None or tag.name in {"html", "body", "[document]"}:
            path = tag.name if tag.name != "[document]" else ""
        else:
            twins = [c for c in parent.find_all(tag.name, recursive=False) if isinstance(c, Tag)]
            step = tag.name
            if len(twins) > 1:
                step += f":nth-of-type({next(i for i, c in enumerate(twins, 1) if c is tag)})"
                for i, twin in enumerate(twins, 1):
                    self.paths.setdefault(id(twin), self._join(parent, f"{tag.name}:nth-of-type({i})"))
            path = self._join(parent, step)
        self.paths[id(tag)] = path
        return path

    def _join(self, parent: Tag, step: str) -> str:
        above = self.selector(parent)
        return f"{above} > {step}" if above and above != "html" else step

    def add(
        self,
        kind: BlockKind,
        text: str,
        tag: Tag | None,
        region: Region,
        level: int = 0,
        cells: tuple[str, ...] = (),
        columns: tuple[str, ...] = (),
        selector: str = "",
    ) -> None:
        text = fold(text)
        if not text:
            return
        if kind is BlockKind.HEADING and region is Region.MAIN:
            while self.headings and self.headings[-1][0] >= level:
                self.headings.pop()
        path = tuple(t for _, t in self.headings)
        where = selector or (self.selector(tag) if tag is not None else "")
        self.blocks.append(
            Block(
                kind=kind,
                text=text,
                selector=where,
                region=region,
                level=level,
                heading_path=path,
                cells=cells,
                columns=columns,
                prominence=prominence(kind, level),
            )
        )
        if kind is BlockKind.HEADING and region is Region.MAIN:
            self.headings.append((level, text))

    def region(self, tag: Tag, outer: Region) -> Region:
        """The region of `tag` within `outer`."""
        found = _region(tag, outer)
        return Region.ASIDE if found is Region.MAIN and id(tag) in self.beside else found

    def head(self) -> None:
        title = self.soup.find("title")
        if isinstance(title, Tag):
            self.add(BlockKind.TITLE, title.get_text(), title, Region.HEAD, selector="head > title")
        seen: set[str] = set()
        for meta in self.soup.find_all("meta"):
            name = str(meta.get("name") or meta.get("property") or "").lower()
            content = fold(str(meta.get("content") or ""))
            if name == "description":
                self.add(BlockKind.DESCRIPTION, content, meta, Region.HEAD, selector='meta[name="description"]')
                seen.add(content)
            elif name in {"og:title", "og:description", "twitter:title", "twitter:description"} and content not in seen:
                seen.add(content)
                self.add(BlockKind.OPEN_GRAPH, content, meta, Region.HEAD, selector=f'meta[property="{name}"]')

    def json_ld(self) -> None:
        for number, script in enumerate(self.soup.find_all("script", type="application/ld+json"), 1):
            try:
                data = read_json(script.get_text())
            except (ValueError, RecursionError):
                continue  # broken JSON-LD is invisible to search engines as well
            where = f'script[type="application/ld+json"]:nth-of-type({number})'
            for text in _json_ld_texts(data, 0):
                self.add(BlockKind.JSON_LD, text, None, Region.HEAD, selector=where)

    def walk(self, tag: Tag, region: Region, depth: int = 0) -> None:
        """Blocks of everything under `tag`; inline runs between block children become blocks of their own."""
        run: list[str] = []
        buttons = 0

        def flush() -> None:
            nonlocal buttons
            text = "".join(run)
            run.clear()
            # A line break in a heading or card is a new line to the reader, so it starts a new block there.
            parts = text.split("\n\x00\n") if tag.name in HEADINGS or len(text) < 400 else [text.replace("\x00", " ")]
            for part in parts:
                self.emit(tag, part.replace("\x00", " "), region)

        for child in tag.children:
            if isinstance(child, NOT_TEXT):
                continue
            if isinstance(child, NavigableString):
                run.append(str(child))
                continue
            if not isinstance(child, Tag) or child.name in SKIPPED or _hidden(child):
                continue
            if child.name == "img":
                alt = fold(str(child.get("alt") or ""))
                if alt:
                    self.add(BlockKind.ALT, alt, child, region)
                continue
            if child.name == "br":
                run.append("\n\x00\n")
            elif child.name == "table":
                flush()
                self.table(child, self.region(child, region))
            elif _is_block(child):
                flush()
                if depth >= MAX_DEPTH:
                    self.emit(tag, child.get_text(" "), region)
                else:
                    self.walk(child, self.region(child, region), depth + 1)
            elif _is_button(child) and fold(child.get_text()):
                flush()
                self.add(BlockKind.BUTTON, child.get_text(), child, region)
            else:
                for image in child.find_all("img"):
                    alt = fold(str(image.get("alt") or ""))
                    if alt:
                        self.add(BlockKind.ALT, alt, image, region)
                text = _inline_text(child)
                if run and _starts_line(run[-1], text, child):
                    run.append(" ")
                run.append(text)
        flush()

    def emit(self, tag: Tag, text: str, region: Region) -> None:
        if not fold(text):
            return
        name = tag.name
        if name in HEADINGS:
            self.add(BlockKind.HEADING, text, tag, region, HEADINGS[name])
        elif name == "summary":
            self.add(BlockKind.QUESTION, text, tag, region)
        elif name == "button":
            self.add(BlockKind.BUTTON, text, tag, region)
        elif name == "li":
            self.add(BlockKind.LIST_ITEM, text, tag, region)
        elif name == "pre":
            self.add(BlockKind.CODE, text, tag, region)
        elif name == "blockquote" or tag.find_parent("blockquote") is not None:
            self.add(BlockKind.QUOTE, text, tag, region)
        elif tag.find_parent("details") is not None:
            self.add(BlockKind.ANSWER, text, tag, region)
        elif tag.find_parent("li") is not None:
            self.add(BlockKind.LIST_ITEM, text, tag, region)
        else:
            self.add(BlockKind.PARAGRAPH, text, tag, region)

    def table(self, table: Tag, region: Region) -> None:
        """Rows with their cells and column names; a table that only lays out a page is walked as blocks."""
        rows = [r for r in table.find_all("tr") if r.find_parent("table") is table]
        grid = [[c for c in r.find_all(["td", "th"]) if c.find_parent("tr") is r] for r in rows]
        if table.find("table") is not None or max((len(r) for r in grid), default=0) < 2:
            for row in grid:
                for cell in row:
                    self.walk(cell, region)
            return
        columns: tuple[str, ...] = ()
        for tr, cells in zip(rows, grid, strict=True):
            texts = tuple(_cell_text(c) for c in cells)
            is_header = (bool(cells) and all(c.name == "th" for c in cells)) or tr.find_parent("thead") is not None
            if (is_header and not columns) or (not columns and tr is rows[0]):
                columns = texts
            joined = " ".join(t for t in texts if t)
            self.add(BlockKind.TABLE_ROW, joined, tr, region, cells=texts, columns=() if columns == texts else columns)
            lines = tuple(line for c in cells for line in _cell_lines(c))
            if lines and joined and self.blocks:
                self.blocks[-1] = replace(self.blocks[-1], lines=lines)


def _json_ld_texts(data: Any, depth: int) -> Iterator[str]:
    if depth > 8:
        return
    if isinstance(data, list):
        for item in data[:200]:
            yield from _json_ld_texts(item, depth + 1)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in JSON_LD_KEYS:
                for text in value if isinstance(value, list) else [value]:
                    if isinstance(text, str):
                        yield re.sub(r"<[^>]+>", " ", text)
            if isinstance(value, dict | list):
                yield from _json_ld_texts(value, depth + 1)


def _is_block(tag: Tag) -> bool:
    """A block element, or an inline one (`a`, `span`, custom elements) that wraps block elements."""
    if tag.name in BLOCKS:
        return True
    return any(isinstance(d, Tag) and d.name in BLOCKS for d in tag.descendants)


def _is_button(tag: Tag) -> bool:
    """A link drawn as a button, or one that stands alone in its parent: a reader sees a call to action."""
    if tag.name != "a":
        return False
    classes = " ".join(tag.get("class") or [])
    if BUTTON_CLASS.search(classes) or tag.get("role") == "button":
        return True
    parent = tag.parent
    if parent is None or parent.name in {"p", "li", "td", "th", "dd", "figcaption"} or parent.name in HEADINGS:
        return False
    own = fold(tag.get_text())
    return own == fold(parent.get_text()) or not any(
        isinstance(c, NavigableString) and not isinstance(c, NOT_TEXT) and c.strip() for c in parent.children
    )


def _hidden(tag: Tag) -> bool:
    return tag.has_attr("hidden") or bool(HIDDEN_STYLE.search(str(tag.get("style") or "")))


def _starts_line(before: str, text: str, tag: Tag) -> bool:
    """Spans drawn as lines of their own come without white space: `Faster builds.<span>New cache</span>`, and where the first line ends
    with no stop, `For startups<span>We have a deal for you</span>`. `Git<span>Hub</span>` stays one word."""
    if not text[:1].isupper():
        return False
    if re.search(r"[.!?]$", before):
        return True
    lines = tag.name == "span" and len(before.split()) >= 2 and len(text.split()) >= 3
    return lines and bool(re.search(r"[a-z0-9)]$", before))


def _inline_text(tag: Tag) -> str:
    """Text of an inline element: pieces joined as they stand, line breaks kept as marks."""
    parts: list[str] = []
    for node in tag.descendants:
        if isinstance(node, NOT_TEXT):
            continue
        if isinstance(node, NavigableString):
            if not any(p.name in SKIPPED for p in node.parents if p is not tag and isinstance(p, Tag)):
                inner = node.parent
                if parts and isinstance(inner, Tag) and inner is not tag and _starts_line(parts[-1], str(node), inner):
                    parts.append(" ")
                parts.append(str(node))
        elif isinstance(node, Tag) and node.name == "br":
            parts.append(" ")
    return "".join(parts)


def _cell_text(cell: Tag) -> str:
    """Text of a table cell; a tick drawn as a picture is read from its label."""
    text = fold(cell.get_text(" "))
    if not text:
        for tag in cell.find_all(["img", "svg", "i", "span"]):
            label = fold(str(tag.get("alt") or tag.get("aria-label") or tag.get("title") or ""))
            if label:
                return label
    return text


def _cell_lines(cell: Tag) -> list[str]:
    """The lines of a cell that lists several things, one under the other; none when it holds one."""
    parts: list[str] = []
    for node in cell.descendants:
        if isinstance(node, NavigableString) and not isinstance(node, NOT_TEXT):
            parts.append(str(node))
        elif isinstance(node, Tag) and node.name in {"br", "li"}:
            parts.append("\x00")
    lines = [line for line in (fold(part) for part in "".join(parts).split("\x00")) if line]
    return lines if len(lines) >= 2 else []


def _region(tag: Tag, outer: Region) -> Region:
    if outer is not Region.MAIN:
        return outer
    if tag.name == "nav" or tag.get("role") == "navigation":
        return Region.NAV
    if tag.name == "footer" or tag.get("role") == "contentinfo":
        # The footer of an article or quotation is part of it.
        return (
            Region.MAIN if tag.find_parent(["article", "blockquote", "main", "section"]) is not None else Region.FOOTER
        )
    if tag.name == "header" and tag.find("h1") is None and tag.find_parent(["main", "article", "section"]) is None:
        links = sum(len(fold(a.get_text())) for a in tag.find_all("a"))
        total = len(fold(tag.get_text()))
        return Region.NAV if total == 0 or links / total > 0.5 else Region.MAIN
    label = " ".join([*(tag.get("class") or []), str(tag.get("id") or ""), str(tag.get("aria-label") or "")])
    if BANNER.search(label) and len(tag.get_text().split()) < 150:
        return Region.BANNER
    return outer


def read_html(body: bytes | str, source: str) -> Page:
    """The page under `source`.

    `body` as bytes is decoded by BOM, then `<meta charset>`, then detection. Never raises on broken markup; a body
    without any text gives a Page without blocks.
    """
    soup = BeautifulSoup(body, "lxml")
    reader = _Reader(soup)
    reader.head()
    # libxml2 leaves HTML5 elements such as <main> in the head when a page does without <body>.
    for child in list(soup.head.children) if soup.head else []:
        if isinstance(child, Tag) and child.name in BLOCKS:
            reader.walk(child, reader.region(child, Region.MAIN))
    reader.walk(soup.body or soup, Region.MAIN)
    reader.json_ld()
    html = soup.html
    language = str(html.get("lang") or "").split("-")[0].lower() if isinstance(html, Tag) else ""
    title = next((b.text for b in reader.blocks if b.kind is BlockKind.TITLE), "")
    title = title or next((b.text for b in reader.blocks if b.kind is BlockKind.HEADING), "")
    robots = ",".join(
        fold(str(m.get("content") or "")).lower()
        for m in soup.find_all("meta")
        if str(m.get("name") or "").lower() in {"robots", "googlebot"}
    )
    canonical = next(
        (str(n.get("href") or "") for n in soup.find_all("link") if "canonical" in (n.get("rel") or [])), ""
    )
    links = tuple(dict.fromkeys(str(a.get("href")) for a in soup.find_all("a", href=True)))
    hreflang = tuple((str(n.get("hreflang")), str(n.get("href") or "")) for n in soup.find_all("link", hreflang=True))
    return Page(
        source=source,
        title=title,
        blocks=tuple(reader.blocks),
        language=language,
        links=links,
        canonical=canonical,
        robots=robots,
        hreflang=hreflang,
    )
