"""What is news about a stored night: the comparison with the night before, and what the ledger says about it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.compare import Comparison, Finding, Rewording, Statement, compare, statements
from pipeline.ledger import Ledger, Settled, State
from pipeline.reach import EXPECTED
from pipeline.records import Page, TrendPoint
from pipeline.store.runs import Run, RunStore

CLOSED = frozenset({State.ACCEPTED, State.WAIVED})
# Points of the trend that a scorecard shows.
POINTS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A night as people hear of it. `told` are the findings that are news: new, worsened or returned, and not settled by the ledger.

    `open` are all findings of tonight that nobody has accepted or waived. `instrument`: models or configuration changed, so only what was
    written anew on the site is news.
    """

    run: Run
    before: Run | None
    comparison: Comparison
    settled: Mapping[str, Settled]
    told: tuple[Finding, ...]
    stronger: tuple[Rewording, ...]
    reopened: tuple[Statement, ...]
    open: tuple[Statement, ...]
    instrument: bool


def before_of(runs: RunStore, run: Run) -> Run | None:
    """The finished nightly run before `run`."""
    return runs.former(run)


def news_of(
    runs: RunStore, run: Run, ledger: Ledger, *, today: datetime.date, still_said: Callable[[str], bool] | None = None
) -> News:
    """Compares `run` with the night before and settles its statements. Reopens, in the ledger, what has lapsed."""
    before = before_of(runs, run)
    document = runs.audit_of(run.id)
    old_pages = runs.audit_of(before.id)["pages"] if before else []
    retired = {e.fingerprint for e in ledger.list(State.RETIRED)}
    former = set(runs.seen_before(run.product, before.id)) if before else set()
    missed = {p["where"] for p in document["problems"] if p["kind"] not in EXPECTED}
    comparison = compare(old_pages, document["pages"], unread=missed, former=former | retired)
    now = statements(document["pages"])
    settled = ledger.settle(now.values(), today, still_said=still_said)
    done = {mark for mark, one in settled.items() if one.state in CLOSED}
    instrument = bool({"models", "config"} & set(run.changed))
    told: list[Finding] = []
    if before is not None:
        known = set(statements(old_pages))
        for finding in comparison.findings:
            shown = finding.shown
            if finding.kind not in {"new", "worsened", "returned"} or (instrument and shown.fingerprint in known):
                continue
            # A waiver is no licence to promise more: what got worse is told all the same.
            if shown.fingerprint in done and finding.kind != "worsened":
                continue
            told.append(finding)
    return News(
        run=run,
        before=before,
        comparison=comparison,
        settled=settled,
        told=tuple(told),
        stronger=tuple(r for r in comparison.strengthened if r.new.finding) if before else (),
        reopened=tuple(now[mark] for mark, one in settled.items() if one.reopened and mark in now),
        open=tuple(s for mark, s in now.items() if s.finding and mark not in done),
        instrument=instrument,
    )


def quotes_in(documents: Mapping[str, Page]) -> Callable[[str], bool]:
    """Whether a quote still stands, white space aside, in one of the documents as read tonight."""
    texts = [
        _folded(" ".join([b.text for b in page.blocks] + [b.reading for b in page.blocks]))
        for page in documents.values()
    ]

    def still_said(quote: str) -> bool:
        wanted = _folded(quote)
        return any(wanted in text for text in texts)

    return still_said


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def trend_of(runs: Sequence[Run]) -> tuple[TrendPoint, ...]:
    """Nightly runs (newest first, as the store gives them) -> the points of a chart, oldest first."""
    out: list[TrendPoint] = []
    former: tuple[str, str] | None = None
    for run in list(reversed(runs))[-POINTS:]:
        scores: Mapping[str, Any] = run.summary.get("scores", {})
        marks = (run.instrument, run.config_hash)
        out.append(
            TrendPoint(
                at=run.finished_at or run.started_at,
                proof_rate=scores.get("proof_rate"),
                overpromise_risk=scores.get("overpromise_risk"),
                generic_share=scores.get("generic_share"),
                claims=int(scores.get("claims") or 0),
                judged=int(scores.get("judged") or 0),
                instrument=former is not None and marks != former,
            )
        )
        former = marks
    return tuple(out)
