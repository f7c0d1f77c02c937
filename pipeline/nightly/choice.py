"""Which pages must be audited tonight: new text, other models, or documentation that their claims rest on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pipeline import report
from pipeline.nightly.places import Place
from pipeline.records import Claim, Page, Problem
from pipeline.store.runs import RunStore, StoredPage

# (claims, documents) -> for each claim whether its retrieval gives a passage of one of the documents.
Reached = Callable[[Sequence[Claim], Collection[str]], Sequence[bool]]


def documents_of(
    places: tuple[Place, ...], before: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, Page], list[Problem]]:
    """({source: "text hash:body hash"}, pages that had to be read for it, problems). A body that is as it was is not read."""
    from pipeline.nightly.marks import text_hash

    marks: dict[str, str] = {}
    pages: dict[str, Page] = {}
    problems: list[Problem] = []
    for place in places:
        text, _, body = before.get(place.source, "").partition(":")
        if not text or body != place.body:
            page = place.read()
            if isinstance(page, Problem):
                problems.append(page)
                continue
            pages[place.source] = page
            text = text_hash(page)
        marks[place.source] = f"{text}:{place.body}"
    return marks, pages, problems


def texts_of(marks: Mapping[str, str]) -> dict[str, str]:
    """{source: text hash} without the hashes of bodies."""
    return {source: mark.partition(":")[0] for source, mark in marks.items()}


def rejudged(
    runs: RunStore,
    pages: Mapping[str, StoredPage],
    before: Mapping[str, str],
    now: Mapping[str, str],
    reached: Reached,
    *,
    renew: Callable[[], None],
) -> set[str]:
    """Sources of pages with a claim that changed documentation can turn: one that quotes or was near a changed or removed document, and, where
    documents came or changed, one on which the docs were silent, or whose retrieval reaches the new text. `renew` is called page by page."""
    other = {doc for doc in before.keys() | now.keys() if before.get(doc) != now.get(doc)}
    if not other:
        return set()
    spoken = {doc for doc in other if doc in now}
    content = runs.parts_of(p.part for p in pages.values())
    touched = {source for source, page in pages.items() if _touched(content[page.part], other, bool(spoken))}
    if spoken:
        for source in sorted(pages.keys() - touched):
            renew()
            claims = [j.claim for j in report.page_from(content[pages[source].part]).judgements]
            if claims and any(reached(claims, spoken)):
                touched.add(source)
    return touched


def _touched(page: Mapping[str, Any], documents: set[str], spoken: bool) -> bool:
    for claim in page["claims"]:
        if spoken and claim["verdict"] == "undocumented":
            return True
        if any(row["doc"] in documents for row in (*claim["evidence"], *claim["candidates"])):
            return True
    return False
