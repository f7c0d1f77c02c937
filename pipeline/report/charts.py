"""Charts as coordinates and words: a trend line for each number and a bar of verdicts. The templates draw them as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.records import Judgement, TrendPoint, Verdict
from pipeline.report.thresholds import HEAT_SHADES, SAME_POINTS
from pipeline.report.wording import INKS, SIGNS, VERDICTS, day, percent

WIDTH, HEIGHT, EDGE = 240, 48, 5
# The view box of a verdict bar is so many units wide, with a gap between two verdicts.
BAR, GAP = 1000, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """A trend line: `lines` are polylines (one for each stretch that can be compared), `breaks` the places between, `said` all of it in words."""

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    last: tuple[float, float]
    breaks: tuple[float, ...]
    said: str
    word: str
    better: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareView:
    """One verdict of a bar: `x` and `width` in units of BAR, `share` of all claims in words."""

    verdict: str
    sign: str
    label: str
    meaning: str
    colour: str
    count: int
    share: str
    x: float
    width: float


def heat(share: float | None) -> int | None:
    """0 (fine) to 4 (hot) for a share of 0-1; None for what was not measured."""
    return None if share is None else min(HEAT_SHADES - 1, max(0, int(share * HEAT_SHADES)))


def shares(judgements: Sequence[Judgement]) -> tuple[ShareView, ...]:
    """One stretch for each verdict that occurs, in the order of the legend."""
    out: list[ShareView] = []
    x = 0.0
    for verdict, (label, meaning) in VERDICTS.items():
        count = sum(j.verdict is verdict for j in judgements)
        if not count:
            continue
        width = BAR * count / len(judgements)
        out.append(
            ShareView(
                verdict=verdict.value, sign=SIGNS[verdict], label=label, meaning=meaning, colour=INKS[verdict], count=count,
                share=percent(count / len(judgements)), x=round(x, 2), width=round(max(1.0, width - GAP), 2),
            )
        )  # fmt: skip
        x += width
    return tuple(out)


def _stretches(points: Sequence[tuple[float, float] | None], broken: Iterable[int]) -> list[list[tuple[float, float]]]:
    out: list[list[tuple[float, float]]] = [[]]
    stops = set(broken)
    for number, point in enumerate(points):
        if point is None or number in stops:
            out.append([])
        if point is not None:
            out[-1].append(point)
    return [stretch for stretch in out if stretch]


def trend_view(trend: Sequence[TrendPoint], values: Sequence[float | None], *, unit: str, higher_is_better: bool) -> TrendView | None:
    """The line of `values` (0-100, oldest first, this run last); None with fewer than two measured runs.

    The scale is the values' own range, at least ten points, so that a small change is not drawn as a cliff.
    """
    known = [v for v in values if v is not None]
    if len(known) < 2 or len(values) != len(trend):
        return None
    low, high = min(known), max(known)
    spare = max(0.0, 10.0 - (high - low)) / 2
    low, high = low - spare, high + spare
    step = (WIDTH - 2 * EDGE) / (len(values) - 1)

    def place(number: int, value: float) -> tuple[float, float]:
        return round(EDGE + number * step, 1), round(HEIGHT - EDGE - (value - low) / (high - low) * (HEIGHT - 2 * EDGE), 1)

    points = [None if v is None else place(n, v) for n, v in enumerate(values)]
    broken = [n for n, p in enumerate(trend) if p.instrument and n]
    seen = [p for p in points if p is not None]
    word, better = _difference(trend, values, unit=unit, higher_is_better=higher_is_better)
    told = [f"{day(p.at)} {'not measured' if v is None else f'{v:.0f}{unit}'}" for p, v in zip(trend, values, strict=True)]
    breaks = tuple(round(EDGE + (n - 0.5) * step, 1) for n in broken)
    return TrendView(
        lines=tuple(" ".join(f"{x},{y}" for x, y in s) for s in _stretches(points, broken) if len(s) > 1),
        dots=tuple(seen[:-1]),
        last=seen[-1],
        breaks=breaks,
        said=", ".join(told) + (". Models or settings changed where the line breaks." if breaks else "."),
        word=word,
        better=better,
    )


def _difference(trend: Sequence[TrendPoint], values: Sequence[float | None], *, unit: str, higher_is_better: bool) -> tuple[str, bool | None]:
    """(in words, whether it is better; None where neither) for this run against the one before."""
    now, before, since = values[-1], values[-2], day(trend[-2].at)
    if trend[-1].instrument:
        return f"Models or settings changed since {since}: not comparable.", None
    if now is None or before is None:
        return "", None
    change = now - before
    if abs(change) < SAME_POINTS:
        return f"As on {since}.", None
    better = (change > 0) is higher_is_better
    return f"{'Better' if better else 'Worse'} than on {since}, when it was {before:.0f}{unit}.", better


def risky(judgements: Sequence[Judgement]) -> list[Verdict]:
    """The overpromise verdicts that occur, the most frequent first."""
    counts = {v: sum(j.verdict is v for j in judgements) for v in VERDICTS}
    order = (Verdict.CONTRADICTED, Verdict.PLANNED, Verdict.QUALIFIED, Verdict.UNDOCUMENTED)
    return sorted((v for v in order if counts[v]), key=lambda v: (-counts[v], order.index(v)))
