"""A verdict in words: the quotes that carry it, the condition, one sentence of why, what to change and who acts.

Quotes are cut from passages as they stand in the document. Remedies use the docs' own words; nothing is invented.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pipeline import rules
from pipeline.embed import Encoder, Vectors
from pipeline.match import terms
from pipeline.records import Claim, ClaimType, Condition, ConditionKind, Evidence, Passage, Relation, Verdict
from pipeline.verify.quantity import compare, quantities
from pipeline.verify.signals import RELATIONS, ROW_NO, Reading, best_part

MAX_QUOTE_WORDS = 60
RELATION = {
    "supports": Relation.SUPPORTS,
    "limits": Relation.LIMITS,
    "plans": Relation.PLANS,
    "contradicts": Relation.CONTRADICTS,
    "none": Relation.RELATED,
}
WANTED = {Verdict.SUPPORTED: 0, Verdict.QUALIFIED: 1, Verdict.PLANNED: 2, Verdict.CONTRADICTED: 3}
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(\[*_`])")


# What a part's shared words and its length add to its similarity when the part to quote is chosen. Swept on four development products: among the
# parts of passages that hold the gold quote the right one is quoted for 0.91 of the claims, 0.87 with shared words alone.
WORDS_WEIGHT, LENGTH_WEIGHT, LENGTH_CAP = 0.3, 0.006, 50


def nearest_part(claim: Claim, vector: Vectors, passage: Passage, encoder: Encoder) -> int:
    """Number of the part of `passage` nearest to the claim by meaning (`vector` is the claim's), shared words and length."""
    if len(passage.parts) == 1:
        return 0
    wanted = frozenset(terms(claim.text))
    similar = encoder.encode(passage.readings) @ vector
    scores = [
        round(
            float(s)
            + WORDS_WEIGHT * len(wanted & set(terms(r))) / max(1, len(wanted))
            + LENGTH_WEIGHT * min(len(p.split()), LENGTH_CAP),
            6,
        )
        for s, r, p in zip(similar, passage.readings, passage.parts, strict=True)
    ]
    return scores.index(max(scores))


def quote_of(claim: Claim, passage: Passage, number: int | None = None) -> str:
    """Part `number` of `passage` (else the one that shares most words with the claim), cut to at most 60 words at sentence ends; verbatim."""
    wanted = frozenset(terms(claim.text))
    number = best_part(wanted, passage)[0] if number is None else number
    part = passage.parts[number]
    if len(part.split()) <= MAX_QUOTE_WORDS:
        return part
    sentences = SENTENCE.split(part)
    scores = [len(wanted & set(terms(s))) for s in sentences]
    first = last = scores.index(max(scores))
    while True:
        words = len(" ".join(sentences[first : last + 1]).split())
        after = len(sentences[last + 1].split()) if last + 1 < len(sentences) else 10**6
        if words + after <= MAX_QUOTE_WORDS:
            last += 1
            continue
        before = len(sentences[first - 1].split()) if first > 0 else 10**6
        if words + before > MAX_QUOTE_WORDS:
            break
        first -= 1
    start = part.index(sentences[first])
    end = part.index(sentences[last], start) + len(sentences[last])
    return " ".join(part[start:end].split()[: MAX_QUOTE_WORDS + 20])


def evidence_for(
    claim: Claim,
    verdict: Verdict,
    read: Sequence[Passage],
    reading: Reading,
    part_of: Callable[[Passage], int],
    most: int = 3,
) -> tuple[Evidence, ...]:
    """Up to `most` quotes, those that carry the verdict first; for silent docs the nearest passages as `related`.

    `part_of` chooses the part of a passage that is quoted.
    """
    if not read:
        return ()
    column = WANTED.get(verdict)
    relevant = 1 - reading[:, 4]
    weight = relevant if column is None else reading[:, column] + 0.15 * relevant
    order = sorted(range(len(read)), key=lambda i: (-round(float(weight[i]), 6), i))
    out: list[Evidence] = []
    for place in order:
        if len(out) == most:
            break
        relation = RELATION[RELATIONS[int(reading[place].argmax())]]
        if column is None:
            relation = Relation.RELATED
        elif not out:
            relation = RELATION[RELATIONS[column]]
        quote = quote_of(claim, read[place], part_of(read[place]))
        if any(quote == e.quote and read[place].doc == e.doc for e in out):
            continue
        heading = read[place].heading_path[-1] if read[place].heading_path else ""
        out.append(
            Evidence(
                doc=read[place].doc,
                heading=heading,
                quote=quote,
                relation=relation,
                score=round(min(1.0, float(weight[place])), 4),
            )
        )
    return tuple(out)


def _plan_names(text: str, ladder: Sequence[str]) -> list[str]:
    low = text.lower()
    names = [p for p in ladder if re.search(rf"\b{re.escape(p)}\b", low)]
    return names or [
        p
        for p in rules.load("status")["plan_words"].all(text)
        if p not in {"standard", "basic", "team", "scale", "plus", "individual", "personal", "advanced", "unlimited"}
    ]


def _named(plans: Sequence[str], ladder: Sequence[str]) -> str:
    """Plans as a buyer says them: `Business and up` where they are the top of the ladder, else each by name."""
    low = [p.lower() for p in plans]
    if len(low) > 1 and low[0] in ladder and set(ladder[ladder.index(low[0]) :]) == set(low):
        return f"{plans[0]} and up"
    return f"{', '.join(plans[:-1])} and {plans[-1]}" if len(plans) > 1 else plans[0]


def _plans_of_rows(wanted: frozenset[str], passage: Passage) -> list[str]:
    """Plans that have what the claim speaks of, by the row of a plan table that names it; empty when no row does or every plan has it."""
    best: tuple[int, list[str]] = (0, [])
    for row in passage.readings:
        head, _, cells = row.partition(":")
        shared = len(wanted & set(terms(head)))
        if " = " not in cells or not ROW_NO.search(cells) or shared <= best[0]:
            continue
        pairs = [c.split(" = ", 1) for c in cells.split(";") if " = " in c]
        best = (shared, [n.strip() for n, v in pairs if not ROW_NO.search(f"= {v}")])
    return best[1]


def _plans_of_prose(wanted: frozenset[str], text: str, ladder: Sequence[str]) -> list[str]:
    """The list of plans in the sentence that ties something to plans (`available on Team and Business`) and speaks most of the claim."""
    names = _plan_names(text, ladder)
    if not names:
        return []
    one = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    listed = re.compile(rf"\b(?:{one})\b(?:\s*(?:,|/|&|,?\s*(?:and|or))\s*(?:the\s+)?\b(?:{one})\b)*", re.I)
    best: tuple[float, list[str]] = (-1.0, [])
    for sentence in re.split(r"(?<=[.!?])\s+|\s\|\s", text):
        if not TIED_TO_PLAN.search(sentence) or " = " in sentence:
            continue
        for found in listed.finditer(sentence):
            if re.search(r"\bnot (available |included |offered )?(on|in|with|for)\W*(the\s+)?$", sentence[: found.start()], re.I):
                continue
            plans = [n.title() for n in re.findall(rf"\b(?:{one})\b", found.group(0), re.I)]
            score = len(wanted & set(terms(sentence))) + 0.1 * len(plans)
            if score > best[0]:
                best = (score, list(dict.fromkeys(plans)))
    return best[1]


TIED_TO_PLAN = re.compile(
    r"\b(plans?|tiers?|editions?|features?|customers?|upgrade|only|requires?|needs?|available|include[sd]?|exclusive|subscription)\b", re.I
)


def condition_of(claim: Claim, read: Sequence[Passage], reading: Reading, ladder: Sequence[str]) -> Condition:
    """What the copy leaves out, from the passages that limit the claim; `limit` with the docs' words when nothing finer is seen."""
    order = sorted(range(len(read)), key=lambda i: (-round(float(reading[i, 1]), 6), i))[:3]
    cues = rules.load("status")
    low = claim.text.lower()
    wanted = frozenset(terms(claim.text))
    for place in order:
        passage = read[place]
        number, _ = best_part(wanted, passage)
        near = f"{passage.context} | {' '.join(passage.readings[max(0, number - 1) : number + 2])}"
        plans = _plans_of_rows(wanted, passage) or _plans_of_prose(wanted, near, ladder)
        if plans and not any(re.search(rf"\b{re.escape(p.lower())}\b", low) for p in plans):
            return Condition(kind=ConditionKind.PLAN, value=_named(plans, ladder))
        for name, kind in (
            ("beta", ConditionKind.BETA),
            ("addon", ConditionKind.ADDON),
            ("hosting", ConditionKind.HOSTING),
            ("platform", ConditionKind.PLATFORM),
            ("region", ConditionKind.REGION),
        ):
            found = cues[name].search(near)
            if found and not cues[name].search(low):
                return Condition(kind=kind, value=found.group(0))
        for quantity in quantities(near):
            if quantity.bound or quantity.unit in {"bytes", "percent"}:
                return Condition(kind=ConditionKind.LIMIT, value=quantity.text)
    value = quote_of(claim, read[order[0]]) if order else ""
    return Condition(kind=ConditionKind.LIMIT, value=" ".join(value.split()[:16]))


CONDITION_WORDS = {
    ConditionKind.PLAN: "on {0}",
    ConditionKind.ADDON: "as an add-on ({0})",
    ConditionKind.BETA: "as {0}, not a finished feature",
    ConditionKind.PLATFORM: "on {0}",
    ConditionKind.REGION: "in {0}",
    ConditionKind.LIMIT: "within a limit ({0})",
    ConditionKind.HOSTING: "when {0}",
    ConditionKind.VERSION: "from version {0}",
}


def why_of(
    claim: Claim, verdict: Verdict, condition: Condition | None, evidence: Sequence[Evidence], documents: int
) -> str:
    """One sentence that a marketer understands."""
    if verdict is Verdict.SUPPORTED:
        return "The documentation says this."
    if verdict is Verdict.QUALIFIED and condition is not None:
        return f"True only {CONDITION_WORDS[condition.kind].format(condition.value)}; the copy does not say so."
    if verdict is Verdict.PLANNED:
        return "The documentation lists this as planned, not as something customers have today."
    if verdict is Verdict.CONTRADICTED:
        if evidence:
            said, documented = quantities(claim.text), quantities(evidence[0].quote)
            for a in said:
                for b in documented:
                    if compare(a, b) == "conflict":
                        return f"The copy says {a.text}, the documentation says {b.text}."
        return "The documentation says otherwise."
    if verdict is Verdict.UNDOCUMENTED:
        if evidence and evidence[0].score > 0.2:
            return f"The documentation speaks of this topic ({evidence[0].heading or evidence[0].doc}) but does not say this."
        return f"None of the {documents} documents says this."
    if verdict is Verdict.EXTERNAL:
        if ClaimType.COMPARISON in claim.types or ClaimType.SUPERLATIVE in claim.types:
            return "A comparison or rank: product documentation cannot prove it."
        return "About customers, the company, money saved or a certificate: product documentation cannot prove it."
    return "Opinion, mood or a call to action: nothing here can be proven or disproven."


def remedy_of(verdict: Verdict, condition: Condition | None, evidence: Sequence[Evidence]) -> str | None:
    """What to change, in the docs' own words; None when nothing needs changing."""
    quote = evidence[0].quote if evidence else ""
    short = " ".join(quote.split()[:40])
    if verdict is Verdict.QUALIFIED and condition is not None:
        return f"Say {CONDITION_WORDS[condition.kind].format(condition.value)} next to the claim. The docs: \u201c{short}\u201d"
    if verdict is Verdict.PLANNED:
        return f"Say that it is planned, or take it out until it ships. The docs: \u201c{short}\u201d"
    if verdict is Verdict.CONTRADICTED:
        return f"Change it to what the docs say: \u201c{short}\u201d"
    if verdict is Verdict.UNDOCUMENTED:
        near = f" Nearest thing documented: \u201c{short}\u201d" if quote else ""
        return f"If the product does this, have it documented; if not, take it out.{near}"
    if verdict is Verdict.EXTERNAL:
        return "Name the source next to the claim (study, certificate, customer, date), or take the figure out."
    return None


def owner_of(verdict: Verdict, evidence: Sequence[Evidence]) -> str:
    """Who should act: `copy` or `docs`; a claim that the docs are silent on is first a question to the docs team."""
    return "docs" if verdict is Verdict.UNDOCUMENTED else "copy"
