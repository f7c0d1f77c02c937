"""The command line: parses, calls one plain function, renders, returns an exit code (errors.ExitCode).

Every verb takes --config, --json, --html, --fail-on and --quiet. Progress goes to the terminal's error stream, results to
its output, so that a result can be piped.
"""

from __future__ import annotations

import argparse
import importlib
import pathlib
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.config import Config, load_config
from pipeline.errors import ExitCode, SaysdoesError, UsageError
from pipeline.lines import Where, in_files
from pipeline.records import Audit, Judgement, Problem

if TYPE_CHECKING:
    from pipeline.sources import Read

FAIL_ON = ("contradicted", "planned", "qualified", "undocumented")


FORMS = {
    "csv": "write one row a claim as CSV",
    "xlsx": "write the findings as a workbook",
    "markdown": "write a summary as Markdown",
    "sarif": "write the findings as SARIF 2.1.0 for code hosts",
    "pdf": "write the scorecard as PDF (needs the extra `pdf`)",
}


# Verbs with a room of their own: `pipeline/doors/<verb>.py` has `arguments(parser)` and `run(args, config) -> ExitCode`.
DOORS: dict[str, str] = {
    "claims": "a verdict for each of a list of claims",
    "why": "why a page is or is not fetched",
    "crawl": "crawl sites and documentation into the store",
    "serve": "web app and JSON API",
    "nightly": "crawl, audit what changed, compare with the last run, tell what is new",
    "scorecard": "render a stored run",
    "ledger": "decisions about claims: list, accept, waive, retire, reopen",
    "store": "state, backup, restore, export and upkeep of the store",
}


class Progress:
    """One line on a terminal that is written over; nothing when quiet or when the error stream is no terminal."""

    def __init__(self, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._began: dict[str, float] = {}
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self._on:
            return
        began = self._began.setdefault(stage, time.monotonic())
        spent = time.monotonic() - began
        left = f", about {spent / done * (total - done):.0f} s left" if done and total > done and spent > 2 else ""
        line = f"{stage}: {done} of {total}{left}" if total else stage
        sys.stderr.write("\r" + line.ljust(self._width))
        self._width = len(line)
        if total and done >= total:
            sys.stderr.write("\r" + " " * self._width + "\r")
        sys.stderr.flush()


def say(text: str) -> None:
    """Text for the user on standard output; characters that the terminal cannot show are replaced, not fatal."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=pathlib.Path, metavar="FILE", help="settings (YAML); see configs/default.yaml for every key"
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write the scorecard as one HTML file")
    parser.add_argument(
        "--fail-on",
        metavar="LIST",
        help=f"verdicts that end with exit code 1, comma separated (default {','.join(FAIL_ON)}; `none` for never)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="saysdoes",
        description="Checks what marketing copy says against what product documentation shows.",
        epilog="Exit codes: 0 nothing to report, 1 findings, 2 bad usage or config, 3 some pages or documents "
        "could not be read, 4 internal error.",
    )
    top.add_argument("--version", action="version", version=f"saysdoes {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    audit = verbs.add_parser(
        "audit", help="audit pages against documentation", description="On-demand audit of pages against documentation."
    )
    audit.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="URL, HTML/Markdown/text/PDF/DOCX/PPTX file, folder, or - for pasted copy",
    )
    audit.add_argument(
        "--docs",
        nargs="+",
        action="extend",
        metavar="SOURCE",
        help="URL, folder or file with documentation, plan tables, changelog, roadmap, OpenAPI; "
        "--docs=SOURCE takes one and may stand before the targets",
    )
    audit.add_argument(
        "--site", action="store_true", help="crawl the whole site of each TARGET URL, not only that page"
    )
    for kind, what in FORMS.items():
        audit.add_argument(f"--{kind}", type=pathlib.Path, metavar="FILE", help=what)
    audit.add_argument("--github", action="store_true", help="print findings as GitHub annotations")
    audit.add_argument(
        "--folder", type=pathlib.Path, metavar="FOLDER", help="write a scorecard of the site, each section and each page"
    )
    audit.add_argument(
        "--baseline", type=pathlib.Path, metavar="FILE", help="findings that are known: only others count and are shown"
    )
    audit.add_argument(
        "--write-baseline", type=pathlib.Path, metavar="FILE", help="write this run's findings as the known ones"
    )
    _common(audit)

    demo = verbs.add_parser("demo", help="crawl and audit the bundled demo product over HTTP on loopback")
    demo.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/demo"), metavar="FOLDER")
    _common(demo)

    doctor = verbs.add_parser("doctor", help="what is installed, which models load from where")
    _common(doctor)
    bench = verbs.add_parser(
        "bench", help="the benchmarks", description="Benchmarks; each prints its figures and how they were made."
    )
    benches = ["accuracy", "crawl", "drift", "pages", "web", "desk", "nightly"]
    bench.add_argument("what", choices=benches, metavar="WHAT", help=" | ".join(benches))
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="options of the benchmark")
    _common(bench)
    for verb, about in DOORS.items():
        door = verbs.add_parser(verb, help=about, description=importlib.import_module(f"pipeline.doors.{verb}").__doc__)
        importlib.import_module(f"pipeline.doors.{verb}").arguments(door)
        _common(door)
    return top


def fail_on(args: argparse.Namespace, config: Config) -> frozenset[str]:
    """Verdicts that count as findings. Raises UsageError for a word that is none."""
    words = list(config.fail_on) if args.fail_on is None else [w.strip() for w in args.fail_on.split(",") if w.strip()]
    unknown = [w for w in words if w not in (*FAIL_ON, "none")]
    if unknown:
        raise UsageError(f"--fail-on does not know {', '.join(unknown)}: use any of {', '.join(FAIL_ON)}, or none.")
    return frozenset(w for w in words if w != "none")


def outcome(judgements: Sequence[Judgement], problems: Sequence[Problem], wanted: frozenset[str]) -> ExitCode:
    """Incomplete wins over findings: a result that lacks pages must never be taken for the whole."""
    from pipeline.reach import EXPECTED

    if any(p.kind not in EXPECTED for p in problems):
        return ExitCode.INCOMPLETE
    return ExitCode.FINDINGS if any(j.verdict.value in wanted for j in judgements) else ExitCode.OK


def stdin_bytes() -> bytes:
    return sys.stdin.buffer.read()


def named_docs(args: argparse.Namespace, config: Config) -> list[str]:
    """The documentation that --docs, else the configuration, names. Raises UsageError when neither does."""
    docs: list[str] = args.docs or config.docs
    if not docs:
        raise UsageError("No documentation: name it with --docs (URL, folder or file), or `docs:` in the config.")
    return docs


def read_docs(docs: Sequence[str], config: Config, progress: Progress) -> Read:
    """The pages of the documentation."""
    from pipeline.reach import fetch_site
    from pipeline.sources import read_places

    return read_places(
        docs,
        verbatim=True,
        what="Documentation",
        fetch=fetch_site(config, documents=True, progress=progress),
        stdin=stdin_bytes,
    )


def run_audit(args: argparse.Namespace, config: Config) -> ExitCode:
    from pipeline import report
    from pipeline.audit import Auditor
    from pipeline.reach import fetch_pages, fetch_site
    from pipeline.sources import read_places

    targets = args.targets or config.targets
    if not targets:
        raise UsageError(
            "Nothing to audit: name a TARGET (URL, file, folder, or - for pasted copy), or `targets:` in the config."
        )
    docs = named_docs(args, config)
    wanted = fail_on(args, config)
    # Read before the work, so that a wrong name is said at once.
    known = report.read_baseline(args.baseline) if args.baseline and not args.write_baseline else None
    progress = Progress(args.quiet)
    documents = read_docs(docs, config, progress)
    if not documents.pages:
        return nothing_read(documents.problems, "documentation")
    reach = fetch_site(config, progress=progress) if args.site else fetch_pages(config, progress=progress)
    copy = read_places(targets, verbatim=False, what="Target", fetch=reach, stdin=stdin_bytes)
    if not copy.pages:
        return nothing_read([*documents.problems, *copy.problems], "page")
    auditor = Auditor(config, documents.pages, progress=progress)
    audit = auditor.audit(copy.pages, [*documents.problems, *copy.problems], progress=progress)
    where = in_files(copy.paths)
    deliver(args, audit, known, where)
    judgements = [j for p in audit.pages for j in p.judgements]
    if args.write_baseline:
        # What was just written is known: the command that accepts the present state must not fail on it.
        written = report.write_baseline(audit, args.write_baseline)
        known, judgements = report.read_baseline(args.write_baseline), []
    if args.baseline and not args.write_baseline:
        compared = report.compare(audit, known or [], wanted)
        judgements = [j for j, _ in compared.new]
    if not args.quiet:
        if args.baseline and not args.write_baseline:
            if compared.new:
                say(report.new_lines(compared.new, where))
            say(
                f"{len(compared.new)} new {'finding' if len(compared.new) == 1 else 'findings'}, {compared.known} known from {args.baseline}"
                + (f", {len(compared.gone)} of it not found here." if compared.gone else ".")
            )
        else:
            say(report.terminal(audit))
        for file in (args.html, args.json, args.folder, *(getattr(args, kind) for kind in FORMS)):
            if file:
                say(f"Written: {file}")
        if args.write_baseline:
            say(f"Written: {args.write_baseline} with {written} known findings")
    return outcome(judgements, audit.problems, wanted)


def deliver(
    args: argparse.Namespace,
    audit: Audit,
    known: Sequence[Mapping[str, Any]] | None = None,
    where: Where | None = None,
) -> None:
    """Writes the files that the command line asks for; `known` are the rows of a baseline, `where` places findings in files."""
    from pipeline import report

    ids = None if known is None else {str(row["id"]) for row in known}
    where = where or report.place_of
    if getattr(args, "folder", None):
        report.write_folder(audit, args.folder)
    if args.json:
        report.write_json(audit, args.json)
    if args.html:
        report.write_html(audit, args.html)
    writers = {
        "csv": report.write_csv,
        "xlsx": report.write_xlsx,
        "markdown": report.write_markdown,
        "pdf": report.write_pdf,
    }
    for kind, write in writers.items():
        if getattr(args, kind, None):
            write(audit, getattr(args, kind))
    if getattr(args, "sarif", None):
        report.write_sarif(audit, args.sarif, ids, where)
    if getattr(args, "github", False):
        sys.stdout.write(report.github(audit, ids or (), where))


def nothing_read(problems: Sequence[Problem], what: str) -> ExitCode:
    for problem in problems:
        sys.stderr.write(f"{problem.kind}: {problem.message}\n")
    sys.stderr.write(f"No {what} could be read, so nothing was judged.\n")
    return ExitCode.INCOMPLETE


def run_demo(args: argparse.Namespace, config: Config) -> ExitCode:
    from pipeline import report
    from pipeline.demo import audit_demo

    audit = audit_demo(config, progress=Progress(args.quiet))
    args.out.mkdir(parents=True, exist_ok=True)
    args.html, args.json = args.html or args.out / "scorecard.html", args.json or args.out / "scorecard.json"
    deliver(args, audit)
    if not args.quiet:
        say(report.terminal(audit))
        say(f"Written: {args.html} and {args.json}")
    return ExitCode.OK


def run_doctor(args: argparse.Namespace, config: Config) -> ExitCode:
    from pipeline import report
    from pipeline.doctor import examine

    findings = examine(config)
    for item in findings:
        say(f"{'ok ' if item.ok else 'NO '} {item.name}: {item.detail}")
    if args.json:
        report.write_object(
            {"schema": 1, "checks": [{"name": i.name, "ok": i.ok, "detail": i.detail} for i in findings]}, args.json
        )
    return ExitCode.OK if all(i.ok or i.optional for i in findings) else ExitCode.INCOMPLETE


def run_bench(args: argparse.Namespace, config: Config) -> ExitCode:
    if args.what == "crawl":
        from pipeline.bench.crawl import main as bench_crawl

        return ExitCode(bench_crawl(args.rest))
    if args.what == "pages":
        from pipeline.bench.pages import main as bench_pages

        return ExitCode(bench_pages(args.rest))
    if args.what == "drift":
        from pipeline.bench.drift import main as bench_drift

        return ExitCode(bench_drift(args.rest, config))
    if args.what == "web":
        from pipeline.bench.web import main as bench_web

        return ExitCode(bench_web(args.rest, config))
    if args.what == "desk":
        from pipeline.bench.desk import main as bench_desk

        return ExitCode(bench_desk(args.rest, config))
    if args.what == "nightly":
        from pipeline.bench.nightly import main as bench_nightly

        return ExitCode(bench_nightly(args.rest, config))
    from pipeline.bench.accuracy import main as bench_accuracy

    return ExitCode(bench_accuracy(args.rest, config))


VERBS: dict[str, Callable[[argparse.Namespace, Config], ExitCode]] = {
    "audit": run_audit,
    "demo": run_demo,
    "doctor": run_doctor,
    "bench": run_bench,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        run = VERBS.get(args.verb) or importlib.import_module(f"pipeline.doors.{args.verb}").run
        return int(run(args, load_config(args.config)))
    except SaysdoesError as err:
        sys.stderr.write(f"saysdoes: {err}\n")
        return int(err.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("saysdoes: stopped; nothing was written.\n")
        return 130
    except BrokenPipeError:
        return int(ExitCode.OK)
    except Exception:  # noqa: BLE001 - the last door: the trace goes to the user, who is the operator here
        traceback.print_exc()
        sys.stderr.write(f"saysdoes: internal error in {args.verb!r}; please report the lines above.\n")
        return int(ExitCode.INTERNAL)
