"""The order of the verification steps: read the passages, see the signals, decide, explain."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.embed import Encoder
from pipeline.match import READ
from pipeline.records import OVERPROMISES, Candidate, Judgement, Match, Passage, Verdict
from pipeline.verify.decide import Decision
from pipeline.verify.explain import condition_of, evidence_for, owner_of, quote_of, remedy_of, why_of
from pipeline.verify.reader import Reader
from pipeline.verify.signals import signals

# How bad each verdict is when it is right, before prominence: contradicted copy first, silence last.
SEVERITY = {Verdict.CONTRADICTED: 1.0, Verdict.PLANNED: 0.9, Verdict.QUALIFIED: 0.7, Verdict.UNDOCUMENTED: 0.5}


def reading_list(match: Match) -> tuple[Passage, ...]:
    """The passages that are read for a claim: the best of the retrieval, then the conditions that rule over them."""
    return (*match.passages[:READ], *match.conditions)


class Judge:
    """Holds the reader and the decision; one instance judges any number of claims."""

    def __init__(self, encoder: Encoder, reader: str = "verifier", decision: str = "decision") -> None:
        self._encoder = encoder
        self._reader = Reader(reader)
        self._decision = Decision(decision)
        self.versions = {"encoder": encoder.version, "reader": self._reader.version, "decision": self._decision.version}

    def judge(self, matches: Sequence[Match], ladder: Sequence[str], documents: int) -> tuple[Judgement, ...]:
        """One Judgement a match, in order. `documents` is the number of documents searched."""
        vectors = self._encoder.encode([m.claim.text for m in matches])
        out = []
        for match, vector in zip(matches, vectors, strict=True):
            claim = match.claim
            read = reading_list(match)
            reading = self._reader.read(claim, read)
            seen = signals(match, read, reading, ladder, self._decision.text_odds(claim, vector))
            decided = self._decision.decide(seen)
            verdict = decided.verdict
            condition = condition_of(claim, read, reading, ladder) if verdict is Verdict.QUALIFIED and read else None
            evidence = evidence_for(claim, verdict, read, reading) if verdict is not Verdict.UNCHECKABLE else ()
            candidates = tuple(
                Candidate(doc=p.doc, quote=quote_of(claim, p), score=s)
                for p, s in zip(match.passages[:10], match.scores[:10], strict=True)
            )
            risk = (
                100 * decided.overpromise * SEVERITY.get(verdict, 0.0) * (0.5 + 0.5 * claim.prominence)
                if verdict in OVERPROMISES
                else 0.0
            )
            out.append(
                Judgement(
                    claim=claim,
                    verdict=verdict,
                    confidence=decided.confidence,
                    overpromise=decided.overpromise,
                    condition=condition,
                    evidence=evidence,
                    candidates=candidates,
                    why=why_of(claim, verdict, condition, evidence, documents),
                    remedy=remedy_of(verdict, condition, evidence),
                    owner=owner_of(verdict, evidence),
                    risk=round(risk, 1),
                )
            )
        return tuple(out)
