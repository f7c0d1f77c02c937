"""Text from crawled pages made harmless for the place where it is shown; the words themselves stay.

HTML is escaped by the templates. Here stand what escaping does not cover: control characters, bidirectional controls that reorder a
line, terminal escapes, spreadsheet formulas, Markdown and links.
"""

from __future__ import annotations

import re
import urllib.parse

# C0 and C1 controls without tab and newline, bidirectional controls, invisible tags, noncharacters, lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ufffe\uffff"
                      "\ud800-\udfff\U000e0000-\U000e007f]")
# An escape sequence is taken out whole: its letters mean nothing to a reader.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[PX^_][^\x1b]{0,4096}\x1b\\|[ -/]*[0-~])"
                     r"|\x9b[0-?]*[ -/]*[@-~]")
_MARKDOWN = re.compile(r"([\\`*_\[\]{}<>|~#@!&])")
# What a spreadsheet takes as the start of a formula, also behind blanks and in full-width form.
_FORMULA = re.compile("^[\\s\u200b\ufeff\u00a0'\"]*[=+\\-@|%\uff1d\uff0b\uff0d\uff20\u2212\u2013]|^[\t\r\n]")
_SPACE = re.compile(r"\s+")


def shown(text: str) -> str:
    """`text` for a page or a workbook: control and bidirectional characters become U+FFFD, so that they are seen, not obeyed."""
    return _CONTROL.sub("\ufffd", _ESCAPE.sub("\ufffd", text))


def one_line(text: str) -> str:
    """`shown` on one line."""
    return _SPACE.sub(" ", shown(text)).strip()


def for_terminal(text: str) -> str:
    """One printable line: escape sequences and controls taken out, nothing left that moves a cursor or reorders the line."""
    return _SPACE.sub(" ", _CONTROL.sub("", _ESCAPE.sub("", text))).strip()


def csv_cell(text: str) -> str:
    """`text` that no spreadsheet runs: an apostrophe stands before what would start a formula."""
    clean = shown(text)
    return "'" + clean if _FORMULA.match(clean) else clean


def markdown(text: str) -> str:
    """`text` as Markdown that shows it as it stands: no tags, links, mentions, tables or emphasis."""
    return _MARKDOWN.sub(r"\\\1", one_line(text)).replace("://", ":\u2060//")


def safe_link(target: str) -> str:
    """`target` when it is an http(s) address or a plain relative path, percent-encoded; else an empty string.

    `javascript:`, `data:`, `file:` and every other scheme give "", as do `//host`, control characters and back slashes.
    """
    if not target or _CONTROL.search(target) or any(c in target for c in "\\\t\n\r "):
        target = target.strip(" ")
        if not target or _CONTROL.search(target) or any(c in target for c in "\\\t\n\r"):
            return ""
    try:
        parts = urllib.parse.urlsplit(target)
        parts.port  # noqa: B018  (a port that is no number raises here)
    except ValueError:
        return ""
    if parts.scheme.lower() in {"http", "https"}:
        if not parts.hostname or parts.username or parts.password:
            return ""
    elif parts.scheme or parts.netloc or target.startswith("//") or ":" in target.split("/")[0]:
        return ""
    return urllib.parse.quote(target, safe="/:?#[]@!$&()*+,;=%-._~")
