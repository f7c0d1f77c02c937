"""Runs one product's night: crawl, audit what changed, store, compare, watch for drift, tell what is new.

Everything comes from --config: `product`, `targets`, `docs`, and the section `nightly`. The same command goes on with a run that was stopped or
killed. Ends with 0 (nothing to report), 1 (findings), 2 (bad usage or configuration), 3 (incomplete: out of time, or pages that could not be read).
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from typing import TYPE_CHECKING, Any

from pipeline.cli import Progress, fail_on, say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pipeline.ledger import Ledger
    from pipeline.nightly.figures import JsonLog
    from pipeline.nightly.news import News
    from pipeline.nightly.night import Night
    from pipeline.nightly.watch import PageAlarm
    from pipeline.store import Store
    from pipeline.store.runs import RunStore


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "--max-minutes", type=float, metavar="N", help="stop cleanly after so long; the next call goes on"
    )
    parser.add_argument("--full", action="store_true", help="audit every page anew")
    parser.add_argument("--fail-on-new", action="store_true", help="only findings that are new end with exit code 1")
    parser.add_argument(
        "--log", metavar="FILE", help="JSON lines about the run; - for the error stream (over nightly.log)"
    )
    parser.add_argument("--metrics", metavar="FILE", help="figures for Prometheus (over nightly.metrics)")


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """One night. Raises UsageError where the configuration names too little."""
    from pipeline.nightly.figures import JsonLog, write_metrics
    from pipeline.nightly.night import Options, run_night
    from pipeline.reach import open_store

    if args.max_minutes is not None and args.max_minutes <= 0:
        raise UsageError(f"--max-minutes is {args.max_minutes:g}: give more than 0.")
    wanted = fail_on(args, config)
    log = JsonLog(args.log if args.log is not None else config.nightly.log, config.product)
    began = time.monotonic()
    options = Options(
        deadline=None if args.max_minutes is None else began + 60 * args.max_minutes,
        full=args.full,
        progress=Progress(args.quiet),
        log=log,
    )
    with open_store(config) as store:
        after = _After(args, config, store, log)
        night = run_night(config, store, options, after)
    code = _code(args, night, after.news, wanted)
    if not args.quiet:
        for line in _lines(night, after.news, after.alarms, config):
            say(line)
    values = _values(night, after.news) | {"exit_code": int(code), "run_seconds": round(time.monotonic() - began, 1)}
    values |= {"last_run_timestamp_seconds": int(time.time())}
    place = args.metrics if args.metrics is not None else config.nightly.metrics
    if place:
        write_metrics(place, config.product, values)
    log("ended", exit_code=int(code), seconds=values["run_seconds"])
    return code


class _After:
    """What is done with a stored night while the lock is still held."""

    def __init__(self, args: argparse.Namespace, config: Config, store: Store, log: JsonLog) -> None:
        from pipeline.store.runs import RunStore

        self.args, self.config, self.store, self.log = args, config, store, log
        self.runs: RunStore = RunStore(store)
        self.news: News | None = None
        self.alarms: tuple[PageAlarm, ...] = ()

    def __call__(self, night: Night) -> None:
        from pipeline.ledger import open_ledger
        from pipeline.nightly.upkeep import keep_house

        ledger = open_ledger(self.config, self.store, self.config.product)
        for run in (night.before, night.run):
            # The run before is told of again only when that night was killed before its letters.
            if run is not None and (run is night.run or not self._told(run.id)):
                self._tell(run.id, ledger, night if run is night.run else None)
        if night.run is not None:
            self._write(night.run.id)
            keep_house(self.store, self.config)

    def _told(self, run_id: int) -> bool:
        from pipeline.store.decisions import Alerts

        return "done" in Alerts(self.store).sent(run_id)

    def _tell(self, run_id: int, ledger: Ledger, night: Night | None) -> None:
        from pipeline.audit import timestamp
        from pipeline.embed import open_encoder
        from pipeline.nightly.news import news_of, quotes_in
        from pipeline.nightly.post import tell
        from pipeline.nightly.watch import alarms_of, note_drift
        from pipeline.store.decisions import Alerts

        run = self.runs.run(run_id)
        note_drift(self.runs, run, lambda: open_encoder(self.config.models.retriever, self.config.cache_file))
        still: Any = None
        if night is not None:
            still = quotes_in(night.documents) if night.docs_changed and night.documents else (lambda _: True)
        if night is not None and night.before is None:
            still = None
        today = datetime.date.fromisoformat(timestamp()[:10])
        news = news_of(self.runs, run, ledger, today=today, still_said=still)
        alarms = alarms_of(self.runs, run)
        told, failed = tell(self.config.nightly.notify, news, alarms, Alerts(self.store))
        for name, items in told:
            self.log("told", run=run.id, route=name, items=items)
        for name in failed:
            self.log("not_told", run=run.id, route=name)
            sys.stderr.write(f"saysdoes: {name} could not be told; it is tried again with the next run.\n")
        if not failed:
            Alerts(self.store).note(run.id, "done", run.product, len(news.told))
        if night is not None:
            self.news, self.alarms = news, alarms

    def _write(self, run_id: int) -> None:
        from pipeline import report
        from pipeline.nightly.news import trend_of

        if not (self.args.html or self.args.json) or self.news is None:
            return
        audit = report.audit_from(self.runs.audit_of(run_id))
        runs = self.runs.runs(self.config.product, kind="nightly", limit=90)
        before = self.news.before
        changes = None if before is None else self.news.comparison.changes(before.finished_at or before.started_at)
        if self.args.json:
            report.write_json(audit, self.args.json, trend_of(runs), changes)
        if self.args.html:
            report.write_html(audit, self.args.html, trend_of(runs), changes)


def _code(args: argparse.Namespace, night: Night, news: News | None, wanted: frozenset[str]) -> ExitCode:
    from pipeline.nightly.night import unread

    if night.run is None or news is None or unread(night.problems):
        return ExitCode.INCOMPLETE
    found = [f.shown for f in news.told] if args.fail_on_new else list(news.open)
    return ExitCode.FINDINGS if any(s.verdict.value in wanted for s in found) else ExitCode.OK


def _values(night: Night, news: News | None) -> dict[str, Any]:
    values: dict[str, Any] = {"pages_audited": night.audited, "pages_kept": night.kept, "problems": len(night.problems)}
    if night.run is not None and news is not None:
        scores = night.run.summary.get("scores", {})
        values |= {name: scores.get(name) for name in ("proof_rate", "overpromise_risk", "generic_share")}
        values |= {
            "last_success_timestamp_seconds": int(time.time()),
            "pages": night.run.summary.get("nightly", {}).get("pages"),
            "claims": night.run.summary.get("claims"),
            "findings_open": len(news.open),
            "findings_new": len(news.told),
            "instrument_changed": int(news.instrument),
        }
    return values


def _lines(night: Night, news: News | None, alarms: tuple[PageAlarm, ...], config: Config) -> list[str]:
    from pipeline.nightly.letters import KINDS, SAID, fenced
    from pipeline.nightly.night import unread

    missing = [f"Not read: {fenced(p.where)}: {fenced(p.message)}" for p in unread(night.problems)]
    if night.stopped:
        return [
            f"Out of time after {night.audited} audited pages: what is done is kept, the same command goes on.",
            *missing,
        ]
    if night.run is None or news is None:
        return ["Nothing could be read, so nothing was judged.", *missing]
    lines = [
        f"{fenced(config.product)}, run {night.run.id}: {night.audited} pages audited, {night.kept} as they were; "
        f"{len(news.open)} open findings."
    ]
    if news.before is None:
        lines.append("First run: there is nothing to compare with.")
    else:
        kinds = {k: len(news.comparison.of(k)) for k in ("new", "worsened", "returned", "fixed", "unchanged")}
        lines.append("Since the last run: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items() if n) + ".")
    if night.run.changed:
        lines.append(f"Changed since then: {', '.join(night.run.changed)}.")
    for finding in news.told[:10]:
        lines.append(
            f"  {KINDS[finding.kind]}: {SAID[finding.shown.verdict.value]}: “{fenced(finding.shown.page_quote, 160)}”"
        )
    if len(news.told) > 10:
        lines.append(f"  and {len(news.told) - 10} more")
    lines += [f"  Drift: {fenced(a.source) or 'the site as a whole'}: {a.alarm.reason}" for a in alarms]
    return [*lines, *missing, f"Kept in {config.store.shown}"]
