"""MDX -> the Markdown in it: imports, exports, expressions and component tags become blanks, so that every line keeps its number.

What components show to a reader stays: the text between their tags, and attributes that are copy (`title="Ship on Friday"`), which are
given beside the text. Code fences and `code` are left alone. Nothing is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Attributes whose string a component prints; a class name, an icon or an address is none.
SHOWN = frozenset(
    {"title", "subtitle", "heading", "subheading", "headline", "description", "label", "text", "tagline", "eyebrow", "question", "answer",
     "caption", "quote", "cta", "summary"}
)  # fmt: skip
ESM = re.compile(
    r"(?:import\s+(?:[\"'{*]|[\w$]+\s*(?:,|\s+from\b))|export\s+(?:default|const|let|var|function|async|class|type|interface|\{|\*))"
)
_FENCE = re.compile(r"[ \t]*(?:>[ \t]*)*(```+|~~~+)")
_COMPONENT = re.compile(r"</?(?=[A-Z>]|[a-z][\w.-]*\s[^<>]*\{)")
_TICKS = re.compile(r"`+")
_NAMED = re.compile(r"""([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|\{\s*"([^"]*)"\s*\}|\{\s*'([^']*)'\s*\}|\{\s*`([^`$]*)`\s*\})""")
# A tag or expression longer than this is not closed: it is left as it stands.
LONGEST = 20_000
# So many times may something open and not close before the rest is taken as it stands: hostile text must not be read for minutes.
MOST_UNCLOSED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Copy in an attribute: `line` from 0, `text` as it stands in the source."""

    line: int
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mdx:
    """`text` has as many lines as the source; `shown` are the attributes in reading order."""

    text: str
    shown: tuple[Shown, ...]


def is_mdx(text: str, source: str) -> bool:
    """Whether `text` is MDX: by its name, or by an import or export at its start (`.md` files of many site makers are MDX too)."""
    if source.lower().split("?")[0].endswith(".mdx"):
        return True
    first = next((line for line in text.split("\n") if line.strip()), "")
    return bool(ESM.match(first))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _without_modules(lines: list[str]) -> list[str]:
    """Imports and exports blanked; such a block ends at the next empty line, as in MDX itself."""
    out, fence, inside, empty = [], "", False, True
    for line in lines:
        mark = _FENCE.match(line)
        if mark and not inside:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        if not line.strip():
            inside = False
        elif not fence and (empty or inside) and ESM.match(line):
            inside = True
        out.append(_blank(line) if inside else line)
        empty = not line.strip() or inside
    return out


def _closing(text: str, start: int, end: str) -> int:
    """The place after the `end` that closes what opens at `start`: strings and braces are stepped over. -1 when nothing closes it."""
    depth, quote, place = 0, "", start
    last = min(len(text), start + LONGEST)
    while place < last:
        char = text[place]
        if quote:
            if char == "\\":
                place += 1
            elif char == quote:
                quote = ""
        elif char == end and depth == 0:
            return place + 1
        elif char in "\"'`" and (depth or end == ">"):
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0 and end == "}":
                return place + 1
        place += 1
    return -1


def _code(text: str, place: int) -> tuple[int, bool]:
    """(the place after the `code` that starts at `place`, True), or after its back ticks and False when nothing closes it."""
    opened = _TICKS.match(text, place)
    after = opened.end() if opened else place + 1
    ticks = after - place
    close = next((m for m in _TICKS.finditer(text, after, after + LONGEST) if m.end() - m.start() == ticks), None)
    return (close.end(), True) if close else (after, False)


def read_mdx(text: str, *, inline: bool = True) -> Mdx:
    """The Markdown of `text`. `inline` also blanks tags and expressions beside words; documentation keeps those, as its quotes stay verbatim."""
    text = "\n".join(_without_modules(text.split("\n")))
    out: list[str] = []
    shown: list[Shown] = []
    place, fence, unclosed = 0, "", 0
    while place < len(text):
        if unclosed > MOST_UNCLOSED:
            out.append(text[place:])
            break
        if place == 0 or text[place - 1] == "\n":
            mark = _FENCE.match(text, place)
            if mark:
                fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
            if mark or fence:
                end = text.find("\n", place)
                end = len(text) if end < 0 else end + 1
                out.append(text[place:end])
                place = end
                continue
        char = text[place]
        end = place + 1
        if char == "`":
            end, closed = _code(text, place)
            unclosed += not closed
        elif char == "\\":
            end = min(len(text), place + 2)
        elif char == "<" and _COMPONENT.match(text, place):
            close = _closing(text, place + 1, ">")
            if close > 0 and (inline or _alone(text, place, close)):
                shown += _attributes(text, place, close)
                out.append(_blank(text[place:close]))
                place = close
                continue
            unclosed += close < 0
        elif char == "{":
            close = _closing(text, place, "}")
            if close > 0 and (inline or _alone(text, place, close)):
                out.append(_blank(text[place:close]))
                place = close
                continue
            unclosed += close < 0
        out.append(text[place:end])
        place = end
    return Mdx(text="".join(out), shown=tuple(shown))


def _alone(text: str, start: int, end: int) -> bool:
    """Whether nothing else stands on the lines of `text[start:end]`."""
    stop = text.find("\n", end)
    before, after = text[text.rfind("\n", 0, start) + 1 : start], text[end : len(text) if stop < 0 else stop]
    return not before.strip() and not after.strip()


def _attributes(text: str, start: int, end: int) -> list[Shown]:
    found = []
    for match in _NAMED.finditer(text, start, end):
        value = next((g for g in match.groups()[1:] if g is not None), "")
        if match[1].lower() in SHOWN and value.strip():
            found.append(Shown(line=text.count("\n", 0, match.start()), name=match[1].lower(), text=value))
    return found
