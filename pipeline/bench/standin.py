"""A stand-in for the judge, for benchmarks of everything around it: the store, the choice of pages, resuming, growth.

It reads sentences and cuts claims as the real one does, but a verdict is a matter of shared words and a hash: cheap, and the same every time. It says
nothing about accuracy, and every output that is made with it says so. SAYSDOES_STANDIN_MS makes each page take so long, SAYSDOES_STANDIN_LOG names a
file to which each audited page is appended.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pipeline.claims import read_sentences
from pipeline.config import Config
from pipeline.records import (
    OVERPROMISES,
    Candidate,
    Claim,
    Evidence,
    Judgement,
    Page,
    PageAudit,
    Relation,
    Sentence,
    Undersold,
    Verdict,
)
from pipeline.score import score_page

VERDICTS = (Verdict.SUPPORTED, Verdict.SUPPORTED, Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.QUALIFIED)


class StandIn:
    """Answers like `pipeline.audit.Auditor`."""

    def __init__(self, config: Config, documents: Sequence[Page]) -> None:
        self.config = config
        self.documents = len(documents)
        self.versions: Mapping[str, str] = {"judge": "stand-in: no verdict here means anything"}
        self._parts = [
            (d.source, b.text, _words(b.text)) for d in documents for b in d.blocks if len(b.text.split()) >= 4
        ]
        self._pause = float(os.environ.get("SAYSDOES_STANDIN_MS", "0")) / 1000
        self._log = os.environ.get("SAYSDOES_STANDIN_LOG", "")

    def audit_page(self, page: Page) -> PageAudit:
        """One page."""
        if self._log:
            with pathlib.Path(self._log).open("a", encoding="utf-8") as out:
                out.write(f"{page.source}\n")
        time.sleep(self._pause)
        sentences = [_marked(s) for s in read_sentences(page)]
        claims = [s for s in sentences if s.checkable]
        judgements = [self._judge(page, s, n) for n, s in enumerate(claims)]
        score = score_page(
            sentences, judgements, min_words=self.config.score.min_words, min_claims=self.config.score.min_claims
        )
        return PageAudit(page=page, sentences=tuple(sentences), judgements=tuple(judgements), score=score)

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        """Whether one of the three nearest texts is of `documents`."""
        return tuple(any(d in documents for d, _, _ in self._near(c.text)) for c in claims)

    def _near(self, text: str) -> list[tuple[str, str, frozenset[str]]]:
        words = _words(text)
        return sorted(self._parts, key=lambda p: (-len(words & p[2]), p[0], p[1]))[:3]

    def _judge(self, page: Page, sentence: Sentence, number: int) -> Judgement:
        block = page.blocks[sentence.block]
        words = _words(sentence.text)
        near = self._near(sentence.text)
        hit = near and len(words & near[0][2]) >= 3
        verdict = VERDICTS[_hash(sentence.text) % len(VERDICTS)] if hit else Verdict.UNDOCUMENTED
        over = 0.9 if verdict in OVERPROMISES else 0.1
        relation = Relation.SUPPORTS if verdict is Verdict.SUPPORTED else Relation.LIMITS
        claim = Claim(
            id=hashlib.sha256(f"{page.source}\0{sentence.text}\0{number}".encode()).hexdigest()[:12], text=sentence.text,
            quote=sentence.text, block=sentence.block, selector=block.selector, start=sentence.start, end=sentence.end,
            prominence=block.prominence,
        )  # fmt: skip
        return Judgement(
            claim=claim, verdict=verdict, confidence=0.8, overpromise=over, condition=None,
            evidence=tuple(Evidence(doc=d, heading="", quote=q, relation=relation, score=0.8) for d, q, _ in near[:1] if hit),
            candidates=tuple(Candidate(doc=d, quote=q, score=0.5) for d, q, _ in near),
            why="Decided by the stand-in.", remedy=None, risk=round(100 * over * block.prominence, 1) if verdict in OVERPROMISES else 0.0,
        )  # fmt: skip

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        """Passages whose words no sentence shares."""
        said = [_words(text) for text in copy]
        silent = [(d, t) for d, t, w in self._parts if not any(len(w & s) >= 3 for s in said)]
        return tuple(
            Undersold(capability=t[:40], doc=d, quote=t, score=0.5)
            for d, t in sorted(silent)[: self.config.undersold.most]
        )


def open_standin(config: Config, documents: Sequence[Page]) -> StandIn:
    """An opener for `pipeline.engine`."""
    return StandIn(config, documents)


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in re.findall(r"[a-z0-9]+", text.lower()) if len(w) > 3)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:4], "big")


def _marked(sentence: Sentence) -> Sentence:
    words = len(sentence.text.split())
    return replace(sentence, checkable=5 <= words <= 60, generic=round(_hash(sentence.text) % 1000 / 1000, 4))
