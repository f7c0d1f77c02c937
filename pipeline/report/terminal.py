"""Audit -> the summary that a command ends with: plain text, no colour, no cursor movement, at most `width` columns."""

from __future__ import annotations

import textwrap
import unicodedata

from pipeline.records import Audit, Judgement, PageAudit, Verdict
from pipeline.report.advice import reading
from pipeline.report.findings import Finding, could_not_check, findings, fix_first, worth_a_look
from pipeline.report.hostile import for_terminal
from pipeline.report.wording import VERDICTS, generic_words, headline, percent, plural, points, risk_words, task

MOST_FINDINGS = 5
MOST_PAGES = 8
MOST_PROBLEMS = 5


def columns(text: str) -> int:
    """Terminal columns that `text` takes: wide characters two, combining marks none."""
    return sum(0 if unicodedata.combining(c) or unicodedata.category(c) == "Cf" else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` columns, with an ellipsis where something was cut."""
    if columns(text) <= width:
        return text
    out, used = "", 0
    for char in text:
        used += columns(char)
        if used > width - 1:
            break
        out += char
    return out.rstrip() + "…"


def _wrapped(label: str, text: str, width: int, lines: int = 2) -> list[str]:
    """`text` behind a `label` column, cut to `lines` lines."""
    indent = " " * 10
    room = max(20, width - len(indent))
    pieces = [p for line in textwrap.wrap(for_terminal(text), room, break_long_words=True) for p in _fold(line, room)] or [""]
    if len(pieces) > lines:
        pieces = [*pieces[: lines - 1], clip(" ".join(pieces[lines - 1 :]), room)]
    return [f"{label:<10}{piece}" if n == 0 else indent + piece for n, piece in enumerate(pieces)]


def _fold(line: str, room: int) -> list[str]:
    # textwrap counts characters, not columns: lines of wide characters are folded again.
    if columns(line) <= room:
        return [line]
    head = clip(line, room + 1).rstrip("…")
    return [head, *_fold(line[len(head):].lstrip(), room)] if head else [line]


def terminal(audit: Audit, width: int = 100) -> str:
    """The run in about forty lines, ending without a newline; `width` is held between 60 and 120 columns."""
    width = max(60, min(120, width))
    score = audit.score
    out = [clip(f"{for_terminal(audit.product) or 'This site'}: what the copy says against what the documentation shows", width), "=" * width]
    supported = sum(j.verdict is Verdict.SUPPORTED for p in audit.pages for j in p.judgements)
    out.append(f"Proven    {percent(score.proof_rate)}" + (f"  ({supported} of {plural(score.judged, 'claim')} that the docs can settle)" if score.judged else ""))
    out += _wrapped("Risk", f"{points(score.overpromise_risk)}" + (f" of 100. {risk_words(score.overpromise_risk)}" if score.overpromise_risk is not None else ""), width)
    out += _wrapped("Generic", points(score.generic_share) + (f"% of {plural(score.words, 'word')}. {generic_words(score.generic_share)}" if score.generic_share is not None else ""), width)
    out.append(f"Grade     {score.grade or 'not measured (too few claims)'}")
    out.append(f"Read      {plural(len(audit.pages), 'page')}, {plural(audit.documents, 'document')}")
    out += _verdicts(audit, width)
    if any(p.judgements for p in audit.pages):
        out += _first(fix_first(audit, MOST_FINDINGS), len(findings(audit)), width)
    out += _pages(audit, width)
    out += _rest(audit, width)
    return "\n".join(line.rstrip() for line in out)


def _verdicts(audit: Audit, width: int) -> list[str]:
    judgements = [j for p in audit.pages for j in p.judgements]
    if not judgements:
        return ["", "No claims were found on these pages."]
    room = width - 36
    out = ["", f"Verdicts on {plural(len(judgements), 'claim')}"]
    for verdict, (label, _) in VERDICTS.items():
        count = sum(j.verdict is verdict for j in judgements)
        if count:
            out.append(f"  {label:<24}{count:>5}  {'#' * max(1, round(room * count / len(judgements)))}")
    return out


def _first(shown: list[Finding], total: int, width: int) -> list[str]:
    if not shown:
        return ["", "Nothing to fix: no claim goes beyond the documentation."] if total == 0 else []
    out = ["", f"Fix these first ({len(shown)} of {plural(total, 'finding')})"]
    for number, found in enumerate(shown, 1):
        judgement: Judgement = found.judgement
        also = f"  (+ {plural(len(found.also), 'more place')})" if found.also else ""
        out.append(clip(f"{number:>2}. {for_terminal(headline(judgement))}  [{for_terminal(found.audited.page.source)}]{also}", width))
        out += _wrapped("    Page", judgement.claim.quote or judgement.claim.text, width)
        if judgement.evidence:
            out += _wrapped("    Docs", f"{reading(judgement.evidence[0].quote, judgement.evidence[0].doc)}  [{judgement.evidence[0].doc}]", width)
        if task(judgement):
            out += _wrapped("    Do", task(judgement), width)
    return out


def _pages(audit: Audit, width: int) -> list[str]:
    order = sorted(audit.pages, key=lambda p: (-(p.score.overpromise_risk if p.score.overpromise_risk is not None else -1.0), p.page.source))
    if len(order) < 2:
        return []
    room = width - 46
    out = ["", f"{'Pages, riskiest first':<{room}}{'grade':>7}{'proven':>16}{'risk':>11}{'generic':>11}"]
    out += [_page_line(p, room) for p in order[:MOST_PAGES]]
    if len(order) > MOST_PAGES:
        out.append(f"  and {plural(len(order) - MOST_PAGES, 'more page')} in the scorecard")
    return out


def _page_line(audited: PageAudit, room: int) -> str:
    score = audited.score
    supported = sum(j.verdict is Verdict.SUPPORTED for j in audited.judgements)
    name = clip(for_terminal(audited.page.source), room - 3)
    proven = f"{supported} of {score.judged}" if score.judged else "-"
    risk = "-" if score.overpromise_risk is None else points(score.overpromise_risk)
    generic = "-" if score.generic_share is None else points(score.generic_share) + "%"
    return f"  {name}{' ' * (room - 2 - columns(name))}{score.grade or '-':>7}{proven:>16}{risk:>11}{generic:>11}"


def _rest(audit: Audit, width: int) -> list[str]:
    out: list[str] = []
    # What one page does not mention is no news; what a whole site never mentions is.
    if audit.undersold and len(audit.pages) > 1:
        names = ", ".join(for_terminal(u.capability) for u in sorted(audit.undersold, key=lambda u: (-u.score, u.capability))[:3])
        more = len(audit.undersold) - 3
        out += ["", *_wrapped("Undersold", f"{names}{f' and {more} more' if more > 0 else ''}: in the docs, on none of these pages.", width)]
    look = len(worth_a_look(audit))
    if look:
        out += ["", *_wrapped("Unsure", f"{plural(look, 'finding')} of {len(findings(audit))} are worth a look, not sure: read both quotes first.", width)]
    unsettled = could_not_check(audit)
    if unsettled:
        out += ["", *_wrapped("Unsettled", "; ".join(f"{count} {why}" for count, why in unsettled), width)]
    if audit.problems:
        out += ["", f"Not read: {plural(len(audit.problems), 'page or document', 'pages or documents')}"]
        order = sorted(audit.problems, key=lambda p: (p.where, p.kind, p.message))
        out += [clip(f"  {for_terminal(p.where)}: {for_terminal(p.message)}", width) for p in order[:MOST_PROBLEMS]]
        if len(order) > MOST_PROBLEMS:
            out.append(f"  and {len(order) - MOST_PROBLEMS} more, listed in the JSON and the scorecard")
    return out
