"""Links of a scorecard: to the sentence on the live page, to the place in the documentation. Anything but http(s) gives ""."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Sequence

from pipeline.report.document import is_url
from pipeline.report.hostile import one_line, safe_link

# A quote longer than this is named by its first and last words, as text fragments allow.
WHOLE = 80
EDGE_WORDS = 4


def _piece(words: list[str]) -> str:
    # A dash, comma or ampersand has a meaning of its own inside a text fragment.
    return urllib.parse.quote(" ".join(words), safe="").replace("-", "%2D")


def text_fragment(quote: str) -> str:
    """`#:~:text=...` without the `#`, leading a browser to `quote`; "" for a quote that has no words."""
    clean = re.sub(r"\s+", " ", "".join(c for c in quote if c.isprintable() or c.isspace())).strip()
    words = clean.encode("utf-8", "ignore").decode().split()
    if not words:
        return ""
    if len(clean) <= WHOLE or len(words) <= 2 * EDGE_WORDS:
        return f":~:text={_piece(words)}" if len(clean) <= 4 * WHOLE else ""
    return f":~:text={_piece(words[:EDGE_WORDS])},{_piece(words[-EDGE_WORDS:])}"


def link_to(source: str, quote: str = "") -> str:
    """The address of `source`, at `quote` where given; "" for a path, as its reader may not have the folder."""
    link = safe_link(source) if is_url(source) else ""
    fragment = text_fragment(quote) if link and quote else ""
    if not fragment:
        return link
    return f"{link}{'' if '#' in link else '#'}{fragment}"


def common_root(sources: Sequence[str]) -> str:
    """`https://host` when all `sources` are of one host, else ""."""
    roots = {urllib.parse.urljoin(s, "/") if is_url(s) else "" for s in sources}
    return roots.pop().rstrip("/") if len(roots) == 1 else ""


def page_name(source: str, root: str) -> str:
    """A page's or document's name as shown: its path below `root`, else the whole source."""
    name = source.removeprefix(root) if root else source
    return "/ (home page)" if root and name in {"", "/"} else one_line(name) or "(no name)"
