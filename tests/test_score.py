"""Arithmetic of the scores: None is not zero."""

from __future__ import annotations

from pipeline.records import Claim, Judgement, Sentence, Verdict
from pipeline.score import score_page


def judged(verdict: Verdict, risk: float = 0.0, prominence: float = 1.0) -> Judgement:
    return Judgement(claim=Claim(id="1", text="x", prominence=prominence), verdict=verdict, confidence=0.9, overpromise=0.5, condition=None,
                     evidence=(), candidates=(), why="", remedy=None, risk=risk)


def sentence(words: int, generic: float) -> Sentence:
    return Sentence(text=" ".join(["word"] * words), block=0, start=0, end=1, types=(), checkable=True, generic=generic)


def test_nothing_to_judge_is_none() -> None:
    score = score_page([], [], min_words=10, min_claims=1)
    assert (score.proof_rate, score.overpromise_risk, score.generic_share, score.grade) == (None, None, None, None)
    only_puffery = score_page([sentence(20, 1.0)], [judged(Verdict.UNCHECKABLE), judged(Verdict.EXTERNAL)], min_words=10, min_claims=1)
    assert only_puffery.proof_rate is None
    assert (only_puffery.claims, only_puffery.judged) == (2, 0)
    assert only_puffery.generic_share == 100.0


def test_too_little_text_gives_no_share() -> None:
    assert score_page([sentence(5, 0.5)], [], min_words=10, min_claims=1).generic_share is None


def test_proof_rate_and_risk() -> None:
    score = score_page([sentence(10, 0.2), sentence(30, 0.6)], [judged(Verdict.SUPPORTED)] * 3 + [judged(Verdict.CONTRADICTED, risk=100.0)],
                       min_words=10, min_claims=3)
    assert score.proof_rate == 0.75
    assert score.overpromise_risk == 25.0
    assert score.generic_share == 50.0
    assert score.grade == "C"


def test_all_proven_is_an_a_and_too_few_claims_no_grade() -> None:
    assert score_page([], [judged(Verdict.SUPPORTED)] * 3, min_words=0, min_claims=3).grade == "A"
    assert score_page([], [judged(Verdict.SUPPORTED)] * 2, min_words=0, min_claims=3).grade is None
