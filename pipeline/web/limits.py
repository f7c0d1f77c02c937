"""How often one person or address may ask: a bucket a kind and asker, refilled evenly."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from pipeline.web.faults import Fault

MOST_ASKERS = 20_000


class Limits:
    """`rates` are {kind: (how many, in how many seconds)}; 0 means no limit."""

    def __init__(self, rates: dict[str, tuple[int, float]], clock: Callable[[], float] = time.monotonic) -> None:
        self._rates, self._clock = rates, clock
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, kind: str, asker: str) -> None:
        """Counts one request. Raises a 429 Fault, which says when to come back, when the bucket is empty."""
        most, seconds = self._rates.get(kind, (0, 1.0))
        if most <= 0:
            return
        now = self._clock()
        with self._lock:
            left, then = self._left.pop((kind, asker), (float(most), now))
            left = min(float(most), left + (now - then) * most / seconds)
            enough = left >= 1
            self._left[kind, asker] = (left - 1 if enough else left, now)
            while len(self._left) > MOST_ASKERS:
                self._left.popitem(last=False)
        if not enough:
            wait = max(1, round((1 - left) * seconds / most + 0.5))
            raise Fault(
                429, "too_many", f"Too many requests: {most} in {_span(seconds)} are allowed.", f"Try again in {wait} s.",
                retry_after=wait,
            )  # fmt: skip


def _span(seconds: float) -> str:
    return "an hour" if seconds == 3600 else "a minute" if seconds == 60 else f"{seconds:g} s"
