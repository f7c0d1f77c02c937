"""Audit -> findings for code hosts: SARIF 2.1.0 and GitHub workflow annotations. Only overpromises are findings."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pipeline.records import OVERPROMISES, Audit, Judgement, PageAudit, Verdict
from pipeline.report.baseline import finding_id
from pipeline.report.document import is_url
from pipeline.report.findings import findings
from pipeline.report.hostile import for_terminal, one_line
from pipeline.report.wording import VERDICTS, headline, reason

Where = Callable[[PageAudit, Judgement], tuple[str, int]]
LEVELS = {Verdict.CONTRADICTED: "error", Verdict.PLANNED: "error", Verdict.QUALIFIED: "warning", Verdict.UNDOCUMENTED: "note"}
_LINE = re.compile(r"^(?:line\s*|L|:)?(\d{1,7})(?:\D.*)?$", re.I)


def line_of(selector: str) -> int:
    """The line that a selector of Markdown or text names, from 1; 0 for a CSS path."""
    found = _LINE.match(selector.strip())
    return int(found.group(1)) if found else 0


def message(judgement: Judgement) -> str:
    """Verdict, page words, docs words and what to change on one line."""
    said = f"{headline(judgement)}: “{judgement.claim.quote or judgement.claim.text}” {reason(judgement)}"
    if judgement.evidence:
        said += f" Docs ({judgement.evidence[0].doc}): “{judgement.evidence[0].quote}”"
    return one_line(said)


def place_of(audited: PageAudit, judgement: Judgement) -> tuple[str, int]:
    """(source, line) as the page itself names them; line 0 when it names none."""
    return audited.page.source, line_of(judgement.claim.selector)


def sarif(audit: Audit, known: Collection[str] | None = None, where: Where = place_of) -> dict[str, Any]:
    """The SARIF log as a plain object, riskiest finding first.

    `known` are the ids of a baseline: results are marked `unchanged` or `new`. `where` gives the path and line of a finding in its file.
    """
    rules = [v for v in VERDICTS if v in OVERPROMISES]
    results = []
    for found in findings(audit):
        judgement = found.judgement
        source, line = where(found.audited, judgement)
        uri = urllib.parse.quote(one_line(source), safe="/:?#@!$&*+,;=%-._~" if is_url(source) else "/@!$&*+,;=-._~")
        region: dict[str, Any] = {"snippet": {"text": judgement.claim.quote or judgement.claim.text}} if line else {}
        if region:
            region["startLine"] = line
        results.append({
            "ruleId": judgement.verdict.value, "ruleIndex": rules.index(judgement.verdict), "level": LEVELS[judgement.verdict],
            "message": {"text": message(judgement)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}} | ({"region": region} if region else {}),
                           "logicalLocations": [{"fullyQualifiedName": judgement.claim.selector or "page"}]}],
            "partialFingerprints": {"finding/v1": finding_id(judgement)}, "rank": min(100.0, max(0.0, round(judgement.risk, 1)))}
            | ({} if known is None else {"baselineState": "unchanged" if finding_id(judgement) in known else "new"}))
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "saysdoes", "version": audit.versions.get("saysdoes", "0"), "rules": [
                {"id": v.value, "name": v.value.capitalize(), "shortDescription": {"text": VERDICTS[v][0]},
                 "fullDescription": {"text": VERDICTS[v][1]}, "defaultConfiguration": {"level": LEVELS[v]}} for v in rules]}},
            "columnKind": "unicodeCodePoints", "results": results,
            "invocations": [{"executionSuccessful": not audit.problems, "toolExecutionNotifications": [
                {"level": "warning", "message": {"text": one_line(f"{p.where}: {p.message}")}} for p in audit.problems]}]}]}


def new_lines(found: Sequence[tuple[Judgement, PageAudit]], where: Where = place_of) -> str:
    """One line a finding, as compilers print them, so that an editor can jump there: `copy/pricing.md:12: headline: “quote”`."""
    out = []
    for judgement, audited in found:
        source, line = where(audited, judgement)
        docs = f" Docs: “{judgement.evidence[0].quote}” [{judgement.evidence[0].doc}]" if judgement.evidence else ""
        said = f"{headline(judgement)}: “{judgement.claim.quote or judgement.claim.text}”{docs}"
        out.append(f"{for_terminal(source)}{f':{line}' if line else ''}: {for_terminal(said)}")
    return "\n".join(out)


def _escaped(text: str, *, inside: bool = False) -> str:
    out = one_line(text).replace("%", "%25")
    return out.replace(":", "%3A").replace(",", "%2C") if inside else out


def github(audit: Audit, known: Collection[str] = (), where: Where = place_of) -> str:
    """One workflow command a finding (`::warning file=...`), riskiest first, each on its own line; `known` ids are left out."""
    out = []
    for found in findings(audit):
        if finding_id(found.judgement) in known:
            continue
        judgement = found.judgement
        level = {"error": "error", "warning": "warning", "note": "notice"}[LEVELS[judgement.verdict]]
        source, line = where(found.audited, judgement)
        place = f"file={_escaped(source, inside=True)}" + (f",line={line}" if line else "")
        out.append(f"::{level} {place},title={_escaped(headline(judgement), inside=True)}::{_escaped(message(judgement))}\n")
    return "".join(out)
