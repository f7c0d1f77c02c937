"""A baseline: the findings that a team knows of, kept in its repository, so that only new ones fail a check.

A finding is known by its words and its verdict, wherever it stands: text that moves to another line or page stays known, text that is
reworded or judged worse is new. The file is JSON with one finding a line, in a fixed order, so that a review shows what came and went.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.fingerprint import normalized
from pipeline.records import OVERPROMISES, Audit, Judgement, PageAudit
from pipeline.report.document import pages_by_name, reading_order
from pipeline.report.files import Place, write_text

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Findings held against a baseline: `new` ones with their pages, how many were `known`, and the words of those that are `gone`."""

    new: tuple[tuple[Judgement, PageAudit], ...]
    known: int
    gone: tuple[str, ...]


def finding_id(judgement: Judgement) -> str:
    """Sixteen hex digits of the normalised claim and its verdict."""
    words = f"{normalized(judgement.claim.text)}\0{judgement.verdict.value}"
    return hashlib.sha256(words.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _found(audit: Audit, verdicts: Iterable[str]) -> list[tuple[Judgement, PageAudit]]:
    wanted = set(verdicts)
    return [
        (j, p)
        for p in pages_by_name(audit)
        for j in reading_order(p.judgements)
        if j.verdict in OVERPROMISES and j.verdict.value in wanted
    ]


ALL = tuple(sorted(v.value for v in OVERPROMISES))


def compare(audit: Audit, baseline: Sequence[dict[str, Any]], verdicts: Iterable[str] = ALL) -> Compared:
    """The findings of `verdicts` that `baseline` does not know, page by page. One row of the baseline covers every copy of its words."""
    known = {row["id"] for row in baseline}
    found = _found(audit, verdicts)
    seen = {finding_id(j) for j, _ in _found(audit, ALL)}
    new = tuple((j, p) for j, p in found if finding_id(j) not in known)
    return Compared(
        new=new, known=len(found) - len(new), gone=tuple(row["claim"] for row in baseline if row["id"] not in seen)
    )


def write_baseline(audit: Audit, path: Place) -> int:
    """Writes every finding of `audit` and says how many; the same findings give the same bytes."""
    rows: dict[str, dict[str, str]] = {}
    for judgement, audited in _found(audit, ALL):
        rows.setdefault(
            finding_id(judgement),
            {
                "id": finding_id(judgement),
                "verdict": judgement.verdict.value,
                "page": audited.page.source,
                "claim": judgement.claim.text,
            },
        )
    ordered = sorted(rows.values(), key=lambda r: (r["page"], r["claim"], r["verdict"]))
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in ordered)
    write_text(f'{{"schema": {SCHEMA}, "findings": [\n{lines}\n]}}\n', path)
    return len(ordered)


def read_baseline(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The findings of a baseline file. Raises UsageError, with a remedy, when it cannot be read or is no baseline."""
    try:
        data = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        rows = data["findings"]
        if data["schema"] != SCHEMA or not all(isinstance(r["id"], str) and isinstance(r["claim"], str) for r in rows):
            raise ValueError("not of schema 1")
    except OSError as err:
        raise UsageError(
            f"Baseline {path} cannot be read ({err.strerror}): write one with `saysdoes audit ... --write-baseline {path}`."
        ) from err
    except (ValueError, KeyError, TypeError) as err:
        raise UsageError(
            f"{path} is no baseline ({err}): write a new one with --write-baseline, or restore it from version control."
        ) from err
    return list(rows)
