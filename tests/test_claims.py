"""Sentences, types and clauses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.claims import _says_something, claims_of, clauses, read_sentences, spans, types_of
from pipeline.page import read_html
from pipeline.records import ClaimType


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One plan. Two plans.", ["One plan.", "Two plans."]),
        ("Works with Google, Bing, etc. Others follow.", ["Works with Google, Bing, etc.", "Others follow."]),
        ("Use e.g. Slack or i.e. Teams today.", ["Use e.g. Slack or i.e. Teams today."]),
        ("Version 3.5 is out! Get it.", ["Version 3.5 is out!", "Get it."]),
        ("Really? “Yes.” Fine", ["Really?", "“Yes.”", "Fine"]),
        ("no capital. next stays", ["no capital. next stays"]),
    ],
)
def test_spans(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in spans(text)] == parts


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Unlimited projects on every plan", {ClaimType.ABSOLUTE, ClaimType.AVAILABILITY}),
        ("SOC 2 Type II certified", {ClaimType.COMPLIANCE}),
        ("Faster than Jenkins", {ClaimType.COMPARISON}),
        ("Integrates with Slack", {ClaimType.INTEGRATION}),
        ("Keep logs for 90 days", {ClaimType.QUANTITY}),
        ("Trusted by 4,000 teams", {ClaimType.COMPANY, ClaimType.QUANTITY}),
        ("Get started", {ClaimType.PUFFERY}),
        ("Stores each revision", {ClaimType.CAPABILITY}),
    ],
)
def test_types(text: str, kinds: set[ClaimType]) -> None:
    assert kinds <= set(types_of(text))


def test_compound_claims_are_split_only_where_each_part_stands_alone() -> None:
    text = "The planner fills every shift overnight, and managers approve the result with one tap."
    parts = [text[a:b] for a, b in clauses(text)]
    assert parts == ["The planner fills every shift overnight", "managers approve the result with one tap."]
    whole = "Acme supports Slack, Teams and Zoom without any set-up on your side."
    assert clauses(whole) == [(0, len(whole))]


def test_claim_text_is_a_slice_of_its_block() -> None:
    page = read_html("<main><h1>Plan shifts in minutes</h1><p>Export to CSV. The planner fills every shift overnight, and managers approve the result "
                     "with one tap.</p><p>Export to CSV.</p><nav><p>Menu text here.</p></nav></main>", "index.html")
    sentences = [replace(s, checkable=True) for s in read_sentences(page)]
    assert "Menu text here." not in [s.text for s in sentences]
    for s in sentences:
        assert s.text == page.blocks[s.block].text[s.start : s.end]
    claims = claims_of(page, sentences)
    for c in claims:
        assert c.text == page.blocks[c.block].text[c.start : c.end]
    assert len({c.id for c in claims}) == len(claims)
    assert [c.text for c in claims].count("Export to CSV.") == 1


def test_questions_and_bare_words_are_no_claims() -> None:
    assert not any(map(_says_something, ("Is there a free plan?", "Yes.", "$0", "Rotafern", "It is.")))
    assert all(map(_says_something, ("Geofenced clock-in", "Up to 150 staff", "REST API and webhooks")))
