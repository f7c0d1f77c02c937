"""What a page is for, and how it compares with pages of its own kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline import rules
from pipeline.generality import KindDeviation, PageKind
from pipeline.records import Page


def page_kind(page: Page) -> PageKind:
    """The kind of a page by its path, then by its title; `product` when neither tells."""
    path = re.sub(r"^https?://[^/]+", "", page.source).split("?")[0].split("#")[0]
    path = re.sub(r"^/?(site/)?", "", path)
    path = re.sub(r"(index)?\.(html?|md|php)$|/$", "", path)
    if path in {"", "home", "index"} or re.fullmatch(r"[a-z]{2}(-[a-z]{2})?", path):
        return PageKind.HOME
    said = re.sub(r"[/_\-.]+", " ", path).strip()
    groups = rules.load("page_kinds")
    for text in (said, page.title):
        for name, group in groups.items():
            if group.search(text):
                return PageKind(name)
    return PageKind.PRODUCT


def compare_with_kind(
    shares: Mapping[str, float | None], kinds: Mapping[str, PageKind], *, min_pages: int = 4
) -> tuple[KindDeviation, ...]:
    """Each measured page against the median of its kind, most generic for its kind first.

    Deviations are in units of 1.4826 x the median absolute deviation, at least 3 points, so that a kind whose pages are alike does
    not raise alarms over nothing. Kinds with fewer than `min_pages` measured pages are compared with the whole site.
    """
    known = {source: value for source, value in shares.items() if value is not None}
    out = []
    for source, value in known.items():
        kind = kinds[source]
        same: Sequence[float] = [v for s, v in known.items() if kinds[s] is kind]
        if len(same) < min_pages:
            same = list(known.values())
        usual = float(np.median(same))
        spread = max(3.0, 1.4826 * float(np.median(np.abs(np.array(same) - usual))))
        out.append(
            KindDeviation(
                source=source,
                kind=kind,
                share=value,
                usual=round(usual, 1),
                deviations=round((value - usual) / spread, 2),
                pages=len(same),
            )
        )
    return tuple(sorted(out, key=lambda d: (-d.deviations, d.source)))
