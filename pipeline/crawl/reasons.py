"""Why a URL is or is not fetched: its one spelling, the address guard, robots.txt, scope.

Nothing is fetched here: names may be looked up, and robots.txt comes from the caller or, for a single URL, from the
fetcher that is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pipeline.crawl.scope import Scope
from pipeline.crawl.settings import CrawlSettings
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.fetch.address import Guard, Refused, Unresolved
from pipeline.fetch.robots import Robots, read
from pipeline.fetch.url import Url, normalise, parse
from pipeline.records import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """The answer for one URL. None means that the question does not arise (no robots.txt given, no settings given)."""

    url: str
    normalized: str | None
    address_ok: bool
    robots_ok: bool | None
    scope_ok: bool | None
    reason: str

    @property
    def fetched(self) -> bool:
        """Whether a crawl would fetch it."""
        return self.address_ok and self.robots_ok is not False and self.scope_ok is not False


def _address(url: Url | None, text: str, guard: Guard) -> tuple[bool, str]:
    if url is None:
        return False, f"'{text[:200]}' is not a URL that a browser would open"
    try:
        route = guard.route(url)
    except Refused as err:
        return False, f"the address guard refuses it: {err}"
    except Unresolved as err:
        return False, f"its address cannot be checked: {err}"
    return True, f"{url.host} is at {', '.join(route.addresses)}, which may be reached"


def _target(url: Url | None, text: str) -> str:
    """What robots.txt rules are compared with; a bare path counts as one."""
    if url is not None:
        return url.target
    return text if text.startswith("/") else f"/{text}"


def _robots(robots: Robots, target: str, agent: str) -> tuple[bool, str]:
    ok, rule = robots.decide(target, agent)
    if rule is None:
        return ok, robots.reason or f"no rule of robots.txt for '{agent}' matches"
    return ok, f"line {rule.line} of robots.txt says '{rule}' to '{agent}'"


def _wire(text: str) -> Url | None:
    """The URL as it would go over the wire; a bare `example.com/x` is taken as http."""
    return parse(text) or (parse(found) if (found := normalise(text)) else None)


def why(url: str, fetcher: Fetcher, settings: CrawlSettings | None = None) -> Reasons:
    """The answer for one URL, its robots.txt fetched through the gate."""
    parsed = _wire(url)
    address_ok, reason = _address(parsed, url, fetcher.guard)
    reasons = [reason]
    robots_ok: bool | None = None
    if address_ok and parsed is not None:
        refused = fetcher.allowed(parsed)
        robots_ok = refused is None
        reasons.append(refused.message if isinstance(refused, Problem) else f"robots.txt of {parsed.origin} allows it")
    scope_ok: bool | None = None
    if settings is not None and parsed is not None:
        refusal = Scope(settings).refuses(parsed, depth=0)
        scope_ok = refusal is None
        reasons.append("it is in scope" if refusal is None else f"out of scope: {refusal.message}")
    return Reasons(
        url=url,
        normalized=normalise(url),
        address_ok=address_ok,
        robots_ok=robots_ok,
        scope_ok=scope_ok,
        reason="; ".join(reasons),
    )


def why_rows(
    rows: Iterable[Mapping[str, Any]], settings: FetchSettings | None = None, *, workers: int = 8
) -> Iterator[dict[str, Any]]:
    """Answers to rows {"id", "url", "agent"?, "robots"?}, in their order: {"id", "normalized", "address_ok", "robots_ok",
    "reason"}. No network but name look-ups; `robots_ok` is null where a row brings no robots.txt."""
    fetch = settings or FetchSettings()
    guard = Guard(fetch)

    def one(row: Mapping[str, Any]) -> dict[str, Any]:
        text, agent = str(row.get("url") or ""), str(row.get("agent") or fetch.robot_name)
        parsed = _wire(text)
        address_ok, reason = _address(parsed, text, guard)
        reasons, robots_ok = [reason], None
        if row.get("robots") is not None:
            robots_ok, said = _robots(read(str(row["robots"])), _target(parsed, text), agent)
            reasons.append(said)
        return {
            "id": row.get("id"),
            "normalized": normalise(text),
            "address_ok": address_ok,
            "robots_ok": robots_ok,
            "reason": "; ".join(reasons),
        }

    try:
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="why") as pool:
            yield from pool.map(one, rows)
    finally:
        guard.close()
