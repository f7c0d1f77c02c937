"""News -> one letter for each route: only what is new, with both quotes, in plain text that nothing can be smuggled into.

What comes from pages and documents is hostile: it is cut to one line, its control characters are dropped, and the signs that mail, Slack and
Markdown read as markup or as a call to everybody are replaced by look-alikes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.compare import Finding, Rewording, Statement
from pipeline.config import Route
from pipeline.nightly.news import News
from pipeline.nightly.watch import PageAlarm

# Letters are read on telephones: so many items in full, then their number.
MOST = 20
MOST_CHARS = 300
LOOK_ALIKES = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "&": "＆",
        "@": "＠",
        "`": "'",
        "*": "∗",
        "_": "‗",
        "[": "(",
        "]": ")",
        "|": "¦",
        "~": "∼",
        "\\": "/",
    }
)
KINDS = {"new": "New", "worsened": "Got worse", "returned": "Came back"}
SAID = {
    "contradicted": "the docs say otherwise",
    "planned": "only planned",
    "qualified": "true only under a condition",
    "undocumented": "the docs are silent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one route is told. `items` counts the pieces of news in it."""

    title: str
    body: str
    items: int


def fenced(text: str, most: int = MOST_CHARS) -> str:
    """`text` as one harmless line."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    line = re.sub(r" +", " ", kept).strip().translate(LOOK_ALIKES)
    return line if len(line) <= most else line[: most - 1] + "…"


def _path(source: str) -> str:
    parts = urlsplit(source)
    return parts.path or "/" if parts.scheme else f"/{source.lstrip('/')}"


def _mine(route: Route, pages: Sequence[str], owner: str) -> bool:
    if route.owner and owner != route.owner:
        return False
    return not route.sections or any(_path(p).startswith(s) for p in pages for s in route.sections)


def letter_for(route: Route, news: News, alarms: Sequence[PageAlarm]) -> Letter | None:
    """The letter, or None where nothing of it concerns the route."""
    told = [f for f in news.told if _mine(route, f.shown.pages, f.shown.owner)]
    shown = {f.shown.fingerprint for f in told}
    stronger = [r for r in news.stronger if r.new.fingerprint not in shown and _mine(route, r.new.pages, "copy")]
    reopened = [s for s in news.reopened if s.fingerprint not in shown and _mine(route, s.pages, s.owner)]
    drift = [a for a in alarms if not a.source or _mine(route, [a.source], "copy")]
    items = len(told) + len(stronger) + len(reopened) + len(drift)
    if not items:
        return None
    old = {r.new.fingerprint: r for r in news.comparison.rewordings}
    lines: list[str] = []
    if news.instrument:
        lines += ["Models or settings changed tonight, so only what was written anew is listed.", ""]
    elif "docs" in news.run.changed:
        lines += ["The documentation changed since the last run; some of this may come from there.", ""]
    blocks = [
        *(_finding(f, old.get(f.shown.fingerprint)) for f in told),
        *(_reworded(r) for r in stronger),
        *(_reopened(s, news) for s in reopened),
        *(_drifting(a) for a in drift),
    ]
    for block in blocks[:MOST]:
        lines += [*block, ""]
    if len(blocks) > MOST:
        lines.append(f"And {len(blocks) - MOST} more: see the scorecard.")
    what = f"{items} thing{'' if items == 1 else 's'} to look at"
    return Letter(title=fenced(f"{news.run.product}: {what}", 150), body="\n".join(lines).rstrip() + "\n", items=items)


def _where(pages: Sequence[str]) -> str:
    more = f" and {len(pages) - 1} more" if len(pages) > 1 else ""
    return fenced(pages[0]) + more


def _finding(finding: Finding, rewording: Rewording | None) -> list[str]:
    shown = finding.shown
    out = [
        f"{KINDS[finding.kind]}: {SAID[shown.verdict.value]} ({_where(shown.pages)})",
        f"  Page: “{fenced(shown.page_quote)}”",
    ]
    if rewording is not None:
        out.append(f"  Was:  “{fenced(rewording.old.page_quote)}”")
    out.append(
        f"  Docs: “{fenced(shown.quote)}” ({fenced(shown.doc, 120)})"
        if shown.quote
        else "  Docs: nothing is said about it."
    )
    if shown.remedy:
        out.append(f"  Do:   {fenced(shown.remedy)}")
    return out


def _reworded(rewording: Rewording) -> list[str]:
    return [
        f"Promises more than before: {fenced(rewording.change.why)} ({_where(rewording.new.pages)})",
        f"  Page: “{fenced(rewording.new.page_quote)}”",
        f"  Was:  “{fenced(rewording.old.page_quote)}”",
    ]


def _reopened(statement: Statement, news: News) -> list[str]:
    note = news.settled[statement.fingerprint].note
    return [
        f"Open again, because {fenced(note)} ({_where(statement.pages)})",
        f"  Page: “{fenced(statement.page_quote)}”",
    ]


def _drifting(found: PageAlarm) -> list[str]:
    alarm, place = found.alarm, fenced(found.source) if found.source else "The site as a whole"
    said = f"{place}: {fenced(alarm.reason)}, generic share {alarm.before:.0f}% then, {alarm.value:.0f}% now."
    return [said, *(f"  New:  “{fenced(text)}”" for text in found.movers)]
