"""Which findings a reader sees first: overpromises sorted by risk, the same sentence on many pages told once. Nothing is cut here silently."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import OVERPROMISES, Audit, Judgement, PageAudit, Verdict
from pipeline.report.document import pages_by_name, reading_order

# Below this the verdict is shown as unsure; a coin with seven sides that is right less than half of the time is a guess.
UNSURE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An overpromise on a page; `also` are the other places where the same words stand with the same verdict."""

    number: int
    judgement: Judgement
    audited: PageAudit
    also: tuple[PageAudit, ...] = ()


def riskiest(judgement: Judgement) -> tuple[float, float, float]:
    """Sort key: greatest risk first, then the surer, then the louder."""
    return (-judgement.risk, -judgement.overpromise, -judgement.claim.prominence)


def findings(audit: Audit) -> list[Finding]:
    """Every overpromise, riskiest first, numbered from 1 in that order."""
    found = [(j, p) for p in pages_by_name(audit) for j in reading_order(p.judgements) if j.verdict in OVERPROMISES]
    found.sort(key=lambda x: riskiest(x[0]))
    return [Finding(number=n, judgement=j, audited=p) for n, (j, p) in enumerate(found, 1)]


def fix_first(audit: Audit, most: int) -> list[Finding]:
    """The `most` riskiest findings; a sentence that stands in several places is one finding with its other places.

    Parts of one sentence with the same verdict and the same first quote are one finding too: a writer mends them at once.
    """
    first: dict[tuple[str, str, str], Finding] = {}
    also: dict[tuple[str, str, str], list[PageAudit]] = {}
    for found in findings(audit):
        judgement = found.judgement
        quote = " ".join((judgement.claim.quote or judgement.claim.text).lower().split())
        key = (quote.strip(" .!"), judgement.verdict.value, judgement.evidence[0].quote if judgement.evidence else "")
        if key not in first:
            first[key] = found
            also[key] = []
        else:
            also[key].append(found.audited)
    kept = list(first)[:most]
    return [Finding(number=first[k].number, judgement=first[k].judgement, audited=first[k].audited, also=tuple(also[k])) for k in kept]


def could_not_check(audit: Audit) -> list[tuple[str, int]]:
    """(why, number of claims) for what the documentation cannot settle or the verdict is unsure of; only what occurs."""
    judgements = [j for p in audit.pages for j in p.judgements]
    external = sum(j.verdict is Verdict.EXTERNAL for j in judgements)
    unsure = sum(unsure_of(j) for j in judgements)
    uncheckable = sum(j.verdict is Verdict.UNCHECKABLE for j in judgements)
    rows = [("need outside proof", external), ("have an unsure verdict: read both quotes yourself", unsure),
            ("hold nothing that can be checked", uncheckable)]
    return [(why, count) for why, count in rows if count]


def unsure_of(judgement: Judgement) -> bool:
    """Whether a person should read the quotes before acting on the verdict."""
    return judgement.verdict not in {Verdict.EXTERNAL, Verdict.UNCHECKABLE} and judgement.confidence < UNSURE
