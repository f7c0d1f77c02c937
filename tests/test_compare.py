"""What became of findings between two runs: moves are no news, strengthened claims are found, time-outs fix nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.compare import compare, strength
from pipeline.records import Verdict


def page(source: str, *claims: tuple[str, str]) -> dict[str, Any]:
    rows = [
        {"id": f"{source}{n}", "claim": text, "verdict": verdict, "risk": 50.0, "evidence": [{"doc": "d.md", "quote": "What the docs say."}],
         "why": "Because.", "remedy": None, "owner": "copy", "page_quote": text}
        for n, (text, verdict) in enumerate(claims)
    ]  # fmt: skip
    return {"url": source, "claims": rows}


BAD, GOOD = "contradicted", "supported"


def kinds(found: Any) -> dict[str, list[str]]:
    return {k: [f.shown.text for f in found.of(k)] for k in ("new", "fixed", "worsened", "returned", "unchanged") if found.of(k)}


def test_a_claim_that_moves_or_is_typeset_anew_is_no_news() -> None:
    before = [page("a", ("SSO on every plan.", BAD), ("Exports run daily.", GOOD)), page("b")]
    after = [page("a", ("Exports run daily.", GOOD)), page("b", ("SSO  on every plan", BAD))]
    assert kinds(compare(before, after)) == {"unchanged": ["SSO  on every plan"]}


def test_new_fixed_worsened_returned_and_spread() -> None:
    before = [page("a", ("SSO on every plan.", BAD), ("Calls are recorded for managers.", GOOD), ("Reports in nine languages.", "qualified"))]
    after = [page("a", ("Calls are recorded for managers.", BAD), ("Phone support at weekends.", BAD), ("Reports in nine languages.", BAD)),
             page("b", ("Phone support at weekends.", BAD), ("Guaranteed uptime of forever.", BAD))]  # fmt: skip
    from pipeline.fingerprint import fingerprint

    found = compare(before, after, former={fingerprint("Guaranteed uptime of forever.")})
    assert kinds(found) == {
        "new": ["Phone support at weekends."],
        "fixed": ["SSO on every plan."],
        "worsened": sorted(["Calls are recorded for managers.", "Reports in nine languages."], key=fingerprint),
        "returned": ["Guaranteed uptime of forever."],
    }
    assert [(s.text, s.pages) for s in found.spread] == [("Phone support at weekends.", ("a", "b"))]
    record = found.changes("2026-11-26T00:00:00Z")
    assert record.fixed[0].before is Verdict.CONTRADICTED and record.fixed[0].after is None and record.unchanged == 0


def test_a_page_that_was_not_read_fixes_nothing() -> None:
    before = [page("a", ("SSO on every plan.", BAD)), page("b", ("Free forever for all.", BAD))]
    found = compare(before, [page("b", ("Free forever for all.", BAD))], unread={"a"})
    assert kinds(found) == {"unchanged": ["Free forever for all."]}


def test_the_order_of_pages_and_claims_does_not_matter() -> None:
    before = [page("a", ("One thing is exported nightly.", BAD)), page("b", ("Two things are imported weekly.", BAD))]
    after = [page("a", ("One thing is exported hourly.", BAD)), page("c", ("All new promise about phones.", BAD))]
    assert compare(before, after) == compare(before[::-1], after[::-1])


# Each row: how it read, how it reads now. The first list promises more, the second less or the same.
STRONGER = [
    ("Up to 15 seats on the Team plan", "Up to 25 seats on the Team plan"),
    ("SSO on the Business plan", "SSO included"),
    ("Audit log (Enterprise)", "Audit log"),
    ("Builds are typically done within 10 minutes", "Builds are done within 10 minutes"),
    ("Replies within 24 hours", "Replies within 1 hour"),
    ("Uptime of 99.9%", "Uptime of 99.99%"),
    ("Works with most browsers", "Works with all browsers"),
    ("Now in public beta: shift swaps", "Shift swaps"),
    ("Export up to 10,000 rows", "Export unlimited rows"),
    ("Logs are kept for 30 days", "Logs are kept for 90 days"),
    ("Plans from $10 a month", "Plans from $5 a month"),
    ("Phone support during business hours", "Phone support around the clock"),
    ("May help reduce no-shows", "Reduces no-shows"),
    ("Five users are free", "Ten users are free"),
    ("Offline mode on iOS", "Offline mode"),
    ("Hosted in the EU", "Hosted anywhere"),
]
NOT_STRONGER = [
    ("Unlimited seats", "Up to 5 seats"),
    ("Replies within 1 hour", "Replies within 24 hours"),
    ("Import CSV and Excel files", "Import CSV files and Excel files"),
    ("SSO included", "SSO on the Business plan"),
    ("Reduces no-shows", "May help reduce no-shows"),
    ("Sync your calendar", "Synchronise your calendar"),
]


@pytest.mark.parametrize(("old", "new"), STRONGER)
def test_what_promises_more_is_said_so(old: str, new: str) -> None:
    assert strength(old, new).direction > 0 and strength(old, new).why
    found = compare([page("a", (old, GOOD))], [page("a", (new, BAD))])
    assert [(r.old.text, r.new.text) for r in found.strengthened] == [(old, new)]


@pytest.mark.parametrize(("old", "new"), NOT_STRONGER)
def test_what_promises_less_or_the_same_is_not_called_stronger(old: str, new: str) -> None:
    assert strength(old, new).direction <= 0
