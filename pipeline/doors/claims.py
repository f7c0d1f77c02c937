"""A list of claims (JSONL with id and claim, CSV, or one a line) and a verdict for each."""

from __future__ import annotations

import argparse
import csv
import io
import json
import pathlib
from collections import Counter

from pipeline.cli import Progress, fail_on, named_docs, nothing_read, outcome, read_docs, say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError
from pipeline.records import Claim, Verdict


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("file", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--docs", nargs="+", action="extend", metavar="SOURCE", help="URL, folder or file with documentation")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", required=True, help="JSONL with a verdict for each claim")


def read_claims(path: pathlib.Path) -> list[tuple[str, str]]:
    """(id, claim) rows of a JSONL, CSV or plain file, in order. Raises UsageError naming the line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(
            f"Claims file {path} cannot be read ({err.__class__.__name__}): give UTF-8 JSONL, CSV or one claim a line."
        ) from err
    rows: list[tuple[str, str]] = []
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise UsageError(f"Claims file {path} is empty: give one claim a line, or JSONL rows with id and claim.")
    if lines[0][1].lstrip().startswith("{"):
        for number, line in lines:
            try:
                row = json.loads(line)
                rows.append((str(row["id"]), str(row["claim"])))
            except (ValueError, KeyError, TypeError) as err:
                raise UsageError(f"{path}:{number}: not a JSON object with id and claim: {line[:80]}") from err
    elif path.suffix.lower() == ".csv":
        reader = csv.DictReader(io.StringIO(text))
        names = {(n or "").strip().lower(): n for n in reader.fieldnames or []}
        if "claim" not in names:
            raise UsageError(
                f"{path}:1: the CSV needs a column `claim` (and `id`), found: {', '.join(names) or 'none'}."
            )
        for number, row in enumerate(reader, 1):
            claim = (row.get(names["claim"]) or "").strip()
            if claim:
                rows.append(((row.get(names.get("id", "")) or str(number)).strip(), claim))
    else:
        rows = [(str(n), line.strip()) for n, line in lines]
    doubled = sorted(i for i, n in Counter(i for i, _ in rows).items() if n > 1)
    if doubled:
        raise UsageError(f"{path}: id {doubled[0]!r} stands more than once: ids must be unique.")
    return rows


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """Judges the file's claims and writes the answers. Raises UsageError for a file that cannot be read or where no documentation is named."""
    from pipeline import report
    from pipeline.audit import Auditor
    from pipeline.claims import types_of

    docs = named_docs(args, config)
    wanted = fail_on(args, config)
    rows = read_claims(args.file)
    progress = Progress(args.quiet)
    documents = read_docs(docs, config, progress)
    if not documents.pages:
        return nothing_read(documents.problems, "documentation")
    auditor = Auditor(config, documents.pages, progress=progress)
    judgements = auditor.judge_claims(
        [Claim(id=i, text=t, quote=t, types=types_of(t), end=len(t)) for i, t in rows], progress=progress
    )
    answers = [report.claim_row(j) for j in judgements]
    report.write_lines(answers, args.out)
    if args.json:
        report.write_object(
            {
                "schema": 1,
                "claims": answers,
                "versions": dict(auditor.versions),
                "problems": [{"kind": p.kind, "where": p.where, "message": p.message} for p in documents.problems],
            },
            args.json,
        )
    if not args.quiet:
        counts = {v: sum(j.verdict is v for j in judgements) for v in Verdict}
        say(
            f"{len(judgements)} claims against {auditor.documents} documents: "
            + ", ".join(f"{n} {v.value}" for v, n in counts.items() if n)
        )
        for problem in documents.problems:
            say(f"Not read: {problem.where}: {problem.message}")
        say(f"Written: {args.out}")
    return outcome(judgements, documents.problems, wanted)
