"""The writing desk: text -> its sentences with their verdicts. A sentence that was judged before is answered from memory."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from typing import Any

from pipeline.audit import Auditor
from pipeline.claims import spans
from pipeline.records import Block, BlockKind, Page, PageAudit
from pipeline.report.advice import offer, reading
from pipeline.report.document import page_claim_row
from pipeline.report.wording import OWNERS, SIGNS, VERDICTS, headline, sure_of, task

MOST_REMEMBERED = 5000
# So many new sentences are judged in one answer; the rest comes with the next ones, so that verdicts appear as they are made.
MOST_AT_ONCE = 3
MOST_CHARACTERS = 20_000
_LEAD = re.compile(r"^\s*(?:[-*+•]\s+|#{1,6}\s+|>\s*|\d{1,2}[.)]\s+)*")


class Desk:
    """Judges text against one documentation set."""

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self._verdicts: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._lines: OrderedDict[str, list[str]] = OrderedDict()

    def sentences(self, text: str) -> list[str]:
        """The sentences of `text`, line by line, without list marks and heading marks."""
        out: list[str] = []
        for line in text[:MOST_CHARACTERS].splitlines():
            bare = _LEAD.sub("", line).strip()
            if not bare:
                continue
            if bare not in self._lines:
                self._lines[bare] = [bare[a:b] for a, b in spans(bare)]
                if len(self._lines) > MOST_REMEMBERED:
                    self._lines.popitem(last=False)
            out += self._lines[bare]
        return out

    def judge(self, text: str) -> list[dict[str, Any]]:
        """One row a sentence: {"text", "pending", "claims"}; pending ones have no verdict yet: ask again."""
        rows: list[dict[str, Any]] = []
        fresh = 0
        for sentence in self.sentences(text):
            key = hashlib.sha256(sentence.encode("utf-8", "replace")).hexdigest()
            if key not in self._verdicts and fresh < MOST_AT_ONCE:
                fresh += 1
                self._verdicts[key] = self._claims(sentence)
                if len(self._verdicts) > MOST_REMEMBERED:
                    self._verdicts.popitem(last=False)
            known = self._verdicts.get(key)
            if known is not None:
                self._verdicts.move_to_end(key)
            rows.append({"text": sentence, "pending": known is None, "claims": known or []})
        return rows

    def _claims(self, sentence: str) -> list[dict[str, Any]]:
        block = Block(kind=BlockKind.PARAGRAPH, text=sentence, selector="")
        audited: PageAudit = self._auditor.audit_page(Page(source="writing desk", title="", blocks=(block,), text=sentence))
        return [
            page_claim_row(j)
            | {
                "label": VERDICTS[j.verdict][0],
                "sign": SIGNS[j.verdict],
                "headline": headline(j),
                "task": task(j),
                "said": reading(j.evidence[0].quote, j.evidence[0].doc) if j.evidence else "",
                "sure": sure_of(j),
                "offer": offer(j),
                "who": OWNERS.get(j.owner, j.owner),
            }
            for j in audited.judgements
        ]
