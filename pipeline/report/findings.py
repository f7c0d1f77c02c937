"""Which findings a reader sees first: overpromises sorted by risk, the same sentence on many pages told once. Nothing is cut here silently."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import OVERPROMISES, Audit, BlockKind, Judgement, PageAudit, Region, Verdict
from pipeline.report.document import pages_by_name, reading_order
from pipeline.report.wording import plural, sure_of


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
    """The `most` riskiest of the sure findings; a sentence that stands in several places is one finding with its other places.

    When no finding is sure, the riskiest of the others stand here: an empty list would say that all is well.
    Parts of one sentence with the same verdict and the same first quote are one finding too: a writer mends them at once.
    """
    first: dict[tuple[str, str, str], Finding] = {}
    also: dict[tuple[str, str, str], list[PageAudit]] = {}
    every = findings(audit)
    for found in [f for f in every if sure_of(f.judgement)] or every:
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


def worth_a_look(audit: Audit) -> list[Finding]:
    """The findings that are not sure, riskiest first: a person reads both quotes before anybody acts."""
    return [f for f in findings(audit) if not sure_of(f.judgement)]


def table_rows(audit: Audit) -> int:
    """How many rows of tables stand on the pages and were not judged: a row makes sense only with its columns."""
    return sum(
        sum(
            b.kind is BlockKind.TABLE_ROW and b.region is Region.MAIN and n not in judged for n, b in enumerate(p.page.blocks)
        )
        for p in audit.pages
        for judged in [{j.claim.block for j in p.judgements}]
    )


def could_not_check(audit: Audit) -> list[tuple[str, str]]:
    """(how many of what, why) for what the documentation cannot settle; only what occurs."""
    judgements = [j for p in audit.pages for j in p.judgements]
    out = [
        (plural(sum(j.verdict is Verdict.EXTERNAL for j in judgements), "claim"), "need proof from outside: customers, ranks, rivals, savings"),
        (plural(sum(j.verdict is Verdict.UNCHECKABLE for j in judgements), "sentence"), "hold nothing that can be checked: opinion, mood, calls to action"),
        (plural(table_rows(audit), "table row"), "were read but not judged: plan tables on a page are not checked row by row yet"),
    ]
    return [(count, why) for count, why in out if not count.startswith("0 ")]
