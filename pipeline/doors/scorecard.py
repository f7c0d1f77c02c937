"""Renders the scorecard of a stored run: HTML, PDF, XLSX, CSV, Markdown, SARIF, JSON, with the trend and what changed since the run before.

Nothing is crawled or judged. Without --run the last nightly run of `product` is shown, or the last of any kind.
"""

from __future__ import annotations

import argparse
import pathlib

from pipeline.cli import FORMS, fail_on, outcome, say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("--run", type=int, metavar="N", help="the number of the run; without it the last one")
    for kind, what in FORMS.items():
        parser.add_argument(f"--{kind}", type=pathlib.Path, metavar="FILE", help=what)


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """Writes every form that is asked for. Raises UsageError where there is no such run."""
    from pipeline import report
    from pipeline.compare import compare
    from pipeline.nightly.news import before_of, trend_of
    from pipeline.reach import EXPECTED, open_store
    from pipeline.store.runs import RunStore, require_product

    wanted = fail_on(args, config)
    product = require_product(config.product)
    with open_store(config) as store:
        runs = RunStore(store)
        if args.run is None:
            chosen = runs.latest(product) or runs.latest(product, kind=None)
        else:
            chosen = next((r for r in runs.runs(product) if r.id == args.run), None)
        if chosen is None:
            which = f"no finished run {args.run}" if args.run is not None else "no finished run"
            raise UsageError(
                f"The store {config.store.shown} has {which} of {product}: run `saysdoes nightly --config FILE` first."
            )
        document = runs.audit_of(chosen.id)
        nights = (
            [r for r in runs.runs(product, kind="nightly") if r.id <= chosen.id] if chosen.kind == "nightly" else []
        )
        before = before_of(runs, chosen) if chosen.kind == "nightly" else None
        changes = None
        if before is not None:
            missed = {p["where"] for p in document["problems"] if p["kind"] not in EXPECTED}
            found = compare(
                runs.audit_of(before.id)["pages"],
                document["pages"],
                unread=missed,
                former=runs.seen_before(product, before.id),
            )
            changes = found.changes(before.finished_at or before.started_at)
    audit = report.audit_from(document)
    trend = trend_of(nights)
    with_history = {
        "html": report.write_html,
        "json": report.write_json,
        "pdf": report.write_pdf,
        "xlsx": report.write_xlsx,
        "markdown": report.write_markdown,
    }
    written = []
    for kind, write in with_history.items():
        if getattr(args, kind, None):
            write(audit, getattr(args, kind), trend, changes)
            written.append(getattr(args, kind))
    for kind, plain in {"csv": report.write_csv, "sarif": report.write_sarif}.items():
        if getattr(args, kind, None):
            plain(audit, getattr(args, kind))
            written.append(getattr(args, kind))
    if not args.quiet:
        say(report.terminal(audit))
        for file in written:
            say(f"Written: {file}")
    return outcome([j for p in audit.pages for j in p.judgements], audit.problems, wanted)
