"""robots.txt: read and matched to the letter of RFC 9309, and the policy for what a server may answer instead.

Own parser: protego, the best one on the index, skips a rule with a capital and no colon, matches agents by substring
and knows neither byte order marks nor UTF-16. It serves as the oracle of our tests instead.

It does not fetch; see `gate`.
"""

from __future__ import annotations

import codecs
import functools
import re
from dataclasses import dataclass

from pipeline.fetch.url import PERCENT, UNRESERVED

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Spellings that Google's parser accepts too; they are meant as rules and obeyed as rules.
FIELDS = {
    "user-agent": "agent",
    "useragent": "agent",
    "user agent": "agent",
    "user_agent": "agent",
    "disallow": "disallow",
    "dissallow": "disallow",
    "dissalow": "disallow",
    "disalow": "disallow",
    "diasllow": "disallow",
    "disallaw": "disallow",
    "allow": "allow",
    "crawl-delay": "delay",
    "crawldelay": "delay",
    "crawl delay": "delay",
    "request-rate": "rate",
    "sitemap": "sitemap",
    "site-map": "sitemap",
}
NO_COLON = re.compile(r"(user-agent|disallow|allow|sitemap|crawl-delay)[ \t]+(\S.*)", re.I)
NAME = re.compile(r"[a-z0-9_.-]+")
# A product in a browser-like agent string: "Mozilla/5.0 (compatible; foobot/2.1; +http://...)".
COMPATIBLE = re.compile(r"compatible;\s*([A-Za-z][\w.-]*)", re.I)
RATE = re.compile(r"(\d+)\s*/\s*(\d+)\s*([smhd]?)")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
# RFC 3986: unreserved and reserved characters, and the percent sign itself.
PLAIN = UNRESERVED | frozenset(":/?#[]@!$&'()*+,;=%")
MAX_LINE = 2083 * 8  # Google's parser cuts lines there, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`allow` or `disallow` of a path pattern; `line` counts from 1."""

    allow: bool
    pattern: str
    line: int

    def __str__(self) -> str:
        """As a site owner would write it."""
        return f"{'Allow' if self.allow else 'Disallow'}: {self.pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one user agent may do. `delay` in seconds between two fetches."""

    rules: tuple[Rule, ...] = ()
    delay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """A robots.txt that has been read: groups by lower-case product name, sitemap URLs as written."""

    groups: dict[str, Group]
    sitemaps: tuple[str, ...] = ()
    # Set where no file could be had: every page is allowed (4xx) or none (5xx, no answer).
    verdict: bool | None = None
    reason: str = ""
    # Kind of the Problem that a refused page ends as, where no rule is to blame.
    kind: str = "robots_unreachable"

    def group(self, agent: str) -> Group:
        """The group of `agent`, else that of `*`, else an empty one."""
        for name in product(agent):
            if name in self.groups:
                return self.groups[name]
        return self.groups.get("*", Group())

    def decide(self, target: str, agent: str) -> tuple[bool, Rule | None]:
        """Whether `agent` may fetch `target` (path and query), and the rule that says so (None: no rule matches).

        The longest matching pattern wins; of two as long, Allow does. `/robots.txt` itself is always allowed.
        """
        if self.verdict is not None:
            return self.verdict, None
        path = fold(target or "/")
        if not path.startswith("/"):
            path = f"/{path}"
        if path == "/robots.txt":
            return True, None
        best: Rule | None = None
        for rule in self.group(agent).rules:
            longer = (
                best is None
                or len(rule.pattern) > len(best.pattern)
                or (len(rule.pattern) == len(best.pattern) and rule.allow and not best.allow)
            )
            if longer and matches(rule.pattern, path):
                best = rule
        return best is None or best.allow, best

    def delay(self, agent: str) -> float | None:
        """Seconds between two fetches that `agent` is asked to keep, from Crawl-delay or Request-rate."""
        return self.group(agent).delay


ALLOW_ALL = Robots(groups={}, verdict=True, reason="there is no robots.txt")


def product(agent: str) -> tuple[str, ...]:
    """Names that `agent` may be addressed by, most telling first: "Foo/1.2 (x)" gives ("foo/1.2 (x)", "foo")."""
    text = agent.strip().lower()
    names = [text]
    inside = COMPATIBLE.search(text)
    if text.startswith("mozilla/") and inside:
        names.append(inside.group(1))
    found = NAME.match(text)
    if found and not (" " in text and "/" not in text):
        names.append(found.group(0))
    return tuple(dict.fromkeys(names))


def _names(value: str) -> tuple[str, ...]:
    """Keys under which the group of a User-agent line is found."""
    text = value.strip().lower()
    if text == "*" or re.match(r"\*\s", text):
        return ("*",)
    found = NAME.match(text)
    return tuple(dict.fromkeys(([found.group(0)] if found else []) + [text]))


def fold(path: str, *, literal: bool = True) -> str:
    """Percent-encoding in one spelling (RFC 9309, 2.2.2): unreserved characters bare, `%2f` as `%2F`, the rest escaped.

    A `literal` path has no wildcards: its `*` and `$` are escaped, so that a rule's `%2A` and `%24` meet them.
    """
    path = "".join(c if c in PLAIN else "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace")) for c in path)

    def one(match: re.Match[str]) -> str:
        digits = match.group(1)
        if digits is None:
            return "%25"
        char = chr(int(digits, 16))
        return char if char in UNRESERVED else f"%{digits.upper()}"

    path = PERCENT.sub(one, path)
    return path.replace("*", "%2A").replace("$", "%24") if literal else path


@functools.lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[tuple[str, ...], bool]:
    end = pattern.endswith("$")
    return tuple(re.split(r"\*+", pattern[:-1] if end else pattern)), end


def matches(pattern: str, path: str) -> bool:
    """Whether `pattern` (with `*` and a last `$`) matches the beginning of `path`. Linear: no regular expression."""
    parts, end = _parts(pattern)
    if not path.startswith(parts[0]):
        return False
    if len(parts) == 1:
        return len(path) == len(parts[0]) if end else True
    at = len(parts[0])
    for part in parts[1:-1]:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    last = parts[-1]
    if end:
        return path.endswith(last) and len(path) - len(last) >= at
    return path.find(last, at) >= 0


def decode(body: bytes) -> str:
    """Text of a robots.txt: UTF-8 as the RFC asks, UTF-16 where a mark or the zero bytes show it."""
    for mark, charset in MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    head = body[:200]
    if len(head) >= 8 and head[1::2].count(0) > len(head) // 4:
        return body.decode("utf-16-le", "replace")
    if len(head) >= 8 and head[0::2].count(0) > len(head) // 4:
        return body.decode("utf-16-be", "replace")
    return body.decode("utf-8", "replace")


def _seconds(value: str) -> float | None:
    """`2.5` or `2,5` as seconds; None for what is no number of a sane size."""
    found = re.match(r"\d+([.,]\d+)?", value)
    seconds = float(found.group(0).replace(",", ".")) if found else None
    return seconds if seconds is not None and seconds <= 86400 * 30 else None


def read(text: str | bytes) -> Robots:
    """The rules in a robots.txt. Never raises: what is not understood is skipped, as the RFC asks."""
    if isinstance(text, bytes):
        text = decode(text)
    # A file that was decoded by somebody else may still carry its mark, or its zero bytes.
    text = text.replace("\ufeff", "").replace("\x00", "")
    rules: dict[str, list[Rule]] = {}
    delays: dict[str, float] = {}
    sitemaps: list[str] = []
    agents: list[str] = []
    in_rules = False
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = line[:MAX_LINE].partition("#")[0].strip()
        field, colon, value = line.partition(":")
        kind = FIELDS.get(field.strip().lower()) if colon else None
        if kind is None:
            # "Disallow /x": the colon is forgotten, the wish is plain.
            loose = NO_COLON.fullmatch(line)
            if loose is None:
                continue
            kind, value = FIELDS[loose.group(1).lower()], loose.group(2)
        value = value.strip()
        if kind == "agent":
            if in_rules:
                agents, in_rules = [], False
            agents.extend(_names(value))
            for name in agents:
                rules.setdefault(name, [])
        elif kind == "sitemap":
            if value:
                sitemaps.append(value)
        elif kind in {"allow", "disallow"}:
            in_rules = True
            if value:  # an empty pattern matches nothing
                for name in agents:
                    rules[name].append(Rule(allow=kind == "allow", pattern=_pattern(value), line=number))
        elif agents:
            # A delay does not end the run of User-agent lines: only Allow and Disallow do (RFC 9309, 2.2.4).
            rate = RATE.match(value) if kind == "rate" else None
            asked = (
                int(rate.group(2)) * SECONDS[rate.group(3)] / max(1, int(rate.group(1)))
                if rate
                else _seconds(value)
                if kind == "delay"
                else None
            )
            if asked is not None:
                for name in agents:
                    delays[name] = max(delays.get(name, 0.0), asked)
    groups = {name: Group(rules=tuple(found), delay=delays.get(name)) for name, found in rules.items()}
    return Robots(groups=groups, sitemaps=tuple(dict.fromkeys(sitemaps)))


def _pattern(value: str) -> str:
    """A pattern as compared: folded, a `$` inside escaped, and anchored at the root where its slash was forgotten."""
    value = fold(value, literal=False)
    value = value[:-1].replace("$", "%24") + value[-1:]
    return value if value.startswith(("/", "*", "$")) else f"/{value}"


def from_status(status: int, body: bytes) -> Robots:
    """What a server's answer to /robots.txt means (RFC 9309, 2.3.1).

    2xx: its rules. 4xx: everything is allowed, except that 429 means "later" and is taken as unreachable. 5xx and
    whatever else: nothing is allowed.
    """
    if 200 <= status < 300:
        return read(body)
    if 400 <= status < 500 and status != 429:
        return Robots(groups={}, verdict=True, reason=f"robots.txt answers {status}: everything is allowed")
    return unreachable(f"robots.txt answers {status}")


def unreachable(why: str, kind: str = "robots_unreachable") -> Robots:
    """Nothing is allowed, because robots.txt cannot be had just now; `kind` names a cause that is not robots.txt's."""
    if kind in {"dns", "address", "tls", "connect"}:
        return Robots(groups={}, verdict=False, reason=why, kind=kind)
    return Robots(groups={}, verdict=False, reason=f"{why}: nothing may be fetched until it can be read")
