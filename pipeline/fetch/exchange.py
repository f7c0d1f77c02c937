"""One GET and its answer, read under limits; whatever goes wrong is said in words that name a remedy.

It follows no redirect and asks no robots.txt; see `gate`.
"""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass
from typing import Any

import requests.exceptions
import urllib3.exceptions
from requests import Response

from pipeline.fetch.address import Guard, Refused, Unresolved
from pipeline.fetch.coding import SUPPORTED, Bomb, Undecodable, collect
from pipeline.fetch.connection import GateAdapter
from pipeline.fetch.pace import Pace
from pipeline.fetch.settings import FetchSettings
from pipeline.fetch.url import Url

# Answers that a later try may better: Scrapy's list, with 425 and Cloudflare's own.
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,text/plain;q=0.8,*/*;q=0.5"
TROUBLE = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    http.client.HTTPException,
    ValueError,
    Refused,
    Unresolved,
)
TIMEOUTS = (urllib3.exceptions.TimeoutError, requests.exceptions.Timeout, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One exchange, body read and decoded. `cut`: the compressed stream ended before its end mark."""

    status: int
    headers: dict[str, str]
    body: bytes
    elapsed_s: float
    cut: bool = False


class Failed(Exception):
    """An exchange without a usable answer.

    `kind` is that of the Problem to come; `transient`: a later try may go well; `fault`: of the host's making, so that
    its circuit breaker counts it.
    """

    def __init__(self, kind: str, message: str, *, transient: bool = False, fault: bool = False) -> None:
        super().__init__(message)
        self.kind, self.transient, self.fault = kind, transient, fault


class Line:
    """The line to the web: one GET at a time for each host's turn. Safe for use from several threads."""

    def __init__(self, settings: FetchSettings, guard: Guard, pace: Pace) -> None:
        self._settings = settings
        self._pace = pace
        self._adapter = GateAdapter(settings, guard)

    def close(self) -> None:
        """Closes every connection."""
        self._adapter.close()

    def get(self, url: Url, headers: dict[str, str], *, max_bytes: int, whole: bool = True) -> Answer:
        """The answer to one GET. Raises Failed or Resting; `whole=False` cuts a longer body instead of refusing it."""
        headers = {"User-Agent": self._settings.user_agent, "Accept": ACCEPT, "Accept-Encoding": SUPPORTED, **headers}
        with self._pace.turn(url.host), self._adapter.watchdog.over(self._settings.deadline_s) as exchange:
            began = time.monotonic()
            try:
                try:
                    answer = self._read(url, self._adapter.exchange(url, headers), began, max_bytes, whole)
                except TROUBLE as err:
                    if exchange.fired:
                        raise self._late(url) from err
                    raise explained(url, err) from err
                if exchange.fired:
                    raise self._late(url)
            except Failed as err:
                if err.fault and self._pace.failed(url.host):
                    s = self._settings
                    raise Failed(
                        err.kind,
                        f"{err} It is the {s.breaker_faults}th fault of {url.host} in a row: "
                        f"it rests for {s.breaker_rest_s:g} s.",
                        transient=err.transient,
                    ) from err
                raise
            if answer.status not in TRANSIENT:
                self._pace.answered(url.host, answer.elapsed_s)
            return answer

    def _late(self, url: Url) -> Failed:
        return Failed(
            "timeout",
            f"{url.host} took longer than {self._settings.deadline_s:g} s for {url.href}: raise "
            "fetch.deadline_s or look at the server.",
            transient=True,
            fault=True,
        )

    def _read(self, url: Url, response: Response, began: float, max_bytes: int, whole: bool) -> Answer:
        """Headers and body of `response` under the limits. A body that nobody wants (redirect, error) is skipped."""
        s = self._settings
        headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
        status, raw = response.status_code, response.raw
        length = headers.get("content-length", "")
        length = length if length.isdigit() and len(length) < 19 else ""
        try:
            if not 200 <= status < 300 or status == 204:
                _skip(raw, status, length)
                return Answer(status=status, headers=headers, body=b"", elapsed_s=time.monotonic() - began)
            if whole and length and int(length) > max_bytes:
                raise Failed(
                    "too_large",
                    f"{url.href} announces {int(length):,} bytes, more than {max_bytes:,}: "
                    "give a smaller page, or raise fetch.max_body_bytes.",
                )
            chunks = raw.stream(65536, decode_content=False)
            if not whole:
                chunks = iter([_head(chunks, max_bytes)])
            body, cut = collect(
                chunks,
                headers.get("content-encoding", ""),
                max_ratio=s.max_ratio,
                max_bytes=max_bytes if whole else 4 * max_bytes,
                ratio_floor=s.ratio_floor_bytes,
                max_codings=s.max_codings,
            )
            return Answer(
                status=status,
                headers=headers,
                body=body if whole else body[:max_bytes],
                elapsed_s=time.monotonic() - began,
                cut=cut,
            )
        except Bomb as err:
            raise Failed(
                "too_large", f"{url.href} is {err}: give a smaller page, or raise fetch.max_body_bytes."
            ) from err
        except Undecodable as err:
            raise Failed("unreadable", f"{url.href} cannot be unpacked ({err}): mend its Content-Encoding.") from err
        finally:
            if raw._fp is not None and not raw._fp.isclosed():
                # An unread rest makes the connection useless, and closing is cheaper than reading on.
                raw.close()
            response.close()


def _skip(raw: Any, status: int, length: str) -> None:
    """Reads a short unwanted body to its end, so that the connection can be used again."""
    if status in {204, 304} or (length and int(length) < 4096):
        if status not in {204, 304}:
            raw.read(int(length), decode_content=False)
        raw.release_conn()


def _head(chunks: Any, size: int) -> bytes:
    out = bytearray()
    for piece in chunks:
        out += piece
        if len(out) >= size:
            break
    return bytes(out[:size])


def refusal(url: Url, err: Refused) -> Failed:
    """The address guard's no, with the two ways that an operator has."""
    return Failed(
        "address",
        f"{url.href[:300]} is not fetched: {err}. Only public web addresses are; the operator may "
        "open a network with fetch.allow_networks or map the host with fetch.hosts.",
    )


def _causes(err: BaseException) -> list[BaseException]:
    """`err` and what lies under it: requests wraps urllib3, which wraps what happened."""
    chain: list[BaseException] = []
    todo: list[object] = [err]
    while todo and len(chain) < 12:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in chain:
            chain.append(one)
            todo += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]
    return chain


def explained(url: Url, err: BaseException) -> Failed:
    """The failure in words."""
    chain = _causes(err)
    for one in chain:
        if isinstance(one, Refused):
            return refusal(url, one)
        if isinstance(one, Unresolved):
            return Failed("dns", f"{one}: check the spelling of {url.href}.", transient=True, fault=True)
    for one in chain:
        if type(one).__module__ == "ssl" or isinstance(one, urllib3.exceptions.SSLError):
            why = getattr(one, "verify_message", "") or re.sub(r"\s*\(_ssl\.c:\d+\)", "", str(one))
            return Failed(
                "tls",
                f"{url.host} has no valid certificate or speaks no TLS ({why}): mend it, or name the "
                "company's authority with fetch.ca_bundle.",
                fault=True,
            )
    # urllib3 calls a refused connection a kind of timeout, so it is looked for first.
    if any(isinstance(one, ConnectionRefusedError | urllib3.exceptions.NewConnectionError) for one in chain):
        return Failed(
            "connect",
            f"{url.host}:{url.port} takes no connection ({chain[-1]}): look at the server.",
            transient=True,
            fault=True,
        )
    if any(isinstance(one, TIMEOUTS) for one in chain):
        return Failed(
            "timeout",
            f"{url.host} does not answer in time for {url.href}: try again, or look at its server.",
            transient=True,
            fault=True,
        )
    if any(isinstance(one, urllib3.exceptions.IncompleteRead | http.client.IncompleteRead) for one in chain):
        return Failed(
            "truncated",
            f"{url.href} ends before the length that its headers promise: look at the server.",
            transient=True,
            fault=True,
        )
    return Failed(
        "protocol",
        f"{url.host} does not answer in proper HTTP for {url.href} ({type(chain[-1]).__name__}: "
        f"{str(chain[-1])[:200]}): look at the server.",
        transient=True,
        fault=True,
    )
