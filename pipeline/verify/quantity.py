"""Numbers with unit, bound and period, and whether a claim's number agrees with the documentation's.

    "up to 50 GB a month" -> Quantity(value=50e9, unit="bytes", bound="max", period="month")
    compare("keeps logs for 90 days", "logs are kept for 30 days") -> conflict

A magnitude is compared only with one of the same unit (and the same period when both name one); it does not know
which subject a number belongs to, which is why it is a signal and not a verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.match import stem

WORDS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
    "hundred": 100,
    "dozen": 12,
    "half": 0.5,
    "twice": 2,
    "double": 2,
    "triple": 3,
    "single": 1,
    "once": 1,
}
SCALE = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "hundred": 100,
}
TIME = {
    "ms": 0.001,
    "millisecond": 0.001,
    "second": 1,
    "sec": 1,
    "s": 1,
    "minute": 60,
    "min": 60,
    "hour": 3600,
    "hr": 3600,
    "h": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
    "quarter": 7776000,
    "year": 31536000,
    "yr": 31536000,
    "night": 86400,
}
BYTES = {
    "b": 1,
    "byte": 1,
    "kb": 1e3,
    "kib": 1e3,
    "kilobyte": 1e3,
    "mb": 1e6,
    "mib": 1e6,
    "megabyte": 1e6,
    "gb": 1e9,
    "gib": 1e9,
    "gigabyte": 1e9,
    "tb": 1e12,
    "tib": 1e12,
    "terabyte": 1e12,
}
MAXIMUM = re.compile(
    r"(up to|at most|maximum( of)?|max\.?|no more than|not more than|limit(ed)?( to| of| is)?|as many as)\s*$",
    re.I,
)
UNDER = re.compile(r"(under|less than|fewer than|below|within)\s*$", re.I)
MINIMUM = re.compile(
    r"(at least|minimum( of)?|min\.?|more than|over|above|from|no less than|beyond|exceeds?)\s*$", re.I
)
PERIOD = re.compile(
    r"^\s*(?:[a-z]+\s)?(?:/|per|a|an|each|every)\s*(second|minute|hour|day|week|month|mo|quarter|year|yr|user|seat|member|project|site|workspace|organi[sz]ation|account)",
    re.I,
)
UNLIMITED = re.compile(
    r"\b(unlimited|no (?:hard |fixed )?(?:limits?|cap|maximum|restrictions?)(?: (?:on|to|for) (?:the )?(?:number of )?)?|limitless|infinite|as many(?: [a-z]+)? as (?:you|they)|without limits?)\s*([a-z-]+)?",
    re.I,
)
NUMBER = re.compile(
    r"(?P<cur>[$€£])?\s?(?P<num>(?<![\w.])\d{1,3}(?:[,\u202f ]\d{3})+(?:\.\d+)?|(?<![\w.])\d+(?:\.\d+)?|\b(?:"
    + "|".join(WORDS)
    + r")\b)"
    r"(?P<gap>[\s-]?)(?P<scale>k\b|K\b|M\b|B\b|bn\b|thousand\b|million\b|billion\b|hundred\b)?\s?(?P<plus>\+)?[\s-]?(?P<unit>%|percent\b|[A-Za-z]+)?",
    re.I,
)
NOT_UNITS = frozenset(
    {
        "of",
        "and",
        "or",
        "to",
        "the",
        "in",
        "on",
        "for",
        "a",
        "an",
        "is",
        "are",
        "with",
        "at",
        "by",
        "from",
        "per",
        "as",
        "x",
        "more",
        "other",
        "different",
    }
)


# What one thing is called on a page and in its documentation.
ONE_NAME = {
    "call": "request",
    "quer": "request",
    "user": "seat",
    "member": "seat",
    "colleagu": "seat",
    "teammat": "seat",
    "peopl": "seat",
    "person": "seat",
    "employe": "seat",
    "typo": "slip",
}
# Where the words that say what is counted end.
ENDS = frozenset(
    ["a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "every", "each", "for", "from", "has", "have", "how", "if", "in", "into", "is", "it", "no", "not", "of", "off", "on", "or", "over", "per", "so", "than", "that", "the", "their", "then", "they", "this", "to", "up", "was", "were", "when", "where", "which", "while", "who", "will", "with", "within", "without", "you", "your"]
)
COUNTED = re.compile(r"[\s-]*([A-Za-z][A-Za-z'\u2019]*)")


def _counted(text: str) -> tuple[str, str]:
    """(what is counted, the rest) at the start of `text`: the first plural among the next five words, else the last of the next three before one that ends the phrase."""
    words: list[tuple[str, int]] = []
    place = 0
    plural = False
    while len(words) < 5 and not plural:
        found = COUNTED.match(text, place)
        if not found or found.group(1).lower() in ENDS:
            break
        word = found.group(1).lower()
        place = found.end()
        words.append((word, place))
        plural = (word.endswith("s") and not word.endswith(("ss", "us", "is"))) or word.rstrip("s") in TIME or word.rstrip("s") in BYTES
    if not words:
        return "", text
    word, place = words[-1] if plural else words[:3][-1]
    return word, text[place:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A magnitude. `unit` is seconds, bytes, percent, currency or a stemmed noun; `bound` is min, max (as much as that is allowed), under (it will be
    less) or empty."""

    value: float
    unit: str
    bound: str = ""
    period: str = ""
    text: str = ""


def quantities(text: str) -> tuple[Quantity, ...]:
    """Every quantity of `text` in order; version numbers, years and bare ordinals are left out."""
    out: list[Quantity] = []
    for found in UNLIMITED.finditer(text):
        noun = (found.group(2) or "").lower()
        out.append(
            Quantity(value=math.inf, unit=stem(noun) if noun and noun not in NOT_UNITS else "", text=found.group(0))
        )
    end = 0
    for found in NUMBER.finditer(text):
        raw = found.group("num").lower()
        if raw in WORDS:
            value = float(WORDS[raw])
            if raw in {"one", "once", "single", "half"} and not found.group("unit"):
                continue
        else:
            value = float(re.sub(r"[,\u202f ]", "", raw))
        scale, unit = found.group("scale"), (found.group("unit") or "").lower()
        if scale and not (scale.lower() == "b" and not found.group("cur")):
            value *= SCALE[scale.lower()]
        before, after = text[max(0, found.start() - 24) : found.start()], text[found.end() : found.end() + 40]
        if re.search(
            r"\b(version|v|step|figure|rfc|section|soc|iso|type|level|layer|oauth|http|tls|aes|sha|saml|web|h\.|phase|day|week)\s?-?$",
            before,
            re.I,
        ):
            continue
        counted, rest = _counted(text[found.start("unit") if found.group("unit") else found.end() :])
        if (
            not scale
            and not found.group("cur")
            and 1900 <= value <= 2100
            and "," not in raw
            and not (counted.endswith("s") and len(counted) > 3)
            and not unit.startswith(("m", "g", "t"))
        ):
            continue
        period = ""
        if found.group("cur"):
            kind = "currency"
        elif unit in {"%", "percent"}:
            kind = "percent"
        else:
            base = counted[:-1] if counted.endswith("s") and len(counted) > 2 else counted
            if base in TIME:
                value, kind, after = value * TIME[base], "seconds", rest[:40]
            elif base in BYTES and base != "b":
                value, kind, after = value * BYTES[base], "bytes", rest[:40]
            else:
                kind = stem(counted) if counted and counted not in NOT_UNITS else ""
                kind = ONE_NAME.get(kind, kind)
                after = rest[:40]
        if not kind and out and out[-1].unit not in {"", "seconds", "percent", "currency"} and not re.search(r"[.!?;]\s", text[end : found.start()]):
            # "1 job on Free, 2 on Premium": what is counted is said once.
            kind = out[-1].unit
        end = found.end()
        rate = PERIOD.match(after) or (PERIOD.match(" " + unit + after) if found.group("cur") else None)
        if rate:
            period = {"mo": "month", "yr": "year", "seat": "user", "member": "user"}.get(
                rate.group(1).lower(), rate.group(1).lower()
            )
        bound = "max" if MAXIMUM.search(before) else "under" if UNDER.search(before) else "min" if MINIMUM.search(before) or found.group("plus") else ""
        out.append(Quantity(value=value, unit=kind, bound=bound, period=period, text=found.group(0).strip()))
    return tuple(out)


def compare(said: Quantity, documented: Quantity) -> str:
    """`equal`, `within` (the docs allow it), `conflict`, or an empty string when the two cannot be compared."""
    if not said.unit or said.unit != documented.unit:
        return ""
    if said.period and documented.period and said.period != documented.period:
        return ""
    if math.isinf(said.value) or math.isinf(documented.value):
        return "equal" if said.value == documented.value else "conflict" if math.isinf(said.value) else "within"
    largest = max(abs(said.value), abs(documented.value))
    # Of an availability it is the failures that count: 99.9 % and 99.5 % are not nearly the same.
    tolerance = 0.021 * (100 - largest if said.unit == "percent" and 90 < largest < 100 else largest)
    if abs(said.value - documented.value) <= tolerance:
        return "equal"
    if documented.bound in {"max", "under"} and said.value < documented.value and said.bound != "min":
        return "within"
    if said.bound == "min" and documented.value > said.value:
        return "within"
    if said.bound == "under" and documented.value < said.value and documented.bound != "min":
        return "within"
    return "conflict"


def agreement(said: Sequence[Quantity], documented: Sequence[Quantity]) -> tuple[int, int, int]:
    """(equal, within, conflict): how many of the claim's quantities the passage states, allows, or states otherwise."""
    equal = within = conflict = 0
    for quantity in said:
        outcomes = {compare(quantity, other) for other in documented}
        if "equal" in outcomes:
            equal += 1
        elif "within" in outcomes:
            within += 1
        elif "conflict" in outcomes:
            conflict += 1
    return equal, within, conflict
