"""What a user names -> Pages: files, folders, pasted text and URLs, as copy (TARGET) or as documentation (SOURCE).

Everything that cannot be read ends as a Problem with the place and a remedy; a path that does not exist ends the command. Pictures, style
sheets, fonts and the like inside a folder are no documents and are passed over.
"""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.documents import HTML, MARKDOWN, OFFICE, OPENAPI, Unreadable, read_document
from pipeline.errors import UsageError
from pipeline.records import Fetched, Page, Problem, Region

Fetch = Callable[[Sequence[str]], tuple[list[Fetched], list[Problem]]]

MAX_BYTES = 50 * 1024 * 1024
NOT_DOCUMENTS = frozenset(
    {"robots.txt", "humans.txt", "security.txt", "license.txt", "ads.txt", "package.json", "tsconfig.json"}
)
FOLDER_KINDS = HTML | MARKDOWN | OFFICE | frozenset({".txt", ".rst", ".adoc"})
# English function words; a text of another language holds next to none of them.
ENGLISH = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "in",
        "a",
        "is",
        "for",
        "on",
        "with",
        "that",
        "you",
        "your",
        "are",
        "it",
        "as",
        "or",
        "be",
        "by",
        "this",
        "from",
        "we",
        "our",
        "can",
        "not",
        "have",
        "at",
        "all",
        "an",
        "will",
        "more",
        "when",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of the named places; `paths` leads from the source of each page that is a file to its path as named."""

    pages: tuple[Page, ...]
    problems: tuple[Problem, ...]
    paths: Mapping[str, str] = field(default_factory=dict)


def is_url(place: str) -> bool:
    """Whether `place` is a web address."""
    return bool(re.match(r"https?://", place, re.I))


@functools.cache
def _identifier() -> Any:
    import py3langid

    return py3langid


def foreign(page: Page) -> str | None:
    """The language code of a page that is not English, else None. Short texts count as English."""
    text = " ".join(b.reading or b.text for b in page.blocks if b.region is Region.MAIN)[:6000]
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < 25:
        return None
    if sum(w in ENGLISH for w in words) / len(words) >= 0.12:
        return None
    code = str(_identifier().classify(text)[0])
    return None if code == "en" else code


def _read_one(body: bytes, source: str, *, verbatim: bool, suffix: str | None, where: str) -> Page | Problem:
    try:
        page = read_document(body, source, verbatim=verbatim, suffix=suffix)
    except Unreadable as err:
        return Problem(kind="unreadable", where=where, message=str(err))
    except RecursionError:
        return Problem(
            kind="unreadable", where=where, message=f"{where} is nested too deeply to be read: simplify its markup."
        )
    if not any(b.region is Region.MAIN for b in page.blocks):
        return Problem(
            kind="empty",
            where=where,
            message=f"{where} holds no text that a visitor would read: if a script writes the page, "
            "audit the rendered HTML.",
        )
    code = foreign(page)
    if code is not None:
        return Problem(
            kind="language",
            where=where,
            message=f"{where} is not in English (it looks like '{code}'): only English copy and "
            "documentation are judged so far.",
        )
    return page


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    out = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") or part == "node_modules" for part in inside.parts) or not path.is_file():
            continue
        suffix = path.suffix.lower()
        if path.name.lower() in NOT_DOCUMENTS:
            continue
        if suffix in FOLDER_KINDS or (suffix in OPENAPI and re.search(r"openapi|swagger", path.name, re.I)):
            out.append(path)
    return out


def _read_file(path: pathlib.Path, source: str, *, verbatim: bool) -> Page | Problem:
    try:
        if path.stat().st_size > MAX_BYTES:
            return Problem(
                kind="too_large",
                where=source,
                message=f"{source} has {path.stat().st_size // 2**20} MiB, more than {MAX_BYTES // 2**20}: split it.",
            )
        body = path.read_bytes()
    except OSError as err:
        return Problem(
            kind="unreadable",
            where=source,
            message=f"{source} cannot be opened ({err.strerror}): check its permissions.",
        )
    return _read_one(body, source, verbatim=verbatim, suffix=path.suffix, where=source)


def read_places(places: Sequence[str], *, verbatim: bool, what: str, fetch: Fetch, stdin: Callable[[], bytes]) -> Read:
    """Pages of all `places` in the order named, files of a folder in the order of their paths.

    A page's `source` is its path relative to the named folder (a file's name), or its URL; where two places give the
    same path, the later ones carry the folder's name in front. Raises UsageError for a path that does not exist.
    """
    pages: list[Page] = []
    problems: list[Problem] = []
    urls = [p for p in places if is_url(p)]
    taken: set[str] = set()
    paths: dict[str, str] = {}

    def keep(found: Page | Problem, prefix: str, path: pathlib.Path | None = None) -> None:
        if isinstance(found, Problem):
            problems.append(found)
            return
        source = found.source if found.source not in taken else f"{prefix}/{found.source}"
        taken.add(source)
        if path is not None:
            paths[source] = str(path)
        pages.append(replace(found, source=source))

    for place in places:
        if is_url(place):
            continue
        if place == "-":
            keep(_read_one(stdin(), "pasted text", verbatim=verbatim, suffix=".md", where="pasted text"), "pasted")
            continue
        path = pathlib.Path(place)
        if not path.exists():
            raise UsageError(f"{what} {place!r} does not exist: give a file, a folder or a URL (https://...).")
        if path.is_dir():
            files = _files(path)
            if not files:
                raise UsageError(f"{what} folder {place!r} holds no HTML, Markdown, text, PDF, DOCX or PPTX file.")
            for file in files:
                keep(_read_file(file, file.relative_to(path).as_posix(), verbatim=verbatim), path.name, file)
        else:
            keep(_read_file(path, path.name, verbatim=verbatim), path.parent.name, path)
    if urls:
        fetched, faults = fetch(urls)
        problems += faults
        for item in fetched:
            kind = item.headers.get("content-type", "text/html").split(";")[0].strip().lower()
            suffix = {
                "text/markdown": ".md",
                "application/pdf": ".pdf",
                "text/plain": ".txt",
                "application/json": ".json",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
            }.get(kind, ".html")
            keep(_read_one(item.body, item.final_url, verbatim=verbatim, suffix=suffix, where=item.final_url), "again")
    return Read(pages=tuple(pages), problems=tuple(problems), paths=paths)
