"""Generic copy as JSON and back, and in plain words for the scorecard: which pages, which twins, which phrases, what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.generality import (
    Clone,
    KindDeviation,
    PageCopy,
    PageKind,
    PageTopic,
    Replacement,
    Share,
    Stuffing,
    Voice,
)
from pipeline.records import Audit, PageAudit
from pipeline.report.wording import percent, plural, points

KINDS = {
    PageKind.HOME: "home page", PageKind.PRODUCT: "product page", PageKind.PRICING: "pricing page", PageKind.SOLUTION: "solution page",
    PageKind.COMPARISON: "comparison page", PageKind.LANDING: "search landing page", PageKind.BLOG: "article", PageKind.COMPANY: "company page",
}  # fmt: skip
# A page is named when it stands this many robust deviations above its kind, and at least so many points.
ABOVE, POINTS = 2.0, 6.0
MOST = 10


def copy_object(copy: PageCopy) -> dict[str, Any]:
    """A page's `copy`: kind, share with interval, usual share of its kind, stuffing, topic, what would make sentences specific."""
    usual, topic = copy.usual, copy.topic
    return {
        "kind": copy.kind.value,
        "share": asdict(copy.share),
        "usual": None if usual is None else {"share": usual.usual, "deviations": usual.deviations, "pages": usual.pages},
        "stuffing": [asdict(s) for s in copy.stuffing],
        "topic": None
        if topic is None
        else {
            "similarity": topic.similarity,
            "deviations": topic.deviations,
            "unknown": topic.unknown,
            "farthest": list(topic.farthest),
        },
        "make_specific": [asdict(r) for r in copy.replacements],
    }


def copy_from(found: Mapping[str, Any], source: str) -> PageCopy:
    """What `copy_object` made the object of."""
    kind, share = PageKind(found["kind"]), Share(**found["share"])
    usual, topic = found["usual"], found["topic"]
    return PageCopy(
        kind=kind,
        share=share,
        usual=None
        if usual is None
        else KindDeviation(
            source=source, kind=kind, share=share.value or 0.0, usual=usual["share"], deviations=usual["deviations"], pages=usual["pages"]
        ),
        stuffing=tuple(Stuffing(**s) for s in found["stuffing"]),
        topic=None if topic is None else PageTopic(**{**topic, "source": source, "farthest": tuple(topic["farthest"])}),
        replacements=tuple(Replacement(**r) for r in found["make_specific"]),
    )  # fmt: skip


def clone_object(clone: Clone) -> dict[str, Any]:
    """Two pages that are one page with words changed."""
    return {"first": clone.first, "second": clone.second, "same": clone.same, "changed": [list(c) for c in clone.changed]}


def clone_from(found: Mapping[str, Any]) -> Clone:
    """What `clone_object` made the object of."""
    return Clone(
        first=found["first"], second=found["second"], same=found["same"],
        changed=tuple((str(a), str(b)) for a, b in found["changed"]),
    )  # fmt: skip


def voice_object(voice: Voice) -> dict[str, Any]:
    """How much copy speaks of one documented capability."""
    return asdict(voice)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLine:
    """One line of the section: the page, what is the matter, and what to do."""

    page_name: str
    page_anchor: str
    what: str
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementView:
    """A generic sentence with a documented capability to put there."""

    text: str
    page_name: str
    page_anchor: str
    capability: str
    quote: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceView:
    """A documented capability and how much of the copy speaks of it."""

    capability: str
    share: str
    pages: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyView:
    """The section on generic copy."""

    lines: tuple[CopyLine, ...]
    more: int
    replacements: tuple[ReplacementView, ...]
    more_replacements: int
    voices: tuple[VoiceView, ...]
    measured: bool


def copy_view(audit: Audit, names: Mapping[str, str], anchors: Mapping[str, str]) -> CopyView:
    """Ready words; `names` and `anchors` map the source of a page to its shown name and its anchor."""
    looked = sorted((p for p in audit.pages if p.copy is not None), key=lambda p: p.page.source)

    def line(source: str, what: str, task: str) -> CopyLine:
        return CopyLine(page_name=names.get(source, source), page_anchor=anchors.get(source, ""), what=what, task=task)

    lines = []
    for clone in audit.clones:
        changed = "; ".join(f"“{a}” became “{b}”" for a, b in clone.changed[:3])
        what = f"Says the same as {names.get(clone.second, clone.second)}: {percent(clone.same)} of the words"
        lines.append(line(clone.first, f"{what}{f' ({changed})' if changed else ''}.", "Keep one, or say what is true only for each."))
    for audited in looked:
        lines += [line(audited.page.source, what, task) for what, task in _of_page(audited)]
    offers = [(r, p.page.source) for p in looked if p.copy is not None for r in p.copy.replacements]
    # The most generic first, in steps of a tenth; within a step the surest offer.
    offers.sort(key=lambda x: (-round(x[0].generic, 1), -round(x[0].similarity, 4), x[0].sentence, x[1]))
    told: dict[str, ReplacementView] = {}
    for offer, source in offers:
        told.setdefault(
            offer.sentence,
            ReplacementView(
                text=offer.sentence, page_name=names.get(source, source), page_anchor=anchors.get(source, ""),
                capability=offer.capability, quote=offer.quote, doc=offer.doc,
            ),
        )  # fmt: skip
    views = list(told.values())
    return CopyView(
        lines=tuple(lines[: 2 * MOST]),
        more=max(0, len(lines) - 2 * MOST),
        replacements=tuple(views[:MOST]),
        more_replacements=max(0, len(views) - MOST),
        voices=tuple(
            VoiceView(capability=v.capability, share=percent(v.share), pages=plural(v.pages, "page"), sentence=v.sentence)
            for v in audit.voices[:MOST]
        ),
        measured=bool(looked),
    )


def _of_page(audited: PageAudit) -> list[tuple[str, str]]:
    copy = audited.copy
    out: list[tuple[str, str]] = []
    if copy is None:
        return out
    usual, kind = copy.usual, KINDS[copy.kind]
    if usual is not None and usual.deviations >= ABOVE and usual.share - usual.usual >= POINTS:
        out.append(
            (
                f"{points(usual.share)}% generic, where {usual.pages} comparable pages have {points(usual.usual)}% ({kind}).",
                "Say what only this product does.",
            )
        )
    # An article or a page about the firm may well speak of something else.
    if copy.topic is not None and copy.topic.unknown and copy.kind not in (PageKind.BLOG, PageKind.COMPANY):
        far = f" Farthest from it: “{copy.topic.farthest[0]}”" if copy.topic.farthest else ""
        out.append((f"Speaks of something that the documentation does not know.{far}", "Document it, or move the page closer to the product."))
    for stuffed in copy.stuffing[:1]:
        headings = f", in {stuffed.headings} of {stuffed.of_headings} headings" if stuffed.headings else ""
        out.append(
            (f"Repeats “{stuffed.phrase}” {stuffed.count} times ({percent(stuffed.share)} of its words{headings}).", "Say it once, then say what it does.")
        )
    return out
