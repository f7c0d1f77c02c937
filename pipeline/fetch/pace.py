"""Politeness: when the next request to a host may start, one at a time, and when a failing host is left alone.

One `Pace` belongs to one `Fetcher`. Several processes share a host through a `Ledger`, which the store provides.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.fetch.settings import FetchSettings


class Resting(Exception):
    """The host is not asked now: it failed too often, or its turn is too far away. `seconds` until it may be asked."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class Ledger(Protocol):
    """Shared memory of several processes about when a host may be asked next."""

    def claim(self, host: str, hold_s: float) -> float:
        """0.0 when the host is now ours for `hold_s`; else seconds to wait before asking again."""

    def release(self, host: str, rest_s: float) -> None:
        """Gives the host back, to be asked again after `rest_s`."""


@dataclass(slots=True)
class _Host:
    """State of one host. Times are of `time.monotonic`."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    next_at: float = 0.0
    faults: int = 0
    rests_until: float = 0.0
    crawl_delay: float = 0.0
    elapsed: float = 0.0


class Pace:
    """Turns of hosts. Safe for use from several threads."""

    def __init__(self, settings: FetchSettings, ledger: Ledger | None = None) -> None:
        self._settings = settings
        self._ledger = ledger
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def share(self, ledger: Ledger) -> None:
        """From now on turns are shared with other processes. The first ledger stays: a turn that was claimed in one
        must not be given back in another."""
        self._ledger = self._ledger or ledger

    def _host(self, host: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(host, _Host())

    def crawl_delay(self, host: str, seconds: float | None) -> None:
        """Notes what robots.txt asks for; capped by `max_crawl_delay_s`."""
        self._host(host).crawl_delay = min(seconds or 0.0, self._settings.max_crawl_delay_s)

    def gap(self, host: str) -> float:
        """Seconds from the end of one request to the start of the next."""
        state, s = self._host(host), self._settings
        return max(s.delay_s, state.crawl_delay, s.latency_factor * state.elapsed) if s.polite else 0.0

    def ready_in(self, host: str) -> float:
        """Seconds until the host may be asked, as far as this process knows."""
        state = self._host(host)
        now = time.monotonic()
        return max(0.0, state.next_at - now, state.rests_until - now)

    @contextlib.contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Waits for the host's turn and holds it. Raises Resting when that takes longer than `max_wait_s`."""
        state, s = self._host(host), self._settings
        self._refuse_resting(state, host)
        if not s.polite:
            yield
            return
        until = time.monotonic() + s.max_wait_s
        if not state.turn.acquire(timeout=s.max_wait_s):
            raise Resting(self.gap(host), f"{host} was busy for {s.max_wait_s:g} s")
        try:
            self._refuse_resting(state, host)
            wait = state.next_at - time.monotonic()
            if wait > s.max_wait_s:
                raise Resting(wait, f"{host} asks for a pause of {wait:.0f} s")
            if wait > 0:
                time.sleep(wait)
            self._claim(host, until)
            try:
                yield
            finally:
                rest = max(self.gap(host), state.next_at - time.monotonic())
                state.next_at = time.monotonic() + rest
                if self._ledger is not None:
                    self._ledger.release(host, rest)
        finally:
            state.turn.release()

    def _refuse_resting(self, state: _Host, host: str) -> None:
        left = state.rests_until - time.monotonic()
        if left > 0:
            raise Resting(left, f"{host} failed {state.faults} times in a row and rests for {left:.0f} s more")

    def _claim(self, host: str, until: float) -> None:
        if self._ledger is None:
            return
        while wait := self._ledger.claim(host, self._settings.deadline_s * 2):
            if time.monotonic() + wait > until:
                raise Resting(wait, f"{host} is being fetched by another process")
            time.sleep(min(wait, 1.0))

    def answered(self, host: str, elapsed_s: float) -> None:
        """Notes a healthy answer and how long it took."""
        state = self._host(host)
        state.elapsed, state.faults = elapsed_s, 0

    def failed(self, host: str) -> bool:
        """Notes a fault of the server or the line; True when the host rests from now on."""
        state = self._host(host)
        state.faults += 1
        if state.faults < self._settings.breaker_faults:
            return False
        state.rests_until = time.monotonic() + self._settings.breaker_rest_s
        return True

    def pause(self, host: str, seconds: float) -> float:
        """Honours a Retry-After; gives the seconds really kept (capped)."""
        state = self._host(host)
        seconds = min(seconds, self._settings.retry_after_cap_s)
        state.next_at = max(state.next_at, time.monotonic() + seconds)
        return seconds
