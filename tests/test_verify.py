"""Signals and explanations on hand-made matches: no model is asked here, the relation probabilities are given."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.capabilities import passages
from pipeline.claims import types_of
from pipeline.documents import read_markdown
from pipeline.match import build_index, match
from pipeline.records import Claim, ConditionKind, Relation, Verdict
from pipeline.verify.explain import condition_of, evidence_for, owner_of, quote_of, remedy_of, why_of
from pipeline.verify.judge import as_said, candidates_of, reading_list
from pipeline.verify.signals import RELATIONS, signals

LADDER = ("free", "team", "business")
DOCS = {
    "logs.md": "# Log retention\n\nLogs are kept for 30 days. After that they are deleted and cannot be restored.",
    "sso.md": "# Single sign-on\n\n> **Note** Available on the Business plan only.\n\nConnect Okta to sign people in.",
    "plans.md": "# Plans\n\n| Feature | Free | Team | Business |\n|---|---|---|---|\n| Audit trail | no | no | yes |\n| Seats | 5 | 50 | unlimited |",
    "beta.md": "# Forecast (Beta)\n\nForecasts are in public beta and may change.",
    "road.md": "# Roadmap\n\nAn Android app is planned for next year.",
}


def look(text: str, encoder):
    pages = [read_markdown(t, n, verbatim=True) for n, t in DOCS.items()]
    index = build_index(passages(pages, LADDER), encoder)
    found = match([Claim(id="1", text=text, types=types_of(text))], index, encoder)[0]
    return found, reading_list(found)


def reading(read, doc: str, relation: str, sure: float = 0.9) -> np.ndarray:
    out = np.zeros((len(read), 5))
    out[:, 4] = 1.0
    for row, passage in enumerate(read):
        if passage.doc == doc:
            out[row] = (1 - sure) / 4
            out[row, RELATIONS.index(relation)] = sure
    return out


def see(text: str, doc: str, relation: str, encoder) -> dict[str, float]:
    found, read = look(text, encoder)
    return signals(found, read, reading(read, doc, relation), LADDER, {v.value: 1 / 7 for v in Verdict})


def test_number_conflict_is_seen_and_agreement_silences_it(encoder) -> None:
    wrong = see("Logs are kept for 90 days", "logs.md", "contradicts", encoder)
    right = see("Logs are kept for 30 days", "logs.md", "supports", encoder)
    assert wrong["number.conflict_unanswered"] > 0.5
    assert right["number.conflict_unanswered"] == 0
    assert right["number.equal"] > 0.5


def test_plan_condition_counts_only_when_the_copy_omits_it(encoder) -> None:
    silent = see("Connect Okta to sign people in", "sso.md", "limits", encoder)
    said = see("Connect Okta to sign people in on the Business plan", "sso.md", "supports", encoder)
    assert silent["plan.limit_unsaid"] > 0.3
    assert said["plan.limit_unsaid"] == 0
    assert said["plan.claimed"] == 1


def test_beta_and_roadmap_are_seen(encoder) -> None:
    assert see("Forecasts of next week", "beta.md", "limits", encoder)["condition.beta"] > 0.3
    assert see("Forecasts in public beta", "beta.md", "supports", encoder)["condition.beta"] == 0
    assert see("Use the Android app", "road.md", "plans", encoder)["condition.planned"] > 0.3


def test_signals_have_the_same_names_whatever_is_found(encoder) -> None:
    found, _ = look("unheard words entirely", encoder)
    empty = signals(found, (), np.zeros((0, 5)), LADDER, {v.value: 1 / 7 for v in Verdict})
    assert set(empty) == set(see("Logs are kept for 30 days", "logs.md", "supports", encoder))
    assert all(np.isfinite(list(empty.values())))


@pytest.mark.parametrize(
    ("text", "doc", "kind", "value"),
    [
        ("Every change leaves an audit trail", "plans.md", ConditionKind.PLAN, "Business"),
        ("Connect Okta to sign people in", "sso.md", ConditionKind.PLAN, "Business"),
        ("Forecasts of next week", "beta.md", ConditionKind.BETA, "beta"),
    ],
)
def test_condition_in_plain_words(text: str, doc: str, kind: ConditionKind, value: str, encoder) -> None:
    found, read = look(text, encoder)
    condition = condition_of(found.claim, read, reading(read, doc, "limits"), LADDER)
    assert condition.kind is kind
    assert value.lower() in condition.value.lower()
    assert value.lower() in why_of(found.claim, Verdict.QUALIFIED, condition, (), 5).lower()


def test_evidence_is_verbatim_and_the_deciding_quote_comes_first(encoder) -> None:
    found, read = look("Logs are kept for 90 days", encoder)
    evidence = evidence_for(found.claim, Verdict.CONTRADICTED, read, reading(read, "logs.md", "contradicts"), lambda _: 0)
    assert evidence[0].doc == "logs.md"
    assert evidence[0].relation is Relation.CONTRADICTS
    assert evidence[0].quote in DOCS["logs.md"]
    assert why_of(found.claim, Verdict.CONTRADICTED, None, evidence, 5) == "The copy says 90 days, the documentation says 30 days."
    assert evidence[0].quote[:20] in (remedy_of(Verdict.CONTRADICTED, None, evidence) or "")
    silent = evidence_for(found.claim, Verdict.UNDOCUMENTED, read, reading(read, "logs.md", "none"), lambda _: 0)
    assert {e.relation for e in silent} == {Relation.RELATED}


def test_owner_and_remedy() -> None:
    assert owner_of(Verdict.UNDOCUMENTED, ()) == "docs"
    assert owner_of(Verdict.CONTRADICTED, ()) == "copy"
    assert remedy_of(Verdict.SUPPORTED, None, ()) is None


def test_long_parts_are_cut_to_sentences_that_speak_of_the_claim(encoder) -> None:
    sentences = [f"Filler sentence number {n} about nothing in particular at all." for n in range(9)]
    sentences[5] = "Night exports can be restored for ten days."
    page = read_markdown("# Long\n\n" + " ".join(sentences[:6]), "long.md", verbatim=True)
    passage = passages([page], ())[0]
    quote = quote_of(Claim(id="1", text="Restore night exports"), passage)
    assert "Night exports can be restored" in quote
    assert len(quote.split()) <= 60
    assert quote in " ".join(sentences)


def test_candidates_show_each_document_first(encoder) -> None:
    found, _ = look("Logs seats Okta forecasts Android", encoder)
    docs = [c.doc for c in candidates_of(found)]
    assert len(set(docs[: len(set(docs))])) == len(set(docs))


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("Leave balances are available on Team and Business.", "Team and up"),
        ("Leave balances need Business. They are not available on Free.", "Business"),
        ("Leave balances are included in Free and Team.", "Free and Team"),
    ],
)
def test_condition_names_the_plans_that_have_the_feature(rule: str, value: str, encoder) -> None:
    passage = passages([read_markdown(f"# Leave\n\n{rule}", "leave.md", verbatim=True)], LADDER)
    claim = Claim(id="1", text="Leave balances are counted for you")
    assert condition_of(claim, passage, np.array([[0.0, 1.0, 0.0, 0.0, 0.0]]), LADDER).value == value


def test_label_on_a_plans_card_is_said_of_that_plan() -> None:
    label = Claim(id="1", text="Geofenced clock-in", context="Business")
    assert as_said(label, LADDER).text == "On Business: Geofenced clock-in"
    assert as_said(Claim(id="1", text="Clock in anywhere.", context="Business"), LADDER).text == "Clock in anywhere."
    assert as_said(Claim(id="1", text="Team calendars", context="Business"), LADDER).text == "Team calendars"
    assert as_said(Claim(id="1", text="Geofenced clock-in", context="Why us"), LADDER).text == "Geofenced clock-in"
