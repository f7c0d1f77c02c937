"""Drift over the nights: each changed page against its baseline, and alarms that two nights confirm.

A page's baseline is its first audit under tonight's models and configuration; notes beside the stored page carry it on from night to night.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import report
from pipeline.drift import Alarm, Night, Snapshot, compare_page, watch
from pipeline.embed import Encoder
from pipeline.store.runs import NIGHTLY, PageVersion, Run, RunStore

# Nights that a series looks back.
LOOK_BACK = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAlarm:
    """An alarm over one page, or over the whole site where `source` is ""."""

    source: str
    alarm: Alarm


def unwatched(runs: RunStore, run: Run) -> list[str]:
    """Pages of `run` that have not been held against a baseline yet."""
    return [source for source, page in runs.pages_of(run.id).items() if "baseline" not in page.notes]


def note_drift(runs: RunStore, run: Run, open_encoder: Callable[[], Encoder]) -> int:
    """Compares pages that `run` audited anew with their baselines and writes the result beside them; gives the number of comparisons."""
    pages = runs.pages_of(run.id)
    notes: dict[str, dict[str, Any]] = {}
    encoder: Encoder | None = None
    for source in unwatched(runs, run):
        now = pages[source]
        former = runs.former_page(run.product, source, run.id)
        baseline = str(former.notes.get("baseline", "")) if former else ""
        if not baseline:
            notes[source] = {"baseline": now.part, "instrument": _instrument(run), "drifting": False}
            continue
        assert former is not None
        if former.notes.get("instrument") != _instrument(run):
            notes[source] = {"baseline": now.part, "instrument": _instrument(run), "drifting": False}
            continue
        encoder = encoder or open_encoder()
        parts = runs.parts_of([baseline, now.part])
        before, after = (
            Snapshot(source=source, sentences=report.page_from(parts[p]).sentences, instrument=run.instrument)
            for p in (baseline, now.part)
        )
        found = compare_page(before, after, encoder)
        notes[source] = {
            "baseline": baseline, "instrument": _instrument(run), "drifting": found.drifting, "rise": found.rise, "p": found.p,
        }  # fmt: skip
    runs.set_notes(run.product, notes)
    return sum("p" in n for n in notes.values())


def _instrument(run: Run) -> str:
    return f"{run.instrument}/{run.config_hash}"


def alarms_of(runs: RunStore, run: Run) -> tuple[PageAlarm, ...]:
    """Alarms that `run` confirms: of the site as a whole, and of each page that is marked as drifting."""
    nights = [r for r in reversed(runs.runs(run.product, kind=NIGHTLY, limit=LOOK_BACK)) if r.id <= run.id]
    out = []
    site = [
        Night(
            date=r.started_at, value=r.summary.get("scores", {}).get("generic_share"), drifting=False,
            instrument=_instrument(r),
        )
        for r in nights
    ]  # fmt: skip
    out += [PageAlarm(source="", alarm=a) for a in watch(site) if a.confirmed == run.started_at]
    for source, page in runs.pages_of(run.id).items():
        if not page.notes.get("drifting"):
            continue
        series = _series(runs.page_history(run.product, source), nights)
        out += [PageAlarm(source=source, alarm=a) for a in watch(series) if a.confirmed == run.started_at]
    return tuple(out)


def _series(history: Sequence[PageVersion], nights: Sequence[Run]) -> list[Night]:
    series = []
    for run in nights:
        here = next((v for v in history if v.run_from <= run.id and (v.run_to is None or run.id <= v.run_to)), None)
        series.append(
            Night(
                date=run.started_at,
                value=None if here is None else here.scores.get("generic_share"),
                drifting=here is not None and bool(here.notes.get("drifting")),
                instrument=_instrument(run),
            )
        )
    return series
