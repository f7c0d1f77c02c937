"""Two audits of one product: what came, what went, what turned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.fingerprint import fingerprint
from pipeline.records import OVERPROMISES, Verdict
from pipeline.report.wording import SIGNS, VERDICTS
from pipeline.store.runs import page_source

# How far a verdict is from what the docs show; a step up is worse.
STEPS = {
    Verdict.SUPPORTED: 0, Verdict.UNCHECKABLE: 0, Verdict.EXTERNAL: 0, Verdict.UNDOCUMENTED: 1, Verdict.QUALIFIED: 2, Verdict.PLANNED: 3,
    Verdict.CONTRADICTED: 4,
}  # fmt: skip
KINDS = (
    ("worse", "Got worse", "The copy or the docs changed, and the gap grew."),
    ("new", "New findings", "These sentences were not there before."),
    ("better", "Better", "Closer to the docs than before."),
    ("gone", "Gone", "Findings whose sentence is no longer there."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One claim and its verdict before and after; "" where it did not stand."""

    page: str
    claim: str
    before: str
    after: str
    verdict: str
    sign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Turns by kind, findings that stayed, and whether models or settings changed between."""

    kinds: tuple[tuple[str, str, str, tuple[Turn, ...]], ...]
    stayed: int
    instrument: bool


def _claims(document: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, Verdict]]:
    pages = document["pages"]
    # A single page may have moved, or have been pasted under another name; of a site each page stands for itself.
    alone = len(pages) == 1
    return {
        ("" if alone else page_source(page), fingerprint(row["claim"])): (row["claim"], Verdict(row["verdict"]))
        for page in pages
        for row in page["claims"]
    }


def _turn(key: tuple[str, str], claim: str, before: Verdict | None, after: Verdict | None) -> Turn:
    seen = after or before or Verdict.UNCHECKABLE
    return Turn(
        page=key[0], claim=claim, before=VERDICTS[before][0] if before else "", after=VERDICTS[after][0] if after else "",
        verdict=seen.value, sign=SIGNS[seen],
    )  # fmt: skip


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """What turned between two audit documents (schema 1)."""
    old, new = _claims(before), _claims(after)
    found: dict[str, list[Turn]] = {key: [] for key, _, _ in KINDS}
    stayed = 0
    for key, (claim, verdict) in new.items():
        was = old[key][1] if key in old else None
        if was is None:
            if verdict in OVERPROMISES:
                found["new"].append(_turn(key, claim, None, verdict))
        elif STEPS[verdict] > STEPS[was]:
            found["worse"].append(_turn(key, claim, was, verdict))
        elif STEPS[verdict] < STEPS[was]:
            found["better"].append(_turn(key, claim, was, verdict))
        elif verdict in OVERPROMISES:
            stayed += 1
    for key, (claim, verdict) in old.items():
        if key not in new and verdict in OVERPROMISES:
            found["gone"].append(_turn(key, claim, verdict, None))
    kinds = tuple((key, label, meaning, tuple(found[key])) for key, label, meaning in KINDS if found[key])
    return Comparison(kinds=kinds, stayed=stayed, instrument=dict(before["versions"]) != dict(after["versions"]))
