"""Decisions about claims: list, accept with evidence, waive until a day, retire, reopen; import and export as YAML.

A CLAIM is its words as they stand on the page, or the fingerprint that `list` shows. The ledger lies in the file that `ledger:` of the configuration
names, or else in the store.
"""

from __future__ import annotations

import argparse
import getpass
import pathlib
import sys

from pipeline.cli import say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Steps of the verb."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    listed = steps.add_parser("list", help="entries, and the open findings that have none")
    listed.add_argument("--state", choices=["open", "accepted", "waived", "retired"], help="only entries in this state")
    listed.add_argument(
        "--findings", action="store_true", help="also the findings of the last run that nobody has decided on"
    )
    accept = steps.add_parser("accept", help="the claim is true, and this shows it")
    accept.add_argument("claim", metavar="CLAIM")
    accept.add_argument("--evidence", required=True, help="the sentence, document or proof that shows it")
    accept.add_argument("--reason", default="")
    accept.add_argument("--owner", default="")
    accept.add_argument("--expires", default="", metavar="YYYY-MM-DD")
    waive = steps.add_parser("waive", help="the claim stays until a day, on somebody's word")
    waive.add_argument("claim", metavar="CLAIM")
    for name, what in (
        ("owner", "who answers for it"),
        ("reason", "why it stays"),
        ("expires", "last day, YYYY-MM-DD"),
    ):
        waive.add_argument(f"--{name}", required=True, help=what)
    for name, what in (("reopen", "the decision no longer holds"), ("retire", "the claim is to be made no more")):
        step = steps.add_parser(name, help=what)
        step.add_argument("claim", metavar="CLAIM")
        step.add_argument("--reason", default="")
    for name, what in (
        ("import", "read entries from a YAML file"),
        ("export", "write all entries as YAML; - for the terminal"),
    ):
        steps.add_parser(name, help=what).add_argument("file", metavar="FILE")
    for step in steps.choices.values():
        step.add_argument("--by", default="", help="who decides (your user name, if not given)")
        # Common options may also stand after the step; absent there, they keep what stood before it.
        step.add_argument("--config", type=pathlib.Path, metavar="FILE", default=argparse.SUPPRESS)
        step.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS)


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """One step. Raises UsageError for a claim that is not known or a decision that lacks what it stands on."""
    from pipeline.ledger import open_ledger
    from pipeline.reach import open_store
    from pipeline.report.hostile import for_terminal
    from pipeline.store.runs import require_product

    product = require_product(config.product)
    by = args.by or getpass.getuser()
    with open_store(config) as store:
        ledger = open_ledger(config, store, product)
        if args.step == "list":
            entries = ledger.list(args.state)
            for entry in entries:
                facts = [entry.owner, f"until {entry.expires}" if entry.expires else "", entry.reason, entry.evidence]
                say(for_terminal(f"{entry.state:<8}  {entry.fingerprint}  {entry.claim}"))
                said = "; ".join(f for f in facts if f)
                if said:
                    say(f"          {for_terminal(said)}")
            if args.findings:
                _findings(store, product, {e.fingerprint for e in entries})
            if not entries and not args.findings:
                say("No entries." if args.state is None else f"No {args.state} entries.")
            return ExitCode.OK
        if args.step == "export":
            text = ledger.export()
            if args.file == "-":
                sys.stdout.write(text)
            else:
                pathlib.Path(args.file).write_text(text, encoding="utf-8")
            return ExitCode.OK
        if args.step == "import":
            try:
                text = pathlib.Path(args.file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as err:
                raise UsageError(f"Ledger file {args.file} cannot be read ({err.__class__.__name__}).") from err
            number = ledger.take_in(text, args.file)
            say(f"{number} entries read.")
            return ExitCode.OK
        if args.step == "accept":
            entry = ledger.accept(
                args.claim, evidence=args.evidence, by=by, reason=args.reason, owner=args.owner, expires=args.expires
            )
        elif args.step == "waive":
            entry = ledger.waive(args.claim, owner=args.owner, reason=args.reason, expires=args.expires, by=by)
        elif args.step == "retire":
            entry = ledger.retire(args.claim, by=by, reason=args.reason)
        else:
            entry = ledger.reopen(args.claim, by=by, reason=args.reason)
    if not args.quiet:
        say(for_terminal(f"{entry.state}: {entry.claim}"))
    return ExitCode.OK


def _findings(store: object, product: str, known: set[str]) -> None:
    from pipeline.compare import statements
    from pipeline.report.hostile import for_terminal
    from pipeline.store.runs import RunStore

    runs = RunStore(store)
    last = runs.latest(product) or runs.latest(product, kind=None)
    found = statements(runs.audit_of(last.id)["pages"]).values() if last else ()
    for statement in sorted(found, key=lambda s: (-s.severity, -s.risk, s.fingerprint)):
        if statement.finding and statement.fingerprint not in known:
            say(for_terminal(f"undecided {statement.fingerprint}  {statement.verdict}: {statement.text}"))
