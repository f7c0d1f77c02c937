"""Pages gathered by the first part of their path, and an audit narrowed to a section or a page with its own scores."""

from __future__ import annotations

import urllib.parse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.records import Audit, PageAudit, PageScore
from pipeline.report.document import is_url, pages_by_name
from pipeline.report.thresholds import SECTION_PAGES
from pipeline.score import MIN_CLAIMS, MIN_WORDS, score_page

SINGLE = "Single pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Pages that share the first part of their path, with the scores of all of them together."""

    name: str
    pages: tuple[PageAudit, ...]
    score: PageScore


def score_of(pages: Sequence[PageAudit]) -> PageScore:
    """The scores of these pages together, made as a site's are."""
    if len(pages) == 1:
        return pages[0].score
    return score_page(
        [s for p in pages for s in p.sentences],
        [j for p in pages for j in p.judgements],
        min_words=MIN_WORDS,
        min_claims=MIN_CLAIMS,
    )


def first_part(source: str) -> str:
    """`blog` of `https://h/blog/x`, `h/blog` is not told apart; "" for a page at the top."""
    path = urllib.parse.urlsplit(source).path if is_url(source) else source
    parts = [p for p in path.split("/") if p not in {"", "."}]
    if not parts:
        return ""
    # A folder's own page belongs to it; a file at the top does not make a section.
    return parts[0] if len(parts) > 1 or path.endswith("/") else parts[0] if "." not in parts[0] else ""


def sections(audit: Audit) -> list[Section]:
    """Sections by name, single pages last; [] when there is nothing to tell apart."""
    counts = Counter(first_part(p.page.source) for p in audit.pages)
    named = {n for n, c in counts.items() if n and c >= SECTION_PAGES}
    if not named:
        return []
    grouped: dict[str, list[PageAudit]] = {}
    for audited in pages_by_name(audit):
        part = first_part(audited.page.source)
        grouped.setdefault(part if part in named else SINGLE, []).append(audited)
    order = sorted(grouped, key=lambda n: (n == SINGLE, n))
    return [Section(name=n, pages=tuple(grouped[n]), score=score_of(grouped[n])) for n in order]


def narrowed(audit: Audit, pages: Sequence[PageAudit]) -> Audit:
    """The audit of these pages only: their scores, twins and problems; undersold features and what the copy speaks of are the site's."""
    kept = {p.page.source for p in pages}
    return replace(
        audit,
        pages=tuple(pages),
        score=score_of(pages),
        undersold=(),
        clones=tuple(c for c in audit.clones if c.first in kept or c.second in kept),
        voices=(),
        problems=tuple(p for p in audit.problems if p.where in kept),
    )
