"""What is seen in a claim and its passages, as named numbers: the decision's only input.

Every signal is named, so that the model card can say what each group is worth. Signals of the reader come first, then of retrieval,
numbers, conditions (plan, beta, hosting, platform, ...), and of the claim alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline import rules
from pipeline.match import READ, terms
from pipeline.records import ClaimType, Match, Passage, Status
from pipeline.verify.quantity import Quantity, agreement, quantities

RELATIONS = ("supports", "limits", "plans", "contradicts", "none")
CUES = ("beta", "planned", "deprecated", "unsupported", "hosting", "platform", "addon", "region", "setup")
PLAN_LIMIT = re.compile(
    r"\b(only|requires?|available (on|in|to|for|with)|included (in|with)|exclusive|upgrade|feature of|and (up|above|higher)|or (higher|above)|"
    r"must be on|part of|limited to|customers? (on|with))\b|\b(plan|edition|tier) (feature|only)\b|\b(enterprise|business|pro|premium|paid) (feature|only|plan)\b",
    re.I,
)
ROW_NO = re.compile(r"= (no|none|not available|not included)\b", re.I)
ROW_YES = re.compile(r"= (?!no\b|none\b|not )", re.I)
NEGATION = re.compile(
    r"\b(not|no|never|none|cannot|can't|without|isn't|aren't|doesn't|don't|won't|nor|neither)\b", re.I
)

Reading = NDArray[np.float64]


def best_part(claim_terms: frozenset[str], passage: Passage) -> tuple[int, float]:
    """(number, share) of the part of `passage` that holds most of the claim's terms."""
    best, share = 0, -1.0
    for number, reading in enumerate(passage.readings):
        have = set(terms(reading))
        score = len(claim_terms & have) / max(1, len(claim_terms)) - 0.0005 * len(have)
        if score > share:
            best, share = number, score
    return best, max(share, 0.0)


def near_text(claim_terms: frozenset[str], passage: Passage) -> str:
    """The part that speaks most of the claim, with its neighbours: where a condition counts as said of it."""
    number, _ = best_part(claim_terms, passage)
    return " ".join(passage.readings[max(0, number - 1) : number + 2])


def _numbers(said: Sequence[Quantity], texts: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    out = {"number.claim": float(bool(said)), "number.unlimited": float(any(math.isinf(q.value) for q in said))}
    equal = within = conflict = 0.0
    for text, weight in zip(texts, weights, strict=True):
        if not said:
            break
        e, w, c = agreement(said, quantities(text))
        share = weight / len(said)
        equal, within, conflict = max(equal, e * share), max(within, w * share), max(conflict, c * share)
    out |= {
        "number.equal": equal,
        "number.within": within,
        "number.conflict": conflict,
        "number.conflict_unanswered": conflict * (1 - equal) * (1 - within),
        "number.absent": float(bool(said)) * (1 - max(equal, within, conflict)),
    }
    return out


def signals(
    match: Match, read: Sequence[Passage], reading: Reading, ladder: Sequence[str], text_odds: Mapping[str, float]
) -> dict[str, float]:
    """Named signals of one claim.

    `read` are the passages that were read and `reading` their (n, 5) relation probabilities in the order of
    RELATIONS; `text_odds` are the chances that the wording alone gives: external, uncheckable, or a claim about
    the product.
    """
    claim = match.claim
    wanted = frozenset(terms(claim.text))
    low = claim.text.lower()
    out: dict[str, float] = {}
    n = len(read)
    p = reading if n else np.array([[0.0, 0.0, 0.0, 0.0, 1.0]])
    relevant = 1 - p[:, 4]
    for column, name in enumerate(RELATIONS[:4]):
        ordered = np.sort(p[:, column])[::-1]
        out[f"reader.{name}.max"] = float(ordered[0])
        out[f"reader.{name}.second"] = float(ordered[1]) if len(ordered) > 1 else 0.0
        out[f"reader.{name}.any"] = float(1 - np.prod(1 - np.clip(p[:, column], 0, 0.999)))
        out[f"reader.{name}.first"] = float(p[0, column])
        out[f"reader.{name}.logit"] = float(np.log((ordered[0] + 0.01) / (1.01 - ordered[0])))
    out["reader.relevant.max"] = float(relevant.max())
    out["reader.relevant.sum"] = float(relevant.sum())
    top = int(np.argmax(relevant))
    for column, name in enumerate(RELATIONS[:4]):
        out[f"reader.{name}.of_most_relevant"] = float(p[top, column])
        out[f"reader.{name}.share"] = float((p[:, column] * relevant).sum() / max(1e-6, relevant.sum()))
    out["reader.support_over_rest"] = out["reader.supports.max"] - max(
        out[f"reader.{r}.max"] for r in ("limits", "plans", "contradicts")
    )

    # What rules over the claim from elsewhere: openings, plan tables, sentences that narrow. They come after the found passages.
    beside = p[len(match.passages[:READ]) : n] if n else p[:0]
    for column, name in ((0, "supports"), (1, "limits"), (2, "plans"), (3, "contradicts")):
        out[f"narrow.{name}"] = float(beside[:, column].max()) if len(beside) else 0.0
    out["narrow.limits_what_is_supported"] = out["narrow.limits"] * out["reader.supports.max"]
    out["reader.limits_what_is_supported"] = out["reader.limits.max"] * out["reader.supports.max"]

    similar = list(match.similarities) + [0.0] * 6
    covered = list(match.coverage) + [0.0] * 6
    out |= {
        "retrieval.similar.first": max(similar[:12]),
        "retrieval.similar.third": sorted(similar, reverse=True)[2],
        "retrieval.fused.first": match.scores[0] if match.scores else 0.0,
        "retrieval.fused.gap": (match.scores[0] - match.scores[min(4, len(match.scores) - 1)]) if match.scores else 0.0,
        "retrieval.coverage.max": max(covered),
        "retrieval.coverage.first": covered[0],
        "retrieval.coverage.union": match.covered,
        "retrieval.unknown_terms": float(len(match.unknown)),
        "retrieval.unknown_share": len(match.unknown) / max(1, len(wanted)),
    }
    named = {t for w in re.findall(r"(?<=[a-z,;:] )[A-Z][\w.+#-]*|\b[A-Z]{2,}\w*", claim.text) for t in terms(w)}
    everywhere = frozenset(t for q in read for t in terms(f"{q.context} {q.text}"))
    out["retrieval.named_missing"] = float(len(named - everywhere))
    out["retrieval.named_unknown"] = float(len(named & set(match.unknown)))

    near = [near_text(wanted, q) for q in read]
    weights = [float(w) for w in relevant[:n]] if n else []
    out |= _numbers(quantities(claim.text), [f"{q.context} {t}" for q, t in zip(read, near, strict=True)], weights)

    cues = rules.load("status")
    for name in CUES:
        own = bool(cues[name].search(low))
        seen = [
            float(bool(cues[name].search(t)) or (name in {"beta", "planned"} and bool(cues[name].search(q.context))))
            for q, t in zip(read, near, strict=True)
        ]
        out[f"condition.{name}"] = max((s * w for s, w in zip(seen, weights, strict=True)), default=0.0) * (
            0.0 if own else 1.0
        )
        out[f"condition.{name}.claimed"] = float(own)
    status = [float(q.facets.status is Status.PLANNED) for q in read]
    out["condition.roadmap_place"] = max((s * w for s, w in zip(status, weights, strict=True)), default=0.0)
    claimed = [x for x in ladder if re.search(rf"\b{re.escape(x)}\b", low)]
    plan_word = cues["plan_words"]
    own_plan = bool(claimed) or bool(plan_word.search(low))
    plan_said, row_split, row_named, plan_same = 0.0, 0.0, 0.0, 0.0
    for passage, text, weight in zip(read, near, weights, strict=True):
        whole = f"{passage.context} {text}"
        names = set(plan_word.all(whole)) | {x for x in ladder if re.search(rf"\b{re.escape(x)}\b", whole.lower())}
        if names and PLAN_LIMIT.search(whole):
            plan_said = max(plan_said, weight)
        if any(
            ROW_NO.search(r) and ROW_YES.search(r) for r in passage.readings if set(terms(r.split(":")[0])) & wanted
        ):
            row_split = max(row_split, weight)
        for row in passage.readings:
            label = set(terms(row.split(":")[0]))
            if label and ROW_NO.search(row) and ROW_YES.search(row):
                row_named = max(row_named, len(label & wanted) / len(label))
        if names & set(claimed):
            plan_same = max(plan_same, weight)
    out |= {
        "plan.limit_unsaid": 0.0 if own_plan else plan_said,
        "plan.row_unsaid": 0.0 if own_plan else row_split,
        "plan.row_named_unsaid": 0.0 if own_plan else row_named,
        "plan.limit": plan_said,
        "plan.row": row_split,
        "plan.claimed": float(own_plan),
        "plan.same_named": plan_same,
    }
    negative = bool(NEGATION.search(low))
    against = max(
        (w * float(bool(NEGATION.search(t)) != negative) for t, w in zip(near, weights, strict=True)), default=0.0
    )
    out |= {"polarity.claim_negative": float(negative), "polarity.differs": against}

    types = set(claim.types)
    for kind in ClaimType:
        out[f"claim.{kind.value}"] = float(kind in types)
    out["claim.words"] = min(40, len(claim.text.split())) / 40
    out["claim.question"] = float(claim.text.rstrip().endswith("?"))
    for verdict, chance in text_odds.items():
        out[f"text.{verdict}"] = chance
    return out
