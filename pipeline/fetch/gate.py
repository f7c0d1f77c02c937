"""The one place that fetches: URL -> `Fetched`, or a `Problem` that says what stood in the way.

    url -> address guard -> robots.txt -> the host's turn -> exchange -> redirect? the same again -> body under limits

Cookies are neither sent nor kept, proxies of the environment are ignored, certificates are always verified.
It does not know what a crawl is.
"""

from __future__ import annotations

import datetime
import email.utils
import http.client
import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType

from pipeline.fetch import robots as robots_txt
from pipeline.fetch.address import Guard, Refused
from pipeline.fetch.exchange import TRANSIENT, Answer, Failed, Line, refusal
from pipeline.fetch.pace import Ledger, Pace, Resting
from pipeline.fetch.robots import Robots
from pipeline.fetch.settings import FetchSettings
from pipeline.fetch.url import Url, normalise, parse
from pipeline.records import Fetched, Problem

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Status -> kind of the Problem and what to do about it.
MEANING = {
    404: ("not_found", "mend or remove the link"),
    410: ("not_found", "mend or remove the link"),
    401: ("forbidden", "the page is not public, give a file instead"),
    403: ("forbidden", "the page is not public or bots are kept out, give a file or let our agent in"),
    429: ("busy", "run again later"),
    503: ("busy", "run again later"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a former fetch left for a conditional one; `body` is handed back when the server answers 304."""

    etag: str = ""
    last_modified: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a URL. `again_in` seconds a further try makes sense (None: it does not)."""

    outcome: Fetched | Problem
    status: int = 0
    again_in: float | None = None


class Fetcher:
    """Fetches URLs by the rules of its settings. Safe for use from several threads; to be closed, or used in `with`."""

    def __init__(self, settings: FetchSettings | None = None, *, ledger: Ledger | None = None) -> None:
        self.settings = settings or FetchSettings()
        self.guard = Guard(self.settings)
        self.pace = Pace(self.settings, ledger)
        self._line = Line(self.settings, self.guard, self.pace)
        self._robots: dict[str, tuple[float, Robots]] = {}
        self._robots_locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Fetcher:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes connections."""
        self.close()

    def close(self) -> None:
        """Closes connections and threads."""
        self._line.close()
        self.guard.close()

    # -- the public face ------------------------------------------------------------------------------------------

    def fetch(
        self, url: str, *, validators: Validators | None = None, max_bytes: int | None = None
    ) -> Fetched | Problem:
        """The page under `url` with retries: a Fetched of status 2xx (or 304 with `validators`), or a Problem."""
        attempt = self.attempt(url, validators=validators, max_bytes=max_bytes)
        for _ in range(self.settings.retries):
            if attempt.again_in is None or attempt.again_in > self.settings.max_retry_wait_s:
                break
            time.sleep(attempt.again_in)
            attempt = self.attempt(url, validators=validators, max_bytes=max_bytes)
        return attempt.outcome

    def attempt(self, url: str, *, validators: Validators | None = None, max_bytes: int | None = None) -> Attempt:
        """One try at `url`, redirects included; `max_bytes` replaces the bound on pages (for sitemaps)."""
        named = normalise(url) or url
        try:
            return self._follow(url, named, validators, max_bytes or self.settings.max_body_bytes)
        except Failed as err:
            again = self.settings.retry_pause_s if err.transient else None
            return Attempt(outcome=Problem(kind=err.kind, where=named, message=str(err)), again_in=again)
        except Resting as err:
            problem = Problem(kind="busy", where=named, message=f"{err}: try again later.")
            return Attempt(outcome=problem, again_in=max(1.0, err.seconds))

    def robots(self, origin: str) -> Robots:
        """The robots.txt of `origin` (`https://example.com`), fetched at most once a day."""
        with self._lock:
            lock = self._robots_locks.setdefault(origin, threading.Lock())
        with lock:
            known = self._robots.get(origin)
            if known is not None and known[0] > time.monotonic():
                return known[1]
            found, ttl = self._fetch_robots(origin)
            self._robots[origin] = (time.monotonic() + ttl, found)
            url = parse(origin)
            if url is not None:
                self.pace.crawl_delay(url.host, found.delay(self.settings.robot_name))
            return found

    def allowed(self, url: Url) -> Problem | None:
        """None where robots.txt allows `url`, else the Problem that names the rule."""
        if not self.settings.obey_robots:
            return None
        robots = self.robots(url.origin)
        if robots.verdict is True:
            return None
        ok, rule = robots.decide(url.target, self.settings.robot_name)
        if ok:
            return None
        if rule is None:
            plain = robots.kind != "robots_unreachable"  # the host itself is out of reach
            return Problem(
                kind=robots.kind,
                where=url.href,
                message=robots.reason
                if plain
                else f"{url.origin}: {robots.reason}. Ask the site's owner, or run again later.",
            )
        return Problem(
            kind="robots",
            where=url.href,
            message=(
                f"{url.origin}/robots.txt, line {rule.line}, forbids it ('{rule}'): allow '{self.settings.robot_name}' "
                "there, or take the page out of scope."
            ),
        )

    # -- one URL --------------------------------------------------------------------------------------------------

    def _follow(self, text: str, named: str, validators: Validators | None, max_bytes: int) -> Attempt:
        """The redirect loop: every hop passes the same checks as the first URL."""
        url, began = self._checked(text, None), time.monotonic()
        hops: list[str] = []
        while True:
            forbidden = self.allowed(url)
            if forbidden is not None:
                again = 60.0 if forbidden.kind not in {"robots", "address", "tls"} else None
                return Attempt(outcome=replace(forbidden, where=named), again_in=again)
            answer = self._line.get(url, _conditional(validators if not hops else None), max_bytes=max_bytes)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                elapsed = answer.elapsed_s if not hops else time.monotonic() - began
                return self._judge(named, url, answer, tuple(hops), validators, elapsed)
            hops.append(url.href)
            following = self._checked(answer.headers["location"], url.href)
            if following.href in hops:
                raise Failed(
                    "loop",
                    f"redirects come back to {following.href} after {len(hops)} hops "
                    "(some sites do that to visitors without cookies): give the final address.",
                )
            if len(hops) > self.settings.max_redirects:
                raise Failed(
                    "loop",
                    f"more than {self.settings.max_redirects} redirects, the last one to "
                    f"{following.href}: give the final address.",
                )
            url = following

    def _checked(self, text: str, base: str | None) -> Url:
        """The URL, parsed and passed by the guard as far as that goes without a look-up. Raises Failed."""
        url = parse(text, base)
        if url is None:
            raise Failed("url", f"'{text[:200]}' is not a URL: write it as https://example.com/page.")
        if len(url.href) > self.settings.max_url_chars:
            raise Failed(
                "url",
                f"the URL is {len(url.href)} characters long, more than {self.settings.max_url_chars}: shorten it.",
            )
        try:
            self.guard.check_url(url)
        except Refused as err:
            raise refusal(url, err) from err
        return url

    def _judge(
        self, named: str, url: Url, answer: Answer, hops: tuple[str, ...], validators: Validators | None, elapsed: float
    ) -> Attempt:
        """What an answer that is no redirect means."""
        host, status = url.host, answer.status
        again: float | None = None
        if status in TRANSIENT:
            asked = retry_after(answer.headers.get("retry-after", ""))
            if asked is not None:
                again = self.pace.pause(host, asked)
            elif status == 429 or status == 503:
                again = self.pace.pause(host, max(5.0, 5 * self.pace.gap(host)) if self.settings.polite else 0.0)
            else:
                again = self.settings.retry_pause_s
            if status >= 500 and self.pace.failed(host):
                again = max(again, self.settings.breaker_rest_s)
        if 200 <= status < 300 or (status == 304 and validators is not None):
            unchanged = status == 304
            body = validators.body if unchanged and validators is not None else answer.body
            return Attempt(
                status=status,
                outcome=Fetched(
                    url=named,
                    final_url=url.href,
                    status=status,
                    headers=answer.headers,
                    body=body,
                    fetched_at=_now(),
                    elapsed_s=round(elapsed, 4),
                    redirects=hops,
                    not_modified=unchanged,
                    notes=("truncated",) if answer.cut else (),
                ),
            )
        kind, remedy = MEANING.get(status, ("http_status", "look at the server's log"))
        phrase = http.client.responses.get(status, "without a name")
        return Attempt(
            status=status,
            again_in=again,
            outcome=Problem(
                kind=kind, where=named, message=f"the server answers {status} {phrase} for {url.href}: {remedy}."
            ),
        )

    # -- robots.txt -----------------------------------------------------------------------------------------------

    def _fetch_robots(self, origin: str) -> tuple[Robots, float]:
        """The rules and how long they hold, in seconds; what cannot be had is asked for again after five minutes."""
        s = self.settings
        soon = min(300.0, s.robots_ttl_s)
        text, base = f"{origin}/robots.txt", None
        for _ in range(s.max_robots_redirects + 1):
            try:
                url = self._checked(text, base)
                answer = self._line.get(url, {}, max_bytes=s.max_robots_bytes, whole=False)
            except Failed as err:
                if err.kind in {"dns", "address", "tls", "connect"} and base is None:
                    return robots_txt.unreachable(str(err), err.kind), soon
                return robots_txt.unreachable(f"robots.txt cannot be fetched ({err})"), soon
            except Resting as err:
                return robots_txt.unreachable(f"robots.txt cannot be fetched ({err})"), min(soon, max(1.0, err.seconds))
            if answer.status in REDIRECTS and "location" in answer.headers:
                text, base = answer.headers["location"], url.href
                continue
            if answer.status in TRANSIENT and answer.status >= 500:
                self.pace.failed(url.host)
            found = robots_txt.from_status(answer.status, answer.body)
            return found, s.robots_ttl_s if found.verdict is not False else soon
        # RFC 9309, 2.3.1.2: more than five redirects count as "there is none".
        return robots_txt.from_status(404, b""), s.robots_ttl_s


def _conditional(validators: Validators | None) -> dict[str, str]:
    """Request headers that ask for the page only if it has changed."""
    headers: dict[str, str] = {}
    if validators is not None and validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators is not None and validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def retry_after(value: str) -> float | None:
    """Seconds in a Retry-After header (a number or a date); None for anything else."""
    value = value.strip()
    if value.isdigit() and len(value) < 10:
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
