"""Verdicts, conditions and scores in the words of people who are not engineers. No numbers are made here, only named."""

from __future__ import annotations

import datetime

from pipeline.records import BlockKind, ConditionKind, Judgement, Verdict
from pipeline.report.hostile import one_line
from pipeline.report.thresholds import (
    CONDITION_WORDS,
    GENERIC_ABOVE,
    GENERIC_STEPS,
    RISK_ABOVE,
    RISK_STEPS,
    SENTENCE_WORDS,
    SURE_FROM,
)

# (short label, what it means) in the order in which charts and legends show them.
VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.SUPPORTED: ("Proven", "The documentation says the same."),
    Verdict.QUALIFIED: ("True with a condition", "True only for some plans, platforms or limits, and the copy does not say so."),
    Verdict.PLANNED: ("Only planned", "The documentation says that it is coming; customers do not have it yet."),
    Verdict.CONTRADICTED: ("Docs say otherwise", "The documentation says something different."),
    Verdict.UNDOCUMENTED: ("Docs are silent", "About the product, but no document says it. It may be true and undocumented."),
    Verdict.EXTERNAL: ("Needs outside proof", "Customer counts, rankings, rivals, studies: product documentation cannot settle it."),
    Verdict.UNCHECKABLE: ("Nothing to check", "Opinion, mood or a call to action."),
}
# A sign for each verdict, so that nothing is told by colour alone.
SIGNS = {Verdict.SUPPORTED: "✓", Verdict.QUALIFIED: "◐", Verdict.PLANNED: "◷", Verdict.CONTRADICTED: "✕",
         Verdict.UNDOCUMENTED: "?", Verdict.EXTERNAL: "↗", Verdict.UNCHECKABLE: "–"}

# On paper; a screen takes the colours of its light or dark style. WeasyPrint knows no variables inside SVG.
INKS = {Verdict.SUPPORTED: "#1f7a4d", Verdict.QUALIFIED: "#8f5800", Verdict.PLANNED: "#6b4bc4", Verdict.CONTRADICTED: "#c22d35",
        Verdict.UNDOCUMENTED: "#b44d12", Verdict.EXTERNAL: "#4d6a8f", Verdict.UNCHECKABLE: "#667080"}

OWNERS = {"copy": "Copy team", "docs": "Docs team"}
OWNER_TASKS = {"copy": "Change the page", "docs": "Say whether it is true, and document it if so"}

GRADES = {"A": "Very little to fix", "B": "Mostly proven", "C": "Several promises to fix", "D": "Many promises to fix",
          "F": "More promised than shown"}

PLACES = {
    BlockKind.TITLE: "Page title", BlockKind.DESCRIPTION: "Search description", BlockKind.OPEN_GRAPH: "Social preview",
    BlockKind.HEADING: "Heading", BlockKind.PARAGRAPH: "Text", BlockKind.LIST_ITEM: "List item", BlockKind.TABLE_ROW: "Table row",
    BlockKind.TABLE_CELL: "Table cell", BlockKind.BUTTON: "Button", BlockKind.ALT: "Image text", BlockKind.QUOTE: "Quote",
    BlockKind.CODE: "Code", BlockKind.QUESTION: "Question", BlockKind.ANSWER: "Answer", BlockKind.JSON_LD: "Search engine data",
}

_CONDITIONS = {
    ConditionKind.PLAN: "True only on {}", ConditionKind.ADDON: "True only with an add-on: {}",
    ConditionKind.BETA: "Not finished yet: {}", ConditionKind.PLATFORM: "True only on {}", ConditionKind.REGION: "True only in {}",
    ConditionKind.LIMIT: "True only within a limit: {}", ConditionKind.HOSTING: "True only with this hosting: {}",
    ConditionKind.VERSION: "True only from version {}",
}
# The same as words to put beside a claim.
_BESIDE = {
    ConditionKind.PLAN: "on {}", ConditionKind.ADDON: "with the add-on {}", ConditionKind.BETA: "in beta", ConditionKind.PLATFORM: "on {}",
    ConditionKind.REGION: "in {}", ConditionKind.VERSION: "from version {}",
}


def headline(judgement: Judgement) -> str:
    """The verdict as a colleague would say it: `True only on Business and up`."""
    condition = judgement.condition
    if judgement.verdict is Verdict.QUALIFIED and condition is not None and condition.value.strip():
        value = _listed(one_line(condition.value))
        if len(value.split()) > CONDITION_WORDS:
            return _CONDITIONS[condition.kind].format("").rstrip(" :") if condition.kind is ConditionKind.LIMIT else VERDICTS[judgement.verdict][0]
        if condition.kind is ConditionKind.BETA and value.lower() in {"beta", "in beta", "public beta", "private beta"}:
            return f"Still in beta ({value})" if value.lower() not in {"beta", "in beta"} else "Still in beta"
        return _CONDITIONS[condition.kind].format(value)
    return VERDICTS[judgement.verdict][0]


def sure_of(judgement: Judgement) -> bool:
    """Whether a finding can be acted on at once: the verdict stands clear of the others, and the claim is a sentence, not a label."""
    text = judgement.claim.text.strip()
    sentence = len(text.split()) >= SENTENCE_WORDS and " | " not in text and not text.endswith("?")
    return sentence and judgement.confidence >= SURE_FROM


def reason(judgement: Judgement) -> str:
    """The sentence of why; "" where the headline has said it."""
    return "" if judgement.why.startswith(headline(judgement)) else judgement.why


def plural(count: int, one: str, many: str = "") -> str:
    """`1 claim`, `2 claims`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _listed(value: str) -> str:
    """`Team, Business and Enterprise` of `Team and Business and Enterprise`."""
    parts = value.split(" and ")
    return value if len(parts) < 3 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def quoted(text: str) -> str:
    """`text` between quotation marks, unless it brings its own."""
    return text if text[:1] in "“\"«„" and text[-1:] in "”\"»“" and len(text) > 1 else f"“{text}”"


def percent(share: float | None) -> str:
    """`share` of 0-1 as whole per cent; what is not measured is said, never shown as 0."""
    return "not measured" if share is None else f"{_whole(100 * share)}%"


def points(value: float | None) -> str:
    """A score of 0-100 as a whole number; `not measured` when there was nothing to measure."""
    return "not measured" if value is None else _whole(value)


def _whole(value: float) -> str:
    # Neither 0 nor 100 is said of what only rounds to it: "100% proven" with one finding would be a lie.
    if 0 < value < 1:
        return "under 1"
    if 99 < value < 100:
        return "99"
    return str(round(value))


def risk_words(value: float | None) -> str:
    """How big an overpromise risk of 0-100 is; steps follow the grades."""
    if value is None:
        return "Nothing on these pages could be settled with the documentation."
    return next((words for limit, words in RISK_STEPS if value <= limit), RISK_ABOVE)


def generic_words(value: float | None) -> str:
    """What a generic share of 0-100 means to a reader."""
    if value is None:
        return "Too few words to say."
    return next((words for limit, words in GENERIC_STEPS if value <= limit), GENERIC_ABOVE)


def day(moment: str) -> str:
    """`24 November 2026` of an ISO 8601 moment; what is none is shown as it stands."""
    try:
        when = datetime.datetime.fromisoformat(moment)
    except ValueError:
        return one_line(moment)
    return f"{when.day} {when:%B %Y}"


def task(judgement: Judgement) -> str:
    """What to change, without the docs quote that stands beside it anyway; "" when nothing needs changing."""
    condition = judgement.condition
    if judgement.verdict is Verdict.QUALIFIED and condition is not None:
        value = _listed(one_line(condition.value))
        if condition.kind is ConditionKind.LIMIT:
            return f"Write the limit next to the claim: {value}." if value and len(value.split()) <= CONDITION_WORDS else "Write the limit next to the claim."
        if condition.kind in _BESIDE and value and len(value.split()) <= CONDITION_WORDS:
            return f"Write “{_BESIDE[condition.kind].format(value)}” next to the claim."
    remedy = (judgement.remedy or "").strip()
    start = remedy.rfind("“")
    if start > 0 and judgement.evidence and remedy.endswith("”"):
        quoted = " ".join(remedy[start + 1 : -1].rstrip("… ").split())
        if quoted and quoted in " ".join(judgement.evidence[0].quote.split()):
            lead = remedy[:start].rstrip()
            for tail in ("The docs:", "Nearest thing documented:", ":"):
                lead = lead.removesuffix(tail).rstrip()
            return lead if lead.endswith((".", "!", "?")) else lead + "."
    return remedy
