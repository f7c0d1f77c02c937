"""Drift over the nights: each changed page, each section and the site against their baselines, and alarms that two nights confirm.

A page's baseline is its first audit under tonight's models and configuration; notes beside the stored page carry it on from night to night, with what came and
went since, so that a section can be tested without reading its pages again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline import report
from pipeline.drift import Alarm, Night, Pool, SectionDrift, Snapshot, compare_page, compare_pools, pool_of, watch
from pipeline.embed import Encoder
from pipeline.report.sections import first_part
from pipeline.report.thresholds import SECTION_PAGES
from pipeline.store.runs import NIGHTLY, PageVersion, Run, RunStore, StoredPage

# Nights that a series looks back; that of a section is tested anew for each night, so it is shorter.
LOOK_BACK, SECTION_NIGHTS = 120, 30
MOVERS = 3  # sentences that are named with an alarm
SITE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAlarm:
    """An alarm over one page, over a section (`/blog/`) or over the whole site (SITE), with the new sentences that moved it most."""

    source: str
    alarm: Alarm
    movers: tuple[str, ...] = ()


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
            "pool": _kept(pool_of(found)),
            "movers": [[c.moved, c.new.text] for c in found.changes if c.new is not None and c.moved > 0][:MOVERS],
        }  # fmt: skip
    runs.set_notes(run.product, notes)
    return sum("p" in n for n in notes.values())


def _instrument(run: Run) -> str:
    return f"{run.instrument}/{run.config_hash}"


def _kept(pool: Pool | None) -> dict[str, Any] | None:
    """The pool as notes keep it, with no more digits than matter."""
    if pool is None:
        return None
    return {**asdict(pool), "scores": [round(x, 3) for x in pool.scores], "words": [round(x) for x in pool.words]}


def _pool(notes: Mapping[str, Any]) -> Pool | None:
    """The pool of a stored page. One that is still as its baseline has nothing in it; one with too little text has none."""
    if "pool" not in notes:
        return Pool() if "baseline" in notes else None
    kept = notes["pool"]
    return kept and Pool(rise=kept["rise"], scores=tuple(kept["scores"]), words=tuple(kept["words"]), came=kept["came"])


def _gathered(pages: Mapping[str, StoredPage]) -> dict[str, list[StoredPage]]:
    """The site and each section with some pages, by name."""
    counts = Counter(first_part(source) for source in pages)
    out: dict[str, list[StoredPage]] = {SITE: list(pages.values())}
    for source, page in pages.items():
        name = first_part(source)
        if name and SECTION_PAGES <= counts[name] < len(pages):
            out.setdefault(f"/{name}/", []).append(page)
    return out


def _in_shares(runs: RunStore, product: str, pages: Sequence[StoredPage], alarm: Alarm) -> Alarm:
    """An alarm over rises in points as one over the generic share of these pages, which is what people know."""
    latest = [history[-1].scores.get("generic_share") for p in pages if (history := runs.page_history(product, p.source))]
    shares = [float(s) for s in latest if s is not None]
    now = sum(shares) / len(shares) if shares else 0.0
    return replace(alarm, before=max(0.0, now - (alarm.value - alarm.before)), value=now)


def _section_series(runs: RunStore, nights: Sequence[Run]) -> dict[str, list[Night]]:
    """{section or SITE: its nights}, values in points of rise since the baselines; each held against the baselines of its pages, all sections of a night under one false-discovery rate."""
    out: dict[str, list[Night]] = {}
    known: dict[tuple[tuple[str, str], ...], tuple[dict[str, list[StoredPage]], dict[str, SectionDrift]]] = {}
    for run in nights[-SECTION_NIGHTS:]:
        pages = runs.pages_of(run.id)
        # A night without changes is the night before once more.
        key = tuple((source, page.part) for source, page in pages.items())
        if key not in known:
            gathered = _gathered(pages)
            pools = {n: [p for p in (_pool(page.notes) for page in held) if p is not None] for n, held in gathered.items()}
            site = compare_pools({SITE: pools.pop(SITE)})
            known[key] = gathered, {found.section: found for found in (*site, *compare_pools(pools))}
        gathered, tested = known[key]
        for name in gathered:
            out.setdefault(name, []).append(
                Night(date=run.started_at, value=tested[name].rise, drifting=tested[name].drifting, instrument=_instrument(run))
            )
    return out


def alarms_of(runs: RunStore, run: Run) -> tuple[PageAlarm, ...]:
    """Alarms that `run` confirms: of the site as a whole, of its sections, and of each page that is marked as drifting."""
    nights = [r for r in reversed(runs.runs(run.product, kind=NIGHTLY, limit=LOOK_BACK)) if r.id <= run.id]
    pages = runs.pages_of(run.id)
    gathered = _gathered(pages)
    # The site's own share over a long time, for what climbs too slowly to be told from chance on any night.
    slow = [
        Night(
            date=r.started_at, value=r.summary.get("scores", {}).get("generic_share"), drifting=False,
            instrument=_instrument(r),
        )
        for r in nights
    ]  # fmt: skip
    found = {SITE: [a for a in watch(slow) if a.confirmed == run.started_at]}
    for name, series in _section_series(runs, nights).items():
        raised = [a for a in watch(series) if a.confirmed == run.started_at]
        found.setdefault(name, []).extend(_in_shares(runs, run.product, gathered.get(name, []), a) for a in raised)
    out = [
        PageAlarm(source=name, alarm=alarms[0], movers=_movers(gathered.get(name, [])))
        for name, alarms in found.items()
        if alarms
    ]
    for source, page in pages.items():
        if not page.notes.get("drifting"):
            continue
        series = _series(runs.page_history(run.product, source), nights)
        out += [
            PageAlarm(source=source, alarm=a, movers=_movers([page])) for a in watch(series) if a.confirmed == run.started_at
        ]
    return tuple(out)


def _movers(pages: Sequence[StoredPage]) -> tuple[str, ...]:
    moved = [(-float(points), str(text)) for page in pages for points, text in page.notes.get("movers", [])]
    return tuple(text for _, text in sorted(set(moved))[:MOVERS])


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
