"""The one place that fetches: URL -> `Fetched`, or a `Problem` that says what stood in the way.

    url -> address guard -> robots.txt -> the host's turn -> exchange -> redirect? the same again -> body under limits

Cookies are neither sent nor kept, proxies of the environment are ignored, certificates are always verified.
It does not know what a crawl is.
"""

from __future__ import annotations

import datetime
import email.utils
import http.client
import re
import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType

import requests.exceptions
import urllib3.exceptions
from requests import Response

from pipeline.fetch import robots as robots_txt
from pipeline.fetch.address import Guard, Refused, Unresolved
from pipeline.fetch.coding import SUPPORTED, Bomb, Undecodable, collect
from pipeline.fetch.connection import GateAdapter
from pipeline.fetch.pace import Ledger, Pace, Resting
from pipeline.fetch.robots import Robots
from pipeline.fetch.settings import FetchSettings
from pipeline.fetch.url import Url, normalise, parse
from pipeline.records import Fetched, Problem

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Answers that a later try may better; Scrapy's list less 408's kin that nobody sends.
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,text/plain;q=0.8,*/*;q=0.5"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One exchange, body read."""

    status: int
    headers: dict[str, str]
    body: bytes
    elapsed_s: float
    cut: bool = False


class _Failed(Exception):
    """An exchange without a usable answer. `fault`: of the host's making, so that its circuit breaker counts it."""

    def __init__(self, kind: str, message: str, *, transient: bool = False, fault: bool = False) -> None:
        super().__init__(message)
        self.kind, self.transient, self.fault = kind, transient, fault


class Fetcher:
    """Fetches URLs by the rules of its settings. Safe for use from several threads; close it, or use it as a context."""

    def __init__(self, settings: FetchSettings | None = None, *, ledger: Ledger | None = None) -> None:
        self.settings = settings or FetchSettings()
        self.guard = Guard(self.settings)
        self.pace = Pace(self.settings, ledger)
        self._adapter = GateAdapter(self.settings, self.guard)
        self._robots: dict[str, tuple[float, Robots]] = {}
        self._robots_locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Fetcher:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes connections."""
        self.close()

    def close(self) -> None:
        """Closes connections and threads."""
        self._adapter.close()
        self.guard.close()

    # -- the public face ------------------------------------------------------------------------------------------

    def fetch(self, url: str, *, validators: Validators | None = None, max_bytes: int | None = None) -> Fetched | Problem:
        """The page under `url` with retries: a Fetched of status 2xx (or 304 with `validators`), or a Problem."""
        attempt = self.attempt(url, validators=validators, max_bytes=max_bytes)
        for _ in range(self.settings.retries):
            if attempt.again_in is None or attempt.again_in > self.settings.max_wait_s:
                break
            time.sleep(attempt.again_in)
            attempt = self.attempt(url, validators=validators, max_bytes=max_bytes)
        return attempt.outcome

    def attempt(self, url: str, *, validators: Validators | None = None, max_bytes: int | None = None) -> Attempt:
        """One try at `url`, redirects included; `max_bytes` replaces the bound on pages (for sitemaps)."""
        named = normalise(url) or url
        try:
            return self._follow(url, named, validators, max_bytes or self.settings.max_body_bytes)
        except _Failed as err:
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
            return Problem(kind="robots_unreachable", where=url.href,
                           message=f"{url.origin}: {robots.reason}. Ask the site's owner, or run again later.")
        return Problem(kind="robots", where=url.href, message=(
            f"{url.origin}/robots.txt, line {rule.line}, forbids it ('{rule}'): allow '{self.settings.robot_name}' there, "
            "or take the page out of scope."))

    # -- one URL --------------------------------------------------------------------------------------------------

    def _follow(self, text: str, named: str, validators: Validators | None, max_bytes: int) -> Attempt:
        """The redirect loop: every hop passes the same checks as the first URL."""
        url, began = self._checked(text, None), time.monotonic()
        hops: list[str] = []
        while True:
            forbidden = self.allowed(url)
            if forbidden is not None:
                again = 60.0 if forbidden.kind == "robots_unreachable" else None
                return Attempt(outcome=replace(forbidden, where=named), again_in=again)
            answer = self._exchange(url, validators if not hops else None, max_bytes)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                elapsed = answer.elapsed_s if not hops else time.monotonic() - began
                return self._judge(named, url, answer, tuple(hops), validators, elapsed)
            hops.append(url.href)
            following = self._checked(answer.headers["location"], url.href)
            if following.href in hops:
                raise _Failed("loop", f"redirects come back to {following.href} after {len(hops)} hops "
                                      "(some sites do that to visitors without cookies): give the final address.")
            if len(hops) > self.settings.max_redirects:
                raise _Failed("loop", f"more than {self.settings.max_redirects} redirects, the last one to {following.href}: "
                                      "give the final address.")
            url = following

    def _checked(self, text: str, base: str | None) -> Url:
        """The URL, parsed and passed by the guard as far as that goes without a look-up. Raises _Failed."""
        url = parse(text, base)
        if url is None:
            raise _Failed("url", f"'{text[:200]}' is not a URL: write it as https://example.com/page.")
        if len(url.href) > self.settings.max_url_chars:
            raise _Failed("url", f"the URL is {len(url.href)} characters long, more than {self.settings.max_url_chars}: shorten it.")
        try:
            self.guard.check_url(url)
        except Refused as err:
            raise _refusal(url, err) from err
        return url

    def _judge(self, named: str, url: Url, answer: _Answer, hops: tuple[str, ...], validators: Validators | None,
               elapsed: float) -> Attempt:
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
            return Attempt(status=status, outcome=Fetched(
                url=named, final_url=url.href, status=status, headers=answer.headers, body=body, fetched_at=_now(),
                elapsed_s=round(elapsed, 4), redirects=hops, not_modified=unchanged,
                notes=("truncated",) if answer.cut else ()))
        kind = {404: "not_found", 410: "not_found", 401: "forbidden", 403: "forbidden", 429: "busy", 503: "busy"}.get(status, "http_status")
        remedy = {"not_found": "mend or remove the link", "forbidden": "the page is not public: give a file instead",
                  "busy": "run again later"}.get(kind, "look at the server's log")
        phrase = http.client.responses.get(status, "")
        return Attempt(status=status, again_in=again, outcome=Problem(
            kind=kind, where=named, message=f"the server answers {status} {phrase}".rstrip() + f" for {url.href}: {remedy}."))

    # -- robots.txt -----------------------------------------------------------------------------------------------

    def _fetch_robots(self, origin: str) -> tuple[Robots, float]:
        """The rules and how long they hold, in seconds; what cannot be had is asked for again after five minutes."""
        s = self.settings
        soon = min(300.0, s.robots_ttl_s)
        text, base = f"{origin}/robots.txt", None
        for _ in range(s.max_robots_redirects + 1):
            try:
                url = self._checked(text, base)
                answer = self._exchange(url, None, s.max_robots_bytes, whole=False)
            except _Failed as err:
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

    # -- one exchange ---------------------------------------------------------------------------------------------

    def _exchange(self, url: Url, validators: Validators | None, max_bytes: int, *, whole: bool = True) -> _Answer:
        """One GET at the host's turn. Raises _Failed or Resting; `whole=False` cuts a longer body instead of refusing."""
        headers = {"User-Agent": self.settings.user_agent, "Accept": ACCEPT, "Accept-Encoding": SUPPORTED}
        if validators is not None and validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators is not None and validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        with self.pace.turn(url.host), self._adapter.watchdog.over(self.settings.deadline_s) as exchange:
            began = time.monotonic()
            try:
                try:
                    response = self._adapter.exchange(url, headers)
                    answer = self._read(url, response, began, max_bytes, whole)
                except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, http.client.HTTPException,
                        ValueError) as err:
                    if exchange.fired:
                        raise _Failed("timeout", f"{url.host} took longer than {self.settings.deadline_s:g} s for {url.href}: "
                                                 "raise fetch.deadline_s or look at the server.", transient=True, fault=True) from err
                    raise _explained(url, err) from err
                if exchange.fired:
                    raise _Failed("timeout", f"{url.host} took longer than {self.settings.deadline_s:g} s for {url.href}: raise "
                                             "fetch.deadline_s or look at the server.", transient=True, fault=True)
            except _Failed as err:
                if err.fault and self.pace.failed(url.host):
                    raise _Failed(err.kind, f"{err} It is the {self.settings.breaker_faults}th fault of {url.host} in a row: it "
                                            f"rests for {self.settings.breaker_rest_s:g} s.", transient=err.transient) from err
                raise
            if answer.status not in TRANSIENT:
                self.pace.answered(url.host, answer.elapsed_s)
            return answer

    def _read(self, url: Url, response: Response, began: float, max_bytes: int, whole: bool) -> _Answer:
        """Headers and body of `response` under the limits. A body that nobody wants (redirect, error) is not read."""
        s = self.settings
        headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
        status = response.status_code
        wanted = 200 <= status < 300 and not (status == 204)
        raw = response.raw
        try:
            if not wanted:
                # A short body is read to its end, so that the connection can be used again.
                length = headers.get("content-length", "")
                if status != 304 and length.isdigit() and int(length) < 4096:
                    raw.read(int(length), decode_content=False)
                    raw.release_conn()
                elif status in {204, 304}:
                    raw.release_conn()
                return _Answer(status=status, headers=headers, body=b"", elapsed_s=time.monotonic() - began)
            length = headers.get("content-length", "")
            if whole and length.isdigit() and int(length) > max_bytes:
                raise _Failed("too_large", f"{url.href} announces {int(length):,} bytes, more than {max_bytes:,}: "
                                           "give a smaller page, or raise fetch.max_body_bytes.")
            coding = headers.get("content-encoding", "")
            if not whole:
                body = bytearray()
                for piece in raw.stream(65536, decode_content=False):
                    body += piece
                    if len(body) >= max_bytes:
                        break
                head = bytes(body[:max_bytes])
                if coding:
                    head, _ = collect(iter([head]), coding, max_bytes=max_bytes * 2, max_ratio=s.max_ratio,
                                      ratio_floor=s.ratio_floor_bytes, max_codings=s.max_codings)
                return _Answer(status=status, headers=headers, body=head[:max_bytes], elapsed_s=time.monotonic() - began)
            body_bytes, cut = collect(raw.stream(65536, decode_content=False), coding, max_bytes=max_bytes, max_ratio=s.max_ratio,
                                      ratio_floor=s.ratio_floor_bytes, max_codings=s.max_codings)
            return _Answer(status=status, headers=headers, body=body_bytes, elapsed_s=time.monotonic() - began, cut=cut)
        except Bomb as err:
            raise _Failed("too_large", f"{url.href} is {err}: give a smaller page, or raise fetch.max_body_bytes.") from err
        except Undecodable as err:
            raise _Failed("unreadable", f"{url.href} cannot be unpacked ({err}): mend the server's Content-Encoding.") from err
        finally:
            if not raw.closed and raw._fp is not None and not getattr(raw._fp, "isclosed", lambda: True)():
                # Unread rest: the connection is of no further use, and closing it is cheaper than reading on.
                raw.close()
            response.close()


def _refusal(url: Url, err: Refused) -> _Failed:
    return _Failed("address", f"{url.href[:300]} is not fetched: {err}. Only public web addresses are; the operator may open "
                              "a network with fetch.allow_networks or map the host with fetch.hosts.")


def _explained(url: Url, err: BaseException) -> _Failed:
    """The failure in words. Looks through the wrappers of requests and urllib3 for the cause."""
    chain: list[BaseException] = []
    todo: list[object] = [err]
    while todo and len(chain) < 12:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in chain:
            chain.append(one)
            todo += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]
    for one in chain:
        if isinstance(one, Refused):
            return _refusal(url, one)
        if isinstance(one, Unresolved):
            return _Failed("dns", f"{one}: check the spelling of {url.href}.", transient=True, fault=True)
    text = " ".join(str(one) for one in chain)
    for one in chain:
        if type(one).__module__ == "ssl" or isinstance(one, urllib3.exceptions.SSLError):
            why = re.sub(r"\s*\(_ssl\.c:\d+\)", "", getattr(one, "verify_message", "") or str(one))
            return _Failed("tls", f"{url.host} has no valid certificate or speaks no TLS ({why}): mend it, or name the "
                                  "company's authority with fetch.ca_bundle.", fault=True)
    if any(isinstance(one, urllib3.exceptions.TimeoutError | requests.exceptions.Timeout | TimeoutError) for one in chain):
        return _Failed("timeout", f"{url.host} does not answer in time for {url.href}: try again, or look at the server.",
                       transient=True, fault=True)
    if "IncompleteRead" in text or any(isinstance(one, urllib3.exceptions.IncompleteRead) for one in chain):
        return _Failed("truncated", f"{url.href} ends before the length that its headers promise: look at the server.",
                       transient=True, fault=True)
    if any(isinstance(one, ConnectionRefusedError | urllib3.exceptions.NewConnectionError) for one in chain):
        return _Failed("connect", f"{url.host}:{url.port} takes no connection ({chain[-1]}): look at the server.",
                       transient=True, fault=True)
    return _Failed("protocol", f"{url.host} does not answer in HTTP for {url.href} ({type(chain[-1]).__name__}: "
                               f"{str(chain[-1])[:200]}): look at the server.", transient=True, fault=True)


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
