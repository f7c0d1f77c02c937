"""Does the new wording of a claim promise more than the old one? Each sign is named: a hedge lost, a figure raised, a plan no longer said.

Vocabulary: configs/rules/scope.yaml. Figures are read here, with their unit and the direction in which the unit promises more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline import rules

# "from 5 to 15": amounts with their unit. Time, money and effort promise more when they shrink.
FIGURE = re.compile(
    r"(?P<sign>[$€£])?(?<![\w.])(?P<value>\d[\d,]*(?:\.\d+)?)(?P<power>\s?(?:k|m|bn|thousand|million|billion)\b)?\s?(?P<unit>%|percent\b|[A-Za-z][A-Za-z-]*)?"
)
LESS_IS_MORE = re.compile(
    r"^(ms|milliseconds?|s|secs?|seconds?|mins?|minutes?|hours?|hrs?|h|days?|weeks?|clicks?|steps?|lines?|usd|eur|gbp|dollars?|euros?|pounds?|cents?)$",
    re.I,
)
# With these before it a longer time promises more: "kept for 30 days".
MORE_TIME = re.compile(
    r"\b(retention|retain\w*|kept|keep\w*|histor\w*|stor\w+|trial|warranty|guarantee|refund|free|back(up|ed)\w*|log\w*)\b",
    re.I,
)
PERCENT_LESS = re.compile(r"\b(fee|commission|downtime|error|loss)\w*\b", re.I)
POWERS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
WORDS = {
    w: str(n)
    for n, w in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
BOUNDLESS = re.compile(
    r"\b(unlimited|infinite|no limits?|without limits?|any number of|as many as you (like|want|need)|all|every|any)\b",
    re.I,
)
NAMES = {"qualifier": "no longer says", "hedge": "drops the reserve", "wide": "now says"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """`direction`: +1 promises more, -1 promises less, 0 the same or unclear. `stronger` and `weaker` are the signs, in plain words."""

    direction: int
    stronger: tuple[str, ...]
    weaker: tuple[str, ...]

    @property
    def why(self) -> str:
        """The signs of the direction, in one line."""
        return "; ".join(self.stronger if self.direction >= 0 else self.weaker)


def figures(text: str) -> list[tuple[str, float]]:
    """(unit, value) of every figure in `text`, in order; number words up to twelve count before a noun."""
    spelt = re.sub(rf"\b({'|'.join(WORDS)})\b(?= [a-z])", lambda m: WORDS[m.group(1).lower()], text, flags=re.I)
    out = []
    for found in FIGURE.finditer(spelt):
        value = float(found["value"].replace(",", "")) * POWERS.get((found["power"] or "").strip().lower(), 1.0)
        unit = "dollars" if found["sign"] else (found["unit"] or "").lower()
        out.append(("%" if unit == "percent" else unit.rstrip("s"), value))
    return out


def strength(old: str, new: str) -> Strength:
    """The change of promise from `old` to `new`; where signs point both ways the larger number of them wins, a draw counts as stronger."""
    stronger: list[str] = []
    weaker: list[str] = []
    cues = rules.load("scope")
    for group, sign in (("qualifier", -1), ("hedge", -1), ("wide", 1)):
        before, after = set(cues[group].all(old)), set(cues[group].all(new))
        came, went = _left(after - before, before), _left(before - after, after)
        (stronger if sign > 0 else weaker).extend(f"now says “{word}”" for word in came)
        (weaker if sign > 0 else stronger).extend(f"no longer says “{word}”" for word in went)
    more, less = _figures(old, new)
    stronger += more
    weaker += less
    direction = 0
    if stronger or weaker:
        direction = 1 if len(stronger) >= len(weaker) else -1
    return Strength(direction=direction, stronger=tuple(stronger), weaker=tuple(weaker))


def _left(found: set[str], others: set[str]) -> list[str]:
    """Those that are no mere longer or shorter form of one on the other side."""
    return sorted(w for w in found if not any(w in o or o in w for o in others))


def _figures(old: str, new: str) -> tuple[list[str], list[str]]:
    was, now = figures(old), figures(new)
    if was == now:
        return [], []
    stronger: list[str] = []
    weaker: list[str] = []
    rest = list(now)
    lost = []
    for unit, value in was:
        if (unit, value) in rest:
            rest.remove((unit, value))
        else:
            lost.append((unit, value))
    for place, (unit, value) in enumerate(lost):
        partner = next((n for n in rest if n[0] == unit), None)
        if partner is None and len(lost) == len(rest):
            partner = rest[0] if place < len(lost) else None
        if partner is None:
            if BOUNDLESS.search(new) and not BOUNDLESS.search(old):
                stronger.append(f"{value:g} {unit} became without limit".replace("  ", " "))
            continue
        rest.remove(partner)
        up = partner[1] > value
        shrinking = bool(LESS_IS_MORE.match(unit)) and not MORE_TIME.search(new)
        shrinking = shrinking or (unit == "%" and bool(PERCENT_LESS.search(new)))
        words = f"{value:,g} became {partner[1]:,g} {partner[0]}".strip()
        if partner[1] != value:
            (stronger if up != shrinking else weaker).append(words)
    return stronger, weaker
