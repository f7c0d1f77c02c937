"""An audit's pages -> statements: one claim of the product, wherever and however often the site makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.fingerprint import fingerprint
from pipeline.records import OVERPROMISES, Verdict

# How far a verdict is from what the docs show; a step up is a worsening.
SEVERITY = {Verdict.CONTRADICTED: 4, Verdict.PLANNED: 3, Verdict.QUALIFIED: 2, Verdict.UNDOCUMENTED: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One wording of a claim with the worst verdict that it has on any page. `pages` are all pages that make it, sorted.

    `doc` and `quote` are the evidence that carries the verdict, "" where there is none; `risk` is 0-100.
    """

    fingerprint: str
    text: str
    page_quote: str
    pages: tuple[str, ...]
    verdict: Verdict
    risk: float
    doc: str
    quote: str
    why: str
    remedy: str
    owner: str

    @property
    def finding(self) -> bool:
        """Whether it promises more than the docs."""
        return self.verdict in OVERPROMISES

    @property
    def severity(self) -> int:
        """0 (nothing to do) to 4."""
        return SEVERITY.get(self.verdict, 0)


def statements(pages: Iterable[Mapping[str, Any]]) -> dict[str, Statement]:
    """{fingerprint: Statement} of the page objects of an audit, in order of fingerprint."""
    where: dict[str, set[str]] = {}
    worst: dict[str, tuple[tuple[Any, ...], Mapping[str, Any]]] = {}
    for page in pages:
        source = str(page.get("url") or page.get("path") or "")
        for row in page["claims"]:
            mark = fingerprint(row["claim"])
            where.setdefault(mark, set()).add(source)
            # The last two members make the choice independent of the order of pages.
            rank = (SEVERITY.get(Verdict(row["verdict"]), 0), row.get("risk") or 0.0, source, row["id"])
            if mark not in worst or rank > worst[mark][0]:
                worst[mark] = (rank, row)
    return {mark: _statement(mark, worst[mark][1], where[mark]) for mark in sorted(where)}


def _statement(mark: str, row: Mapping[str, Any], pages: set[str]) -> Statement:
    evidence = row["evidence"][0] if row["evidence"] else {"doc": "", "quote": ""}
    return Statement(
        fingerprint=mark,
        text=row["claim"],
        page_quote=row.get("page_quote") or row["claim"],
        pages=tuple(sorted(pages)),
        verdict=Verdict(row["verdict"]),
        risk=float(row.get("risk") or 0.0),
        doc=evidence["doc"],
        quote=evidence["quote"],
        why=row["why"] or "",
        remedy=row["remedy"] or "",
        owner=row.get("owner", "copy"),
    )
