"""Labelled claims against answers -> figures, as the gold guide defines them. Nothing here runs a model.

Balanced accuracy and AUC look at two sides, overpromise (qualified, planned, contradicted, undocumented) and supported; macro-F1 at all verdicts.
A claim without an answer counts as wrong.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pipeline.records import OVERPROMISES, Verdict

Row = Mapping[str, Any]
OVER = frozenset(v.value for v in OVERPROMISES)


def auc(scored: Iterable[tuple[bool, float]]) -> float | None:
    """Area under the ROC curve of (positive, score) pairs; ties count half; None with one side empty."""
    pairs = sorted(((s, y) for y, s in scored), key=lambda x: x[0])
    positives = sum(y for _, y in pairs)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        return None
    total, start = 0.0, 0
    while start < len(pairs):
        end = start
        while end < len(pairs) and pairs[end][0] == pairs[start][0]:
            end += 1
        total += sum(y for _, y in pairs[start:end]) * (start + end + 1) / 2
        start = end
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def f1(pairs: Sequence[tuple[str, str]], label: str) -> float:
    """F1 of one verdict over (gold, said) pairs; 0 when it never occurs on either side."""
    hit = sum(g == s == label for g, s in pairs)
    return 2 * hit / max(1, sum(g == label for g, _ in pairs) + sum(s == label for _, s in pairs))


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean F1 over the verdicts that the gold side holds."""
    labels = sorted({g for g, _ in pairs})
    return sum(f1(pairs, label) for label in labels) / len(labels) if labels else 0.0


def balanced_accuracy(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Mean of the shares of overpromises and of supported claims that land on their side; None with one side empty."""
    sides = []
    for wanted in (True, False):
        hits = [
            (s in OVER) is wanted and s in {v.value for v in Verdict}
            for g, s in pairs
            if (g in OVER or g == "supported") and (g in OVER) is wanted
        ]
        if not hits:
            return None
        sides.append(sum(hits) / len(hits))
    return sum(sides) / 2


def interval(
    pairs: Sequence[tuple[str, str]],
    statistic: Callable[[Sequence[tuple[str, str]]], float | None],
    draws: int = 200,
    seed: int = 7,
) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic over claims."""
    rng = random.Random(seed)
    values = sorted(
        v for _ in range(draws) if (v := statistic([pairs[rng.randrange(len(pairs))] for _ in pairs])) is not None
    )
    return (
        (round(values[int(len(values) * 0.025)], 4), round(values[int(len(values) * 0.975)], 4))
        if values
        else (math.nan, math.nan)
    )


def _words(text: str) -> set[str]:
    return set(re.sub(r"[^a-z0-9%$.+]+", " ", text.lower()).split())


def _tail(doc: str) -> str:
    return re.sub(r"^(.*/)?docs/", "", doc.split("#")[0].split("?")[0]).removesuffix(".html").removesuffix(".md")


def hits(evidence: Sequence[Row], found: Row) -> tuple[bool, bool]:
    """Whether a found passage is of a gold document, and whether it shares half of a gold quote's words."""
    same = [g for g in evidence if _tail(g["doc"]) == _tail(str(found.get("doc", "")))]
    have = _words(str(found.get("quote", "")))
    quote = any(
        have and _words(g["quote"]) and len(have & _words(g["quote"])) / min(len(have), len(_words(g["quote"]))) >= 0.5
        for g in same
    )
    return bool(same), quote


def figures(gold: Sequence[Row], answers: Mapping[str, Row]) -> dict[str, Any]:
    """Every figure of the benchmark for one product (or several together)."""
    pairs = [(str(r["verdict"]), str(answers.get(r["id"], {}).get("verdict", "missing"))) for r in gold]
    over = {r["id"]: float(answers.get(r["id"], {}).get("overpromise", 0.5)) for r in gold}
    two = [r for r in gold if r["verdict"] in OVER or r["verdict"] == "supported"]
    twins: dict[str, dict[bool, float]] = {}
    for r in gold:
        if r.get("pair"):
            twins.setdefault(str(r["pair"]), {})[r["verdict"] in OVER] = over[r["id"]]
    full = [t for t in twins.values() if len(t) == 2]
    wins = [(t[True] > t[False]) + 0.5 * (t[True] == t[False]) for t in full]
    supported = [s for g, s in pairs if g == "supported"]
    recall: dict[int, list[bool]] = {5: [], 10: []}
    quoted = []
    for r in gold:
        if r.get("evidence"):
            answer = answers.get(r["id"], {})
            found = [hits(r["evidence"], c)[0] for c in answer.get("candidates", [])]
            for k, seen in recall.items():
                seen.append(any(found[:k]))
            quoted.append(any(hits(r["evidence"], e)[1] for e in answer.get("evidence", [])[:3]))
    out: dict[str, Any] = {
        "claims": len(gold),
        "accuracy": sum(g == s for g, s in pairs) / max(1, len(pairs)),
        "macro_f1": macro_f1(pairs),
        "overpromise_bacc": balanced_accuracy(pairs),
        "overpromise_auc": auc((r["verdict"] in OVER, over[r["id"]]) for r in two),
        "natural_auc": auc((r["verdict"] in OVER, over[r["id"]]) for r in two if r.get("origin") == "natural"),
        "pair_accuracy": sum(wins) / len(wins) if wins else None,
        "false_alarm_rate": sum(s in OVER for s in supported) / len(supported) if supported else None,
        "doc_recall_5": sum(recall[5]) / len(recall[5]) if recall[5] else None,
        "doc_recall_10": sum(recall[10]) / len(recall[10]) if recall[10] else None,
        "evidence_quote_recall": sum(quoted) / len(quoted) if quoted else None,
        **{f"f1_{v.value}": f1(pairs, v.value) for v in Verdict if any(g == v.value for g, _ in pairs)},
    }
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in out.items()}


def mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean over products of every figure that is not None; counts are summed."""
    out: dict[str, Any] = {}
    for key in {k for r in rows for k in r}:
        values = [r[key] for r in rows if r.get(key) is not None]
        out[key] = sum(values) if key == "claims" else round(sum(values) / len(values), 4) if values else None
    return dict(sorted(out.items()))
