"""What to write instead, in the docs' own words. Nothing is invented: an offer is a sentence of the quote that carries the verdict."""

from __future__ import annotations

import re

from pipeline.records import Judgement, Verdict
from pipeline.report.thresholds import OFFER_WORDS

_MARKDOWN = frozenset({"md", "mdx", "markdown"})
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(“])")
_WORD = re.compile(r"[^\W_]{3,}")
# A sentence that is offered for a planned feature must itself say that it is to come.
_PLANNED = re.compile(r"\b(planned|roadmap|coming|upcoming|not yet|future|in beta|preview|working on)\b", re.I)
_OFFERED = frozenset({Verdict.QUALIFIED, Verdict.PLANNED, Verdict.CONTRADICTED})


def is_markdown(doc: str) -> bool:
    """Whether the document's name says that it is Markdown."""
    return doc.split("#")[0].split("?")[0].rsplit(".", 1)[-1].lower() in _MARKDOWN


def reading(quote: str, doc: str) -> str:
    """`quote` as a reader sees it: the marks of a Markdown document taken off, table cells set apart. Other documents: as it stands."""
    if not is_markdown(doc):
        return quote
    text = re.sub(r"(?m)^\s*(?:>\s?|[-*+]\s+|\d+[.)]\s+|#{1,6}\s+)+", "", quote)
    text = re.sub(r"!?\[([^\]\n]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)", r"\1", text)
    text = re.sub(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])", r"\1", text)
    if text.count("|") >= 2:
        text = " · ".join(cell.strip() for cell in text.strip().strip("|").split("|"))
    return " ".join(text.split())


def offer(judgement: Judgement) -> str:
    """The docs' sentence to write in the place of the claim; "" where they have none to offer."""
    if judgement.verdict not in _OFFERED or not judgement.evidence:
        return ""
    best = judgement.evidence[0]
    plain = reading(best.quote, best.doc)
    if " · " in plain or "|" in plain:
        return ""
    said = set(_WORD.findall(judgement.claim.text.lower()))
    condition = set(_WORD.findall(judgement.condition.value.lower())) if judgement.condition is not None else set()
    fewest, most = OFFER_WORDS

    def fits(sentence: str) -> bool:
        words = set(_WORD.findall(sentence.lower()))
        if not fewest <= len(sentence.split()) <= most or sentence.endswith(("?", ":")):
            return False
        if judgement.verdict is Verdict.QUALIFIED:
            return bool(words & condition)
        return bool(_PLANNED.search(sentence)) if judgement.verdict is Verdict.PLANNED else bool(words & said)

    fit = [s for s in _SENTENCE.split(plain) if fits(s)]
    if not fit:
        return ""
    return max(fit, key=lambda s: len((said | condition) & set(_WORD.findall(s.lower()))))
