"""Nightly series: an alarm needs two confirmations, and a changed instrument starts a new series.

Two detectors look at the same nights: the comparison with the accepted baseline that the night carries, and a one-sided
cumulative sum (Page 1954) of robust deviations for series that have no baseline. Either must hold on two measured nights in a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.drift.records import Alarm, Night

CONFIRMATIONS = 2
WARM_UP = 7  # nights from which level and spread of a series are taken
SLACK = 0.5
LIMIT = 8.0  # with a slack of 0.5 the in-control run length of a normal series is beyond 10,000 nights


def watch(nights: Sequence[Night], *, confirmations: int = CONFIRMATIONS, min_spread: float = 1.0) -> tuple[Alarm, ...]:
    """Alarms in order of nights; after an alarm the series must calm down before it can raise another.

    Nights without a value neither confirm nor calm. At a night with another instrument everything starts anew: a jump there is the
    instrument's and raises nothing.
    """
    out: list[Alarm] = []
    run: list[Night] = []
    held: list[float] = []
    climb, raised, instrument = 0.0, False, ""
    for night in nights:
        if night.instrument != instrument:
            run, held, climb, raised, instrument = [], [], 0.0, False, night.instrument
        if night.value is None:
            continue
        over = False
        if len(held) >= WARM_UP:
            first = np.array(held[:WARM_UP])
            usual = float(np.median(first))
            spread = max(min_spread, 1.4826 * float(np.median(np.abs(first - usual))))
            climb = max(0.0, climb + min(4.0, (night.value - usual) / spread) - SLACK)
            over = climb >= LIMIT
        held.append(night.value)
        if not (night.drifting or over):
            run, raised = [], False
            continue
        run.append(night)
        if len(run) >= confirmations and not raised:
            raised = True
            before = held[-len(run) - 1] if len(held) > len(run) else held[0]
            reason = "more generic than its accepted baseline" if night.drifting else "climbs away from its usual level"
            out.append(Alarm(since=run[0].date, confirmed=night.date, before=before, value=night.value, reason=reason))
    return tuple(out)
