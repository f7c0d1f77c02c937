"""Two runs -> what came, what went and what turned, by statements and not by places: a claim that moves is no news.

Statements pair by fingerprint, the rest by likeness; a page that could not be read tonight has no part in it, so that a time-out fixes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.compare.likeness import pairs
from pipeline.compare.statements import Statement, statements
from pipeline.compare.strength import Strength, strength
from pipeline.records import Change, Changes, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A statement now (`now`, None where it is gone) and before. `kind`: new | fixed | worsened | returned | unchanged."""

    kind: str
    now: Statement | None
    before: Statement | None

    @property
    def shown(self) -> Statement:
        """The statement to show: as it stands now, or as it stood."""
        found = self.now or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewording:
    """A claim in old and new words, and whether the new ones promise more."""

    old: Statement
    new: Statement
    change: Strength


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of a site's claims. `spread` are statements that stand on several pages, most pages first."""

    findings: tuple[Finding, ...]
    rewordings: tuple[Rewording, ...]
    spread: tuple[Statement, ...]

    def of(self, kind: str) -> tuple[Finding, ...]:
        """Findings of one kind, riskiest first."""
        return tuple(f for f in self.findings if f.kind == kind)

    @property
    def strengthened(self) -> tuple[Rewording, ...]:
        """Claims that promise more than they did."""
        return tuple(r for r in self.rewordings if r.change.direction > 0)

    @property
    def weakened(self) -> tuple[Rewording, ...]:
        """Claims that promise less than they did."""
        return tuple(r for r in self.rewordings if r.change.direction < 0)

    def changes(self, since: str) -> Changes:
        """The record that scorecards show."""
        kinds = {kind: tuple(_change(f) for f in self.of(kind)) for kind in ("new", "fixed", "worsened", "returned")}
        return Changes(since=since, unchanged=len(self.of("unchanged")), **kinds)


def _change(finding: Finding) -> Change:
    shown = finding.shown
    return Change(
        page=shown.pages[0],
        claim=shown.page_quote,
        before=finding.before.verdict if finding.before else None,
        after=finding.now.verdict if finding.now else None,
    )


def compare(
    before: Iterable[Mapping[str, Any]],
    after: Iterable[Mapping[str, Any]],
    *,
    unread: Collection[str] = (),
    former: Collection[str] = (),
) -> Comparison:
    """Page objects of two runs -> Comparison.

    `unread` are pages that could not be read this time; `former` are fingerprints of statements that had gone (or were retired) before the
    older run, so that their return is told from news.
    """
    skipped = set(unread)
    old = statements(p for p in before if str(p.get("url") or p.get("path") or "") not in skipped)
    new = statements(after)
    gone = [s for mark, s in old.items() if mark not in new]
    come = [s for mark, s in new.items() if mark not in old]
    rewordings = tuple(
        Rewording(old=gone[i], new=come[j], change=strength(gone[i].text, come[j].text)) for i, j in pairs(gone, come)
    )
    partner = {r.new.fingerprint: r.old for r in rewordings}
    reworded = {r.old.fingerprint for r in rewordings}
    stronger = {r.new.fingerprint for r in rewordings if r.change.direction > 0}
    back = set(former)
    found: list[Finding] = []
    for mark, now in new.items():
        was = old.get(mark) or partner.get(mark)
        kind = _kind(was, now, returns=mark in back and mark not in old, stronger=mark in stronger)
        if kind:
            found.append(Finding(kind=kind, now=now, before=was))
    for statement in gone:
        if statement.fingerprint not in reworded and statement.finding:
            found.append(Finding(kind="fixed", now=None, before=statement))
    spread = sorted(
        (s for s in new.values() if len(s.pages) > 1), key=lambda s: (-len(s.pages), -s.risk, s.fingerprint)
    )
    return Comparison(
        findings=tuple(sorted(found, key=lambda f: (-f.shown.severity, -f.shown.risk, f.shown.fingerprint))),
        rewordings=rewordings,
        spread=tuple(spread),
    )


def _kind(was: Statement | None, now: Statement, *, returns: bool, stronger: bool) -> str:
    """The kind of news that a statement is; "" where it is no finding and was none."""
    if not now.finding:
        return "fixed" if was is not None and was.finding else ""
    if was is None:
        return "returned" if returns else "new"
    if not was.finding:
        return "returned" if returns else ("worsened" if was.verdict is Verdict.SUPPORTED else "new")
    return "worsened" if now.severity > was.severity or stronger else "unchanged"
