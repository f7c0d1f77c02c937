"""JSON as people write it into pages: with comments, last commas, raw line breaks in strings and XHTML wrappers.

Reads in one pass: text from a page must not be able to cost more than its length.
"""

from __future__ import annotations

import json
import re
from typing import Any

TOKEN = re.compile(r'"|//|/\*')
STRING_END = re.compile(r'(?:[^"\\]|\\.)*+"', re.S)
LAST_COMMA = re.compile(r",(?=\s*+[}\]])")
WRAPPERS = re.compile(r"<!--|-->|<!\[CDATA\[|\]\]>")


def read_json(text: str) -> Any:
    """What `text` says. Raises ValueError where that is no JSON even so, RecursionError for absurd nesting."""
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return json.loads(_plain(text), strict=False)


def _plain(text: str) -> str:
    """`text` without what JSON does not know; strings stay as they are."""
    out: list[str] = []
    between: list[str] = []
    at = 0

    def close() -> None:
        out.append(LAST_COMMA.sub("", WRAPPERS.sub("", "".join(between))))
        between.clear()

    while (token := TOKEN.search(text, at)) is not None:
        between.append(text[at : token.start()])
        if token.group() == '"':
            end = STRING_END.match(text, token.end())
            if end is None:
                raise ValueError("a string without an end")
            close()
            out.append(text[token.start() : end.end()])
            at = end.end()
            continue
        at = text.find("\n" if token.group() == "//" else "*/", token.end())
        if at < 0:
            at = len(text)
        at += 2 if token.group() == "/*" else 0
    between.append(text[at:])
    close()
    return "".join(out)
