"""Where a claim stands in its file: the path from the working folder and the line, for code hosts and editors.

Markdown and text name the line in a block's selector. HTML does not: there the words are looked for in the source, tags and entities between
them stepped over.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Callable, Mapping

from pipeline.records import Judgement, PageAudit

Where = Callable[[PageAudit, Judgement], tuple[str, int]]
_SELECTOR = re.compile(r"line (\d{1,7})$")
# Words from the start of a claim that are looked for: enough to be found once, few enough to stop before the markup gets odd.
WORDS = 12
_BETWEEN = r"(?:\s|<[^<>]{0,500}>|&(?:nbsp|#160|ensp|emsp|thinsp);)+"
_ENTITIES = {"&": r"(?:&amp;|&)", "'": r"(?:'|&#39;|&apos;|&rsquo;|\u2019)", '"': r'(?:"|&quot;)', "<": "(?:<|&lt;)", ">": "(?:>|&gt;)"}


def line_in(text: str, words: str, *, after: int = 0) -> int:
    """The line (from 1) of `text` on which `words` start; 0 when they are not found as they stand."""
    wanted = words.split()[:WORDS]
    if not wanted:
        return 0
    pattern = _BETWEEN.join("".join(_ENTITIES.get(c, re.escape(c)) for c in w) for w in wanted)
    found = re.search(pattern, text[after:])
    return text.count("\n", 0, after + found.start()) + 1 if found else 0


def _from_here(path: str) -> str:
    try:
        return pathlib.Path(path).resolve().relative_to(pathlib.Path.cwd()).as_posix()
    except ValueError:
        return pathlib.PurePath(path).as_posix()


def in_files(paths: Mapping[str, str]) -> Where:
    """(path from the working folder, line from 1 or 0) of a judgement; `paths` leads from a page's source to its file.

    Pages that are no files keep their source. A file that has gone since is no error: its findings lose their line.
    """
    texts: dict[str, str] = {}

    def where(audited: PageAudit, judgement: Judgement) -> tuple[str, int]:
        source = audited.page.source
        path = paths.get(source)
        named = _SELECTOR.match(judgement.claim.selector)
        line = int(named[1]) if named else 0
        if path is None:
            return source, line
        if not line and path.lower().endswith((".html", ".htm", ".xhtml")):
            if path not in texts:
                try:
                    texts[path] = pathlib.Path(os.fspath(path)).read_text(encoding="utf-8", errors="replace")
                except OSError:
                    texts[path] = ""
            body = max(0, texts[path].lower().find("<body"))
            line = line_in(texts[path], judgement.claim.text, after=body) or line_in(texts[path], judgement.claim.text)
        return _from_here(path), line

    return where
