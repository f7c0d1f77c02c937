"""What changed since the last run, in plain words: one line a change, the weighty kinds first."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import Change, Changes, Verdict
from pipeline.report.links import page_name
from pipeline.report.thresholds import MOST_CHANGES
from pipeline.report.wording import SIGNS, VERDICTS, day, plural

KINDS = (
    ("worsened", "Got worse", "The page or the docs changed, and the gap grew."),
    ("new", "New", "Not there last time."),
    ("returned", "Came back", "Was mended or waived before."),
    ("fixed", "Mended", "Nothing left to do."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One change: where, the words, and the verdict before and after ("" where the claim did not stand)."""

    page: str
    claim: str
    before: str
    after: str
    verdict: str
    sign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindView:
    """All changes of one kind; `more` were cut."""

    key: str
    label: str
    meaning: str
    count: int
    changes: tuple[ChangeView, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesView:
    """Since when, in one sentence, and the kinds that occur."""

    since: str
    sentence: str
    kinds: tuple[KindView, ...]


def _view(change: Change, root: str) -> ChangeView:
    seen: Verdict | None = change.after or change.before
    return ChangeView(
        page=page_name(change.page, root),
        claim=change.claim,
        before="" if change.before is None else VERDICTS[change.before][0],
        after="" if change.after is None else VERDICTS[change.after][0],
        verdict="" if seen is None else seen.value,
        sign="" if seen is None else SIGNS[seen],
    )


def changes_view(changes: Changes, root: str = "") -> ChangesView:
    """The changes as shown, pages named without `root`; every kind says how many it holds."""
    kinds = []
    for key, label, meaning in KINDS:
        found: tuple[Change, ...] = getattr(changes, key)
        if found:
            shown = tuple(_view(c, root) for c in found[:MOST_CHANGES])
            kinds.append(
                KindView(key=key, label=label, meaning=meaning, count=len(found), changes=shown, more=len(found) - len(shown))
            )
    said = [f"{k.count:,} {k.label.lower()}" for k in kinds]
    stayed = f"{plural(changes.unchanged, 'finding')} as before"
    return ChangesView(since=day(changes.since), sentence=", ".join([*said, stayed]) + ".", kinds=tuple(kinds))
