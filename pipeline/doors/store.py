"""Looks after the store: its state, backup and restore, old runs forgotten, room given back, a run exported as JSON.

`backup` writes one file that any store can be restored from, SQLite or PostgreSQL; it may run beside a nightly run.
"""

from __future__ import annotations

import argparse
import pathlib

from pipeline.cli import say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Steps of the verb."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    steps.add_parser("status", help="size, health, and the runs of each product")
    steps.add_parser("backup", help="write everything to a file").add_argument(
        "file", type=pathlib.Path, metavar="FILE"
    )
    steps.add_parser("restore", help="fill an empty store from a backup").add_argument(
        "file", type=pathlib.Path, metavar="FILE"
    )
    export = steps.add_parser("export", help="write a run's audit as JSON")
    export.add_argument("file", type=pathlib.Path, metavar="FILE")
    export.add_argument("--run", type=int, metavar="N", help="without it the last nightly run of `product`")
    prune = steps.add_parser("prune", help="forget old runs and crawls, as store.keep_crawls and nightly.keep_runs say")
    prune.add_argument("--keep", type=int, metavar="N", help="keep so many runs instead")
    steps.add_parser("vacuum", help="give room back to the disk")
    for step in steps.choices.values():
        step.add_argument("--config", type=pathlib.Path, metavar="FILE", default=argparse.SUPPRESS)


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """One step. Raises UsageError for a store that cannot be opened or a file that is no backup."""
    from pipeline.reach import open_store
    from pipeline.report import write_object
    from pipeline.store import prune
    from pipeline.store.retention import backup, health, prune_runs, restore, vacuum
    from pipeline.store.runs import RunStore, require_product

    with open_store(config) as store:
        runs = RunStore(store)
        if args.step == "status":
            state = health(store.engine)
            say(f"{config.store.shown}: {'ok' if state.ok else 'NOT OK'}, {state.detail}")
            for product in runs.products():
                last = runs.runs(product, limit=1)[0]
                say(f"  {product}: {len(runs.runs(product))} runs, last {last.kind} {last.id} of {last.finished_at}")
            return ExitCode.OK if state.ok else ExitCode.INCOMPLETE
        if args.step in {"backup", "restore"}:
            counts = (backup if args.step == "backup" else restore)(store.engine, args.file)
            say(f"{sum(counts.values()):,} rows {'written to' if args.step == 'backup' else 'read from'} {args.file}")
        elif args.step == "export":
            product = require_product(config.product)
            last_run = runs.latest(product) or runs.latest(product, kind=None)
            number = args.run if args.run is not None else last_run.id if last_run else None
            if number is None:
                raise UsageError(f"The store has no finished run of {product}.")
            try:
                write_object(runs.audit_of(number), args.file)
            except KeyError as err:
                raise UsageError(f"The store has no run {number}: `store status` shows what there is.") from err
        elif args.step == "prune":
            keep = args.keep if args.keep is not None else config.nightly.keep_runs
            if keep < 1:
                raise UsageError(f"--keep is {keep}: keep at least 1 run.")
            bodies = prune(store.engine, keep_crawls=config.store.keep_crawls)
            number = sum(prune_runs(store.engine, product, keep=keep) for product in runs.products())
            say(f"{number} runs and {bodies} bodies forgotten")
        else:
            vacuum(store.engine)
            say(f"{config.store.shown}: {health(store.engine).detail}")
    return ExitCode.OK
