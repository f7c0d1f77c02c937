"""The one place that knows the order of the stages.

    docs -> passages -> index          copy -> sentences -> claims -> matches -> judgements -> scores, undersold

An Auditor holds the opened models and one documentation set; it can audit any number of pages with them. The same bytes, models and configuration
give the same findings, in any order of pages.
"""

from __future__ import annotations

import datetime
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from pipeline import __version__
from pipeline.capabilities import passages, plan_ladder
from pipeline.claims import claims_of, read_sentences
from pipeline.config import Config
from pipeline.drift import share_of_voice
from pipeline.embed import open_encoder
from pipeline.errors import UsageError
from pipeline.generality import Clone, Voice
from pipeline.generic import compare_pages, page_copy, page_kind
from pipeline.match import build_index, match
from pipeline.records import Audit, BlockKind, Claim, Judgement, Page, PageAudit, Problem, Undersold
from pipeline.score import score_page
from pipeline.sentences import SentenceModel
from pipeline.undersold import undersold
from pipeline.verify import Judge

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


class Auditor:
    """Models and one indexed documentation set."""

    def __init__(self, config: Config, documents: Sequence[Page], *, progress: Progress = silent) -> None:
        """Raises UsageError when the documentation holds no passage, ModelError when a model cannot be opened."""
        self.config = config
        self.encoder = open_encoder(config.models.retriever, config.cache_file)
        self.judge = Judge(self.encoder, config.models.reader, config.models.decision)
        self.sentences = SentenceModel(config.models.sentences)
        self.ladder = tuple(p.lower() for p in config.plans) or plan_ladder(documents)
        found = passages(documents, self.ladder)
        if not found:
            raise UsageError(
                "The documentation holds no text to check against: give --docs a folder, file or URL with documentation pages."
            )
        progress("indexing documentation", 0, len(found))
        self.index = build_index(found, self.encoder)
        progress("indexing documentation", len(found), len(found))
        self.documents = len({p.doc for p in found})
        self.versions: Mapping[str, str] = {
            "saysdoes": __version__,
            **self.judge.versions,
            "sentences": self.sentences.version,
        }

    def judge_claims(self, claims: Sequence[Claim], *, progress: Progress = silent) -> tuple[Judgement, ...]:
        """A Judgement for each claim, in order."""
        out: list[Judgement] = []
        # Few at a time, so that who watches hears of it often; the size of a batch changes no verdict.
        for start in range(0, len(claims), 4):
            progress("judging claims", start, len(claims))
            found = match(claims[start : start + 4], self.index, self.encoder, self.config.match.top_k)
            out += self.judge.judge(found, self.ladder, self.documents)
        progress("judging claims", len(claims), len(claims))
        return tuple(out)

    def audit_page(self, page: Page, *, progress: Progress = silent) -> PageAudit:
        """One page: its sentences, the verdicts on its claims and its scores."""
        read = read_sentences(page)
        blocks = [page.blocks[s.block] for s in read]
        sentences = self.sentences.judge(read, blocks, self.encoder, self.index, page_kind(page).value)
        judgements = self.judge_claims(claims_of(page, sentences), progress=progress)
        score = score_page(
            sentences, judgements, min_words=self.config.score.min_words, min_claims=self.config.score.min_claims
        )
        copy = page_copy(page, sentences, self.index, self.encoder, min_words=self.config.score.min_words)
        return PageAudit(page=page, sentences=tuple(sentences), judgements=judgements, score=score, copy=copy)

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        """For each claim whether its retrieval gives a passage of one of `documents`. Nothing is read for it."""
        found = match(claims, self.index, self.encoder, self.config.match.top_k)
        return tuple(any(p.doc in documents for p in (*m.passages, *m.conditions)) for m in found)

    def beside_each_other(
        self, pages: Sequence[PageAudit]
    ) -> tuple[tuple[PageAudit, ...], tuple[Clone, ...], tuple[Voice, ...]]:
        """What only many pages together tell: each page beside its kind and the site, near-clones, and what the copy speaks of."""
        looked = [(p.page, p.sentences, p.copy) for p in pages if p.copy is not None]
        copies, clones = compare_pages(looked, self.index, self.encoder)
        found = {page.source: copy for (page, _, _), copy in zip(looked, copies, strict=True)}
        said = {p.page.source: [(s, p.page.blocks[s.block].prominence) for s in p.sentences] for p in pages}
        done = tuple(replace(p, copy=found.get(p.page.source)) for p in pages)
        return done, clones, share_of_voice(said, self.index, self.encoder)

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        """Documented capabilities that none of the sentences of `copy` speaks of."""
        return undersold(self.index, copy, self.encoder, self.config.undersold.most)

    def audit(self, pages: Sequence[Page], problems: Sequence[Problem], *, progress: Progress = silent) -> Audit:
        """All pages, the site's scores and the undersold capabilities."""
        done = []
        for number, page in enumerate(pages):
            progress("auditing pages", number, len(pages))
            done.append(self.audit_page(page, progress=progress if len(pages) == 1 else silent))
        progress("auditing pages", len(pages), len(pages))
        sentences = [s for p in done for s in p.sentences]
        judgements = [j for p in done for j in p.judgements]
        score = score_page(
            sentences, judgements, min_words=self.config.score.min_words, min_claims=self.config.score.min_claims
        )
        copy = sold_copy(done)
        compared, clones, voices = self.beside_each_other(done)
        return Audit(
            product=self.config.product or product_name(pages),
            generated_at=timestamp(),
            versions=self.versions,
            pages=compared,
            undersold=self.undersold(copy),
            problems=tuple(problems),
            documents=self.documents,
            passages=len(self.index.passages),
            score=score,
            clones=clones,
            voices=voices,
        )


def sold_copy(pages: Sequence[PageAudit]) -> list[str]:
    """The sentences that sell: all but the words on buttons."""
    return [s.text for p in pages for s in p.sentences if p.page.blocks[s.block].kind is not BlockKind.BUTTON]


def product_name(pages: Sequence[Page]) -> str:
    """The name that the pages call themselves by: the part of a title (`Pricing | Acme` -> Acme) or JSON-LD name that the copy uses most."""
    named: Counter[str] = Counter()
    for page in pages:
        parts = {p.strip() for p in re.split(r"\s*[|:]\s+|\s+[\u2013\u2014\u00b7-]\s+|\s*\|\s*", page.title)}
        parts |= {b.text for b in page.blocks if b.kind is BlockKind.JSON_LD and len(b.text.split()) <= 3}
        for part in parts:
            if part and len(part.split()) <= 3 and part[0].isupper():
                named[part] += 1
    text = " ".join(b.text for p in pages for b in p.blocks if b.kind not in {BlockKind.TITLE, BlockKind.JSON_LD})
    best = max(named, key=lambda n: (named[n] * len(re.findall(rf"\b{re.escape(n)}\b", text)), named[n], n), default="")
    return best or (pages[0].title if pages else "")


def timestamp() -> str:
    """Now in UTC, to the second; SOURCE_DATE_EPOCH wins, so that a build can be reproduced."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC) if epoch else datetime.datetime.now(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
