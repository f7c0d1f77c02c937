"""Files other than HTML -> Page: Markdown, plain text, PDF, DOCX, PPTX, OpenAPI; and `read_document`, which picks the reader.

In documentation (`verbatim=True`) the text of a Markdown block is its source, so that a quote can be found in the
file, and `Block.reading` is the text without markup. In marketing copy the text is what a reader sees.
Spreadsheets and scanned PDFs (pictures of text) are not read: they end as an error with a remedy.
"""

from __future__ import annotations

import io
import json
import pathlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.errors import SaysdoesError
from pipeline.mdx import Mdx, Shown, is_mdx, read_mdx
from pipeline.page import fold, prominence, read_html
from pipeline.records import Block, BlockKind, Page

HTML = frozenset({".html", ".htm", ".xhtml", ".php", ".asp", ".aspx"})
MARKDOWN = frozenset({".md", ".mdx", ".markdown", ".mdown"})
TEXT = frozenset({".txt", ".text", ".rst", ".adoc", ".asciidoc", ""})
OFFICE = frozenset({".pdf", ".docx", ".pptx"})
OPENAPI = frozenset({".json", ".yaml", ".yml"})
READABLE = HTML | MARKDOWN | TEXT | OFFICE | OPENAPI

# A document of this unpacked size is not prose that anybody reads; the figure keeps zip bombs out.
MAX_UNPACKED = 200 * 1024 * 1024
FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.S)
TAG = re.compile(r"<[^>]+>")
# `:::tip Title`, `::: tip`, `:::note[Title]`, `:::`: a frame around text in the Markdown of site makers; its title is copy, its kind is not.
FRAME = re.compile(r"^[ \t]*:{3,}[ \t]*(?:[a-z][\w-]*)?(?:\[([^\]\n]*)\])?(?:\{[^}\n]*\})?", re.M)


class Unreadable(SaysdoesError):
    """A document that cannot be read; the message says why and what to do."""


def _parser(*, mdx: bool = False) -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    # MDX knows no indented code: what is indented there stands inside a component.
    return made.disable("code") if mdx else made


def _plain(token: Token) -> str:
    """Inline Markdown as a reader sees it: link and picture texts, no markup."""
    out: list[str] = []
    for child in token.children or []:
        if child.type in {"text", "code_inline"}:
            out.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            out.append(" ")
        elif child.type == "image":
            out.append(child.content)
        elif child.type == "html_inline" and re.match(r"<br\s*/?>", child.content, re.I):
            out.append(" ")
    return fold("".join(out))


def read_markdown(text: str, source: str, *, verbatim: bool) -> Page:
    """The page in Markdown (or MDX) `text`; selectors are `line N` of the file."""
    offset, title = 0, ""
    front = FRONT_MATTER.match(text)
    if front:
        offset = front.group(0).count("\n")
        named = re.search(r"^title:\s*[\"']?(.+?)[\"']?\s*$", front.group(1), re.M)
        title = named.group(1) if named else ""
        text = text[front.end() :]
    if not verbatim:
        text = FRAME.sub(lambda m: m[1] or "", text)
    mdx = is_mdx(text, source)
    made = read_mdx(text, inline=not verbatim) if mdx else Mdx(text=text, shown=())
    text = made.text
    lines = text.split("\n")
    tokens = _parser(mdx=mdx).parse(text)
    waiting = list(made.shown)
    blocks: list[Block] = []
    headings: list[tuple[int, str]] = []
    columns: tuple[str, ...] = ()
    row: list[str] = []
    in_item, in_quote, level = 0, 0, 0
    in_cell = False
    row_line = 0
    kind_of_heading = 0

    def add(kind: BlockKind, source_text: str, reading: str, line: int, *, cells: tuple[str, ...] = ()) -> None:
        source_text, reading = fold(source_text), fold(reading)
        shown = source_text if verbatim else reading
        if not shown or not reading:
            return
        nonlocal headings
        if kind is BlockKind.HEADING:
            headings = [(n, t) for n, t in headings if n < level]
        blocks.append(
            Block(
                kind=kind,
                text=shown,
                reading=reading if verbatim else "",
                selector=f"line {line + offset + 1}",
                level=level if kind is BlockKind.HEADING else 0,
                heading_path=tuple(t for _, t in headings),
                cells=cells,
                columns=() if cells == columns else columns if cells else (),
                prominence=prominence(kind, level),
            )
        )
        if kind is BlockKind.HEADING:
            headings.append((level, reading))

    def add_shown(attribute: Shown) -> None:
        # A component's title is loud, but where it stands in the outline of the page is not known.
        loud = attribute.name in {"title", "heading", "headline"}
        add(BlockKind.QUESTION if attribute.name == "question" else BlockKind.PARAGRAPH, attribute.text, attribute.text, attribute.line)
        if loud and blocks:
            blocks[-1] = replace(blocks[-1], prominence=prominence(BlockKind.HEADING, 3))

    if title:
        level = 1
        add(BlockKind.TITLE, title, title, -offset)
    for token in tokens:
        while waiting and token.map and token.map[0] > waiting[0].line and not in_cell:
            add_shown(waiting.pop(0))
        if token.type == "heading_open":
            level, kind_of_heading = int(token.tag[1]), 1
        elif token.type == "heading_close":
            kind_of_heading = 0
        elif token.type == "list_item_open":
            in_item += 1
        elif token.type == "list_item_close":
            in_item -= 1
        elif token.type == "blockquote_open":
            in_quote += 1
        elif token.type == "blockquote_close":
            in_quote -= 1
        elif token.type == "table_open":
            columns = ()
        elif token.type in {"td_open", "th_open"}:
            in_cell = True
        elif token.type in {"td_close", "th_close"}:
            in_cell = False
        elif token.type == "tr_open":
            row, row_line = [], (token.map or [0])[0]
        elif token.type == "tr_close":
            cells = tuple(row)
            if not columns:
                columns = cells
            raw = lines[row_line].strip().strip("|").strip() if row_line < len(lines) else " ".join(cells)
            add(BlockKind.TABLE_ROW, raw, " ".join(c for c in cells if c), row_line, cells=cells)
        elif token.type == "table_close":
            columns = ()
        elif token.type == "inline":
            reading = _plain(token)
            if in_cell:
                row.append(reading)
                continue
            kind = (
                BlockKind.HEADING
                if kind_of_heading
                else BlockKind.LIST_ITEM
                if in_item
                else BlockKind.QUOTE
                if in_quote and not verbatim
                else BlockKind.PARAGRAPH
            )
            add(kind, re.sub(r"\n\s*>\s?", " ", token.content), reading, (token.map or [0])[0])
        elif token.type in {"fence", "code_block"}:
            add(BlockKind.CODE, token.content, token.content, (token.map or [0])[0])
        elif token.type == "html_block":
            line = (token.map or [0])[0]
            for block in read_html(token.content, source).blocks:
                if block.kind not in {BlockKind.TITLE, BlockKind.DESCRIPTION}:
                    level = block.level or 6
                    add(block.kind, block.text, block.text, line, cells=block.cells)
    for attribute in waiting:
        add_shown(attribute)
    if not title:
        title = next(
            (b.reading or b.text for b in blocks if b.kind is BlockKind.HEADING), pathlib.PurePath(source).stem
        )
    return Page(source=source, title=title, blocks=tuple(blocks))


def read_text(text: str, source: str) -> Page:
    """Plain text: paragraphs stand apart by empty lines; a short line without a full stop counts as a heading."""
    blocks: list[Block] = []
    heading: tuple[str, ...] = ()
    line = 1
    for part in re.split(r"(\n\s*\n)", text):
        shown = fold(part)
        if shown:
            items = [fold(i) for i in part.strip().split("\n") if fold(i)]
            bulleted = [re.sub(r"^([-*\u2022]|\d+[.)])\s+", "", i) for i in items]
            if bulleted != items or (len(items) > 1 and all(len(i.split()) < 16 for i in items)):
                for number, item in enumerate(bulleted):
                    blocks.append(
                        Block(
                            kind=BlockKind.LIST_ITEM, text=item, selector=f"line {line + number}", heading_path=heading
                        )
                    )
            elif len(shown.split()) <= 9 and not re.search(r"[.!?:;,]$", shown):
                heading = (shown,)
                blocks.append(
                    Block(
                        kind=BlockKind.HEADING,
                        text=shown,
                        selector=f"line {line}",
                        level=2,
                        prominence=prominence(BlockKind.HEADING, 2),
                    )
                )
            else:
                blocks.append(
                    Block(kind=BlockKind.PARAGRAPH, text=shown, selector=f"line {line}", heading_path=heading)
                )
        line += part.count("\n")
    return Page(source=source, title=blocks[0].text[:80] if blocks else "", blocks=tuple(blocks))


def _check_zip(body: bytes, source: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            size = sum(i.file_size for i in archive.infolist())
    except zipfile.BadZipFile as err:
        raise Unreadable(
            f"{source} is not the Office file its name promises: save it again from the program that made it."
        ) from err
    if size > MAX_UNPACKED:
        raise Unreadable(
            f"{source} unpacks to {size // 2**20} MiB, more than {MAX_UNPACKED // 2**20} MiB: split it or export the text."
        )


def read_pdf(body: bytes, source: str) -> Page:
    """Text of a PDF, page by page. Raises Unreadable for encrypted files and for scans without a text layer."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(body))
        if reader.is_encrypted:
            raise Unreadable(f"{source} is encrypted: save it without a password.")
        texts = [page.extract_text() or "" for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError, OSError, AttributeError) as err:
        raise Unreadable(
            f"{source} is not a PDF that can be read ({type(err).__name__}): print it to PDF again."
        ) from err
    blocks: list[Block] = []
    for number, text in enumerate(texts, 1):
        joined = re.sub(r"(?<=[a-z,])\n(?=[a-z(])", " ", text)
        for block in read_text(joined, source).blocks:
            blocks.append(
                Block(
                    kind=block.kind,
                    text=block.text,
                    selector=f"page {number}",
                    level=block.level,
                    heading_path=block.heading_path,
                    prominence=block.prominence,
                )
            )
    if texts and not blocks:
        raise Unreadable(
            f"{source} holds no text (a scan?): run text recognition over it or give the original document."
        )
    metadata = reader.metadata
    title = fold(str(metadata.title or "")) if metadata else ""
    title = title or (blocks[0].text[:80] if blocks else "")
    return Page(source=source, title=title, blocks=tuple(blocks))


def read_docx(body: bytes, source: str) -> Page:
    """Paragraphs, headings, lists and tables of a Word document."""
    import docx

    _check_zip(body, source)
    try:
        document = docx.Document(io.BytesIO(body))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as err:
        raise Unreadable(f"{source} is not a Word document that can be read: save it again as .docx.") from err
    blocks: list[Block] = []
    headings: list[tuple[int, str]] = []
    for number, paragraph in enumerate(document.paragraphs, 1):
        text = fold(paragraph.text)
        if not text:
            continue
        style = str(getattr(paragraph.style, "name", "") or "").lower()
        found = re.match(r"heading (\d)", style)
        level = int(found.group(1)) if found else 1 if style == "title" else 0
        kind = BlockKind.HEADING if level else BlockKind.LIST_ITEM if "list" in style else BlockKind.PARAGRAPH
        if level:
            headings = [(n, t) for n, t in headings if n < level]
        blocks.append(
            Block(
                kind=kind,
                text=text,
                selector=f"paragraph {number}",
                level=level,
                heading_path=tuple(t for _, t in headings),
                prominence=prominence(kind, level),
            )
        )
        if level:
            headings.append((level, text))
    for number, table in enumerate(document.tables, 1):
        grid = [tuple(fold(c.text) for c in r.cells) for r in table.rows]
        for place, cells in enumerate(grid, 1):
            if any(cells):
                blocks.append(
                    Block(
                        kind=BlockKind.TABLE_ROW,
                        text=" ".join(c for c in cells if c),
                        cells=cells,
                        selector=f"table {number} row {place}",
                        columns=grid[0] if place > 1 else (),
                    )
                )
    return Page(source=source, title=blocks[0].text[:80] if blocks else "", blocks=tuple(blocks))


def read_pptx(body: bytes, source: str) -> Page:
    """Slide titles, texts and tables of a deck, and its speaker notes."""
    import pptx

    _check_zip(body, source)
    try:
        deck = pptx.Presentation(io.BytesIO(body))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as err:
        raise Unreadable(f"{source} is not a PowerPoint deck that can be read: save it again as .pptx.") from err
    blocks: list[Block] = []
    for number, slide in enumerate(deck.slides, 1):
        title = slide.shapes.title
        for shape in slide.shapes:
            where = f"slide {number}"
            if getattr(shape, "has_table", False):
                grid = [tuple(fold(c.text) for c in r.cells) for r in shape.table.rows]
                for place, cells in enumerate(grid):
                    blocks.append(
                        Block(
                            kind=BlockKind.TABLE_ROW,
                            text=" ".join(c for c in cells if c),
                            cells=cells,
                            selector=where,
                            columns=grid[0] if place else (),
                        )
                    )
            elif shape.has_text_frame:
                first = title is not None and shape.shape_id == title.shape_id
                for paragraph in shape.text_frame.paragraphs:
                    text = fold("".join(run.text for run in paragraph.runs))
                    kind = BlockKind.HEADING if first else BlockKind.LIST_ITEM
                    if text:
                        blocks.append(
                            Block(
                                kind=kind,
                                text=text,
                                selector=where,
                                level=2 if first else 0,
                                prominence=prominence(kind, 2),
                            )
                        )
    return Page(source=source, title=blocks[0].text[:80] if blocks else "", blocks=tuple(blocks))


def read_openapi(data: dict[str, Any], source: str) -> Page:
    """Summaries and descriptions of an OpenAPI document, an operation under its path; YAML comments are left out."""
    blocks: list[Block] = []
    title = fold(str((data.get("info") or {}).get("title") or source))

    def walk(node: Any, where: str, depth: int) -> Iterator[tuple[str, str]]:
        if depth > 12:
            return
        if isinstance(node, dict):
            for key, value in node.items():
                if key in {"description", "summary", "title"} and isinstance(value, str):
                    yield where, value
                elif isinstance(value, dict | list):
                    yield from walk(value, f"{where} {key}".strip(), depth + 1)
        elif isinstance(node, list):
            for item in node:
                yield from walk(item, where, depth + 1)

    for where, value in walk(data, "", 0):
        for part in re.split(r"\n\s*\n", value):
            if fold(part):
                blocks.append(
                    Block(
                        kind=BlockKind.PARAGRAPH,
                        text=fold(part),
                        selector=where,
                        heading_path=(where,) if where else (),
                    )
                )
    return Page(source=source, title=title, blocks=tuple(blocks))


def decode(body: bytes) -> str:
    """Text of `body`: BOM, then UTF-8, then Windows-1252, which never fails."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(mark):
            return body.decode(charset, errors="replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def read_document(body: bytes, source: str, *, verbatim: bool, suffix: str | None = None) -> Page:
    """The page in `body`, read by the kind that `suffix` (default: that of `source`) names.

    Raises Unreadable, with a sentence for the user, when the bytes are not of that kind.
    """
    suffix = (pathlib.PurePath(source).suffix if suffix is None else suffix).lower()
    if suffix in HTML:
        return read_html(body, source)
    if suffix == ".pdf":
        return read_pdf(body, source)
    if suffix == ".docx":
        return read_docx(body, source)
    if suffix == ".pptx":
        return read_pptx(body, source)
    if b"\x00" in body[:4096] and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(f"{source} is not text (it holds NUL bytes): give HTML, Markdown, text, PDF, DOCX or PPTX.")
    text = decode(body)
    if suffix in OPENAPI:
        try:
            data = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError, RecursionError) as err:
            raise Unreadable(f"{source} is not valid {suffix[1:].upper()}: {str(err).splitlines()[0]}") from err
        if not isinstance(data, dict) or not ({"openapi", "swagger"} & set(data)):
            raise Unreadable(
                f"{source} is {suffix[1:].upper()} but not OpenAPI (no `openapi:` key): give documentation pages instead."
            )
        return read_openapi(data, source)
    if suffix in MARKDOWN:
        return read_markdown(text, source, verbatim=verbatim)
    if re.match(r"\s*(<!doctype html|<html)", text[:500], re.I):
        return read_html(body, source)
    return read_text(text, source)
