"""Judgements -> few numbers, each with its denominator. Arithmetic only; nothing to judge gives None, never 0 or 100.

Proof rate: supported claims / claims that the documentation can settle (supported and overpromises).
Overpromise risk, 0-100: how much of the copy's weight (prominence) promises more than the docs, by severity of the verdict.
Generic share, 0-100: share of words in sentences that pass the swap test, each weighted by its chance of being generic.
Grade: A to F by overpromise risk and proof rate; see GRADES.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import OVERPROMISES, Judgement, PageScore, Sentence, Verdict

# (grade, lowest proof rate, highest overpromise risk): both must hold. Steps are chosen so that a page whose every
# second claim is unproven cannot be better than D; they rank pages, they are no measurement.
GRADES = (("A", 0.9, 8.0), ("B", 0.75, 18.0), ("C", 0.6, 32.0), ("D", 0.4, 50.0), ("F", 0.0, 100.0))
# Words and settled claims under which no generic share and no grade are given; configs/default.yaml can say otherwise.
MIN_WORDS, MIN_CLAIMS = 60, 3
SETTLED = OVERPROMISES | {Verdict.SUPPORTED}


def score_page(
    sentences: Sequence[Sentence], judgements: Sequence[Judgement], *, min_words: int, min_claims: int
) -> PageScore:
    """Scores of one page, or of a site when everything of it is given."""
    settled = [j for j in judgements if j.verdict in SETTLED]
    supported = sum(j.verdict is Verdict.SUPPORTED for j in settled)
    proof = supported / len(settled) if settled else None
    weight = sum(0.5 + 0.5 * j.claim.prominence for j in settled)
    risk = sum(j.risk for j in settled) / weight if settled else None
    # What stands on a page several times says nothing more: a carousel of quotes must not outweigh the copy.
    once = {s.text: s for s in sentences}.values()
    words = sum(len(s.text.split()) for s in once)
    generic = sum(len(s.text.split()) * s.generic for s in once) / words * 100 if words else None
    grade = None
    if proof is not None and risk is not None and len(settled) >= min_claims:
        grade = next(g for g, low, high in GRADES if (proof >= low and risk <= high) or g == "F")
    return PageScore(
        proof_rate=None if proof is None else round(proof, 4),
        overpromise_risk=None if risk is None else round(min(100.0, risk), 1),
        generic_share=None if generic is None or words < min_words else round(generic, 1),
        grade=grade,
        claims=len(judgements),
        judged=len(settled),
        words=words,
    )
