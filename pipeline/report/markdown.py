"""Audit -> a summary in Markdown for a pull request, wiki or chat. Crawled text is escaped: it shows as it stands and links to nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Audit, Changes, TrendPoint, Verdict
from pipeline.report.advice import offer, reading
from pipeline.report.findings import could_not_check, findings, fix_first, worth_a_look
from pipeline.report.history import changes_view
from pipeline.report.hostile import markdown as escaped
from pipeline.report.links import common_root, page_name
from pipeline.report.wording import OWNERS, VERDICTS, day, headline, percent, plural, points, quoted, task

MOST_FINDINGS = 10
MOST_PROBLEMS = 20


def markdown(audit: Audit, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> str:
    """The summary, ending with a newline; says how many findings were cut."""
    score = audit.score
    judgements = [j for p in audit.pages for j in p.judgements]
    proven = sum(j.verdict is Verdict.SUPPORTED for j in judgements)
    out = [f"# {escaped(audit.product) or 'This site'}: copy against documentation", "",
           f"{plural(len(audit.pages), 'page')}, {plural(len(judgements), 'claim')}, {plural(audit.documents, 'document')}.", "",
           "| Proven | Overpromise risk | Generic copy | Grade |", "| --- | --- | --- | --- |",
           f"| {percent(score.proof_rate)} ({proven} of {score.judged}) | {points(score.overpromise_risk)}{' of 100' if score.overpromise_risk is not None else ''} "
           f"| {points(score.generic_share)}{f'% of {score.words:,} words' if score.generic_share is not None else ''} | {score.grade or 'not measured'} |", "",
           "| Verdict | Claims |", "| --- | ---: |"]
    out += [f"| {label} | {sum(j.verdict is v for j in judgements)} |" for v, (label, _) in VERDICTS.items()]
    if len(trend) > 1:
        before = trend[-2]
        out += ["", f"Last time ({escaped(day(before.at))}): {percent(before.proof_rate)} proven, risk {points(before.overpromise_risk)}, "
                f"generic {points(before.generic_share)}" + ("; models or settings changed since, so the two cannot be compared." if trend[-1].instrument else ".")]
    out += _changes(changes, common_root([p.page.source for p in audit.pages]))
    root = common_root([p.page.source for p in audit.pages])
    first, total = fix_first(audit, MOST_FINDINGS), len(findings(audit))
    out += ["", f"## Fix these first ({len(first)} of {plural(total, 'finding')})" if first else "## Nothing to fix", ""]
    for number, found in enumerate(first, 1):
        j = found.judgement
        out.append(f"{number}. **{escaped(headline(j))}** on {escaped(page_name(found.audited.page.source, root))} (who acts: {escaped(OWNERS.get(j.owner, j.owner))})")
        out.append(f"   - Page: {quoted(escaped(j.claim.quote or j.claim.text))}")
        if j.evidence:
            out.append(f"   - Docs: {quoted(escaped(reading(j.evidence[0].quote, j.evidence[0].doc)))} ({escaped(j.evidence[0].doc)})")
        if task(j):
            out.append(f"   - What to do: {escaped(task(j))}" + (f" In the docs’ words: “{escaped(offer(j))}”" if offer(j) else ""))
    look = len(worth_a_look(audit))
    if look:
        out += ["", f"{total - look} of the {plural(total, 'finding')} are sure, {look} are worth a look: read both quotes before anybody acts."]
    unsettled = could_not_check(audit)
    if unsettled or audit.problems:
        out += ["", "## Could not be checked", ""]
        out += [f"- {count} {why}" for count, why in unsettled]
        out += [f"- Not read: {escaped(p.where)}: {escaped(p.message)}" for p in audit.problems[:MOST_PROBLEMS]]
        if len(audit.problems) > MOST_PROBLEMS:
            out.append(f"- and {len(audit.problems) - MOST_PROBLEMS} more that could not be read")
    return "\n".join(out) + "\n"


def _changes(changes: Changes | None, root: str) -> list[str]:
    if changes is None:
        return []
    view = changes_view(changes, root)
    out = ["", f"## Since {escaped(view.since)}", "", view.sentence]
    for kind in view.kinds:
        out += ["", f"**{kind.label}** ({kind.count})", ""]
        for change in kind.changes:
            turned = " → ".join(w for w in (change.before, change.after) if w)
            out.append(f"- {quoted(escaped(change.claim))} on {escaped(change.page)}: {turned}")
        if kind.more:
            out.append(f"- and {kind.more} more")
    return out
