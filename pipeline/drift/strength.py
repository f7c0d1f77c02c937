"""Does the new wording of a sentence promise more than the old one, or less?"""

from __future__ import annotations

import re

from pipeline import rules

NUMBER = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)\s?(%|[a-z]+)?", re.I)
# With these units a smaller figure promises more.
LESS_IS_MORE = re.compile(r"^(ms|s|sec\w*|seconds?|minutes?|mins?|clicks?|steps?|kb|dollars?|eur|usd)$", re.I)


def _numbers(text: str) -> dict[str, float]:
    return {(unit or "").lower(): float(value.replace(",", "")) for value, unit in NUMBER.findall(text)}


def strength_change(old: str, new: str) -> tuple[int, str]:
    """(+1 strengthened, -1 weakened, 0 neither or unclear; the reason in a few words)."""
    cues = rules.load("strength")
    reasons: list[tuple[int, str]] = []
    for name, sign in (("stronger", 1), ("weaker", -1)):
        before, after = set(cues[name].all(old)), set(cues[name].all(new))
        reasons += [(sign, f"adds “{word}”") for word in sorted(after - before)]
        reasons += [(-sign, f"drops “{word}”") for word in sorted(before - after)]
    was, now = _numbers(old), _numbers(new)
    for unit in sorted(was.keys() & now.keys()):
        if was[unit] != now[unit]:
            sign = (1 if now[unit] > was[unit] else -1) * (-1 if LESS_IS_MORE.match(unit) else 1)
            reasons.append((sign, f"{was[unit]:g} became {now[unit]:g} {unit}".strip()))
    total = sum(sign for sign, _ in reasons)
    direction = (total > 0) - (total < 0)
    return direction, "; ".join(why for sign, why in reasons if sign == direction) if direction else ""
