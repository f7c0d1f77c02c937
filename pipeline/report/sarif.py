"""Audit -> findings for code hosts: SARIF 2.1.0 and GitHub workflow annotations. Only overpromises are findings."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from typing import Any

from pipeline.records import OVERPROMISES, Audit, Judgement, Verdict
from pipeline.report.document import is_url
from pipeline.report.findings import findings
from pipeline.report.hostile import one_line
from pipeline.report.wording import VERDICTS, headline

LEVELS = {Verdict.CONTRADICTED: "error", Verdict.PLANNED: "error", Verdict.QUALIFIED: "warning", Verdict.UNDOCUMENTED: "note"}
_LINE = re.compile(r"^(?:line\s*|L|:)?(\d{1,7})(?:\D.*)?$", re.I)


def line_of(selector: str) -> int:
    """The line that a selector of Markdown or text names, from 1; 0 for a CSS path."""
    found = _LINE.match(selector.strip())
    return int(found.group(1)) if found else 0


def message(judgement: Judgement) -> str:
    """Verdict, page words, docs words and what to change on one line."""
    said = f"{headline(judgement)}: “{judgement.claim.quote or judgement.claim.text}” {judgement.why}"
    if judgement.evidence:
        said += f" Docs ({judgement.evidence[0].doc}): “{judgement.evidence[0].quote}”"
    return one_line(said)


def fingerprint(source: str, judgement: Judgement) -> str:
    """Stays the same when text moves on its page: page, words and verdict."""
    words = " ".join(judgement.claim.text.lower().split())
    return hashlib.sha256("\0".join((source, words, judgement.verdict.value)).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def sarif(audit: Audit) -> dict[str, Any]:
    """The SARIF log as a plain object, riskiest finding first."""
    rules = [v for v in VERDICTS if v in OVERPROMISES]
    results = []
    for found in findings(audit):
        source, judgement = found.audited.page.source, found.judgement
        uri = urllib.parse.quote(one_line(source), safe="/:?#@!$&*+,;=%-._~" if is_url(source) else "/@!$&*+,;=-._~")
        region: dict[str, Any] = {"snippet": {"text": judgement.claim.quote or judgement.claim.text}} if line_of(judgement.claim.selector) else {}
        if region:
            region["startLine"] = max(1, line_of(judgement.claim.selector))
        results.append({
            "ruleId": judgement.verdict.value, "ruleIndex": rules.index(judgement.verdict), "level": LEVELS[judgement.verdict],
            "message": {"text": message(judgement)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}} | ({"region": region} if region else {}),
                           "logicalLocations": [{"fullyQualifiedName": judgement.claim.selector or "page"}]}],
            "partialFingerprints": {"claim/v1": fingerprint(source, judgement)}, "rank": min(100.0, max(0.0, round(judgement.risk, 1)))})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "saysdoes", "version": audit.versions.get("saysdoes", "0"), "rules": [
                {"id": v.value, "name": v.value.capitalize(), "shortDescription": {"text": VERDICTS[v][0]},
                 "fullDescription": {"text": VERDICTS[v][1]}, "defaultConfiguration": {"level": LEVELS[v]}} for v in rules]}},
            "columnKind": "unicodeCodePoints", "results": results,
            "invocations": [{"executionSuccessful": not audit.problems, "toolExecutionNotifications": [
                {"level": "warning", "message": {"text": one_line(f"{p.where}: {p.message}")}} for p in audit.problems]}]}]}


def _escaped(text: str, *, inside: bool = False) -> str:
    out = one_line(text).replace("%", "%25")
    return out.replace(":", "%3A").replace(",", "%2C") if inside else out


def github(audit: Audit) -> str:
    """One workflow command a finding (`::warning file=...`), riskiest first, each on its own line."""
    out = []
    for found in findings(audit):
        judgement = found.judgement
        level = {"error": "error", "warning": "warning", "note": "notice"}[LEVELS[judgement.verdict]]
        line = line_of(judgement.claim.selector)
        place = f"file={_escaped(found.audited.page.source, inside=True)}" + (f",line={line}" if line else "")
        out.append(f"::{level} {place},title={_escaped(headline(judgement), inside=True)}::{_escaped(message(judgement))}\n")
    return "".join(out)
