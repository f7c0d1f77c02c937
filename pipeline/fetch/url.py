"""URLs: parsed as browsers do (WHATWG, by ada-url), joined, and normalised to one spelling a page.

Two spellings are kept apart. `parse` gives what goes over the wire; `normalise` gives the identity that duplicates are
found by: sorted query, decoded unreserved characters, no fragment, no empty parts. Fetching the identity instead of
the wire form would break servers that mind the order of their parameters.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import ada_url
from publicsuffixlist import PublicSuffixList

WEB = frozenset({"http", "https"})
UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
PERCENT = re.compile(r"%([0-9A-Fa-f]{2})?")
# Printable ASCII that the WHATWG serialiser leaves in a path or query, but RFC 3986 wants escaped.
UNSAFE = re.compile(r"[^\x21-\x7e]|[\"<>\[\]\\^`{|}]")
SERIALISED = re.compile(r"(https?)://(?:([^/@]*)@)?(\[[^\]]*\]|[^/:?]*)(?::(\d+))?(/[^?]*)(?:\?(.*))?", re.S)
ONE_SLASH = re.compile(r"file:/(?!/)", re.I)
BARE_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?([/?#]|$)", re.ASCII)
# Parameters that campaigns and mail tools add; they never choose another page. Matomo, HubSpot, Mailchimp, Google,
# Meta, Microsoft, LinkedIn, TikTok and X name them in their own documentation.
TRACKING = re.compile(
    r"(utm_\w+|[gm]clid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|ttclid|twclid|li_fat_id|yclid|igshid|_hsenc|_hsmi"
    r"|__hs\w+|hsctatracking|mc_[ce]id|mtm_\w+|pk_\w+|_gl|_ga|oly_\w+_id|vero_id)",
    re.I,
)
SESSION_KEY = re.compile(r"(jsessionid|phpsessid|aspsessionid\w*|sessionid|session_id|sid|cfid|cftoken)", re.I)
SESSION_IN_PATH = re.compile(r";(jsessionid|phpsessid|sid)=[^/;]*|/\(S\([0-9a-z]{24}\)\)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A parsed URL. `port` is the effective one; `host` is ASCII and lower case, IPv6 without its brackets."""

    href: str
    scheme: str
    host: str
    port: int
    path: str
    query: str
    userinfo: bool

    @property
    def origin(self) -> str:
        """`https://example.com`, with the port where it is not the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = self.port == {"http": 80, "https": 443}.get(self.scheme)
        return f"{self.scheme}://{host}" + ("" if default else f":{self.port}")

    @property
    def target(self) -> str:
        """Path and query as they go over the wire and as robots.txt rules see them."""
        return self.path + (f"?{self.query}" if self.query else "")


@functools.lru_cache(maxsize=2_000)
def parse(text: str, base: str | None = None) -> Url | None:
    """The URL in `text`, resolved against `base` and without its fragment; None where a browser would refuse it."""
    try:
        href = (ada_url.join_url(base, text) if base else ada_url.normalize_url(text)).partition("#")[0]
    except (ValueError, UnicodeError):
        return None
    # A serialised web URL has one shape, so it is taken apart here: asking ada for each part costs ten times more.
    web = SERIALISED.fullmatch(href)
    if web is None:
        return _other(href)
    scheme, user, host, port, path, query = web.groups()
    if not host:
        return None
    return Url(
        href=href.removesuffix("?"),
        scheme=scheme,
        host=host.strip("[]"),
        path=path,
        query=query or "",
        port=int(port) if port else {"http": 80, "https": 443}[scheme],
        userinfo=user is not None,
    )


def _other(href: str) -> Url | None:
    """A URL of another scheme than http and https."""
    url = ada_url.URL(href)
    scheme = url.protocol[:-1]
    if scheme in WEB:
        return None
    return Url(
        href=href,
        scheme=scheme,
        host=url.hostname.strip("[]"),
        port=int(url.port) if url.port else 0,
        path=url.pathname,
        query=url.search[1:],
        userinfo=bool(url.username or url.password),
    )


def join(base: str, link: str) -> str | None:
    """Absolute form of `link` on the page `base`, without fragment; None for what is no web page."""
    try:
        # The short way through the parser: a page has hundreds of links.
        href = ada_url.join_url(base, link).partition("#")[0]
    except (ValueError, UnicodeError):
        return None
    return href.removesuffix("?") if href.startswith(("http://", "https://")) else None


def _recode(text: str) -> str:
    """Percent-encoding in one spelling: unreserved characters bare, hex digits upper case, a lone % escaped."""

    def one(match: re.Match[str]) -> str:
        digits = match.group(1)
        if digits is None:
            return "%25"
        char = chr(int(digits, 16))
        return char if char in UNRESERVED else f"%{digits.upper()}"

    text = PERCENT.sub(one, text)
    return UNSAFE.sub(lambda m: "".join(f"%{b:02X}" for b in m.group(0).encode()), text)


def _query(text: str, *, drop: re.Pattern[str] | None) -> str:
    """Parameters sorted by name, nameless ones dropped, `b=` said as `b`."""
    pairs = []
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name and not (drop and drop.fullmatch(name)):
            pairs.append((name, f"{name}={value}" if value else name))
    return "&".join(shown for _, shown in sorted(pairs, key=lambda p: p[0]))


@functools.lru_cache(maxsize=2_000)
def normalise(text: str, base: str | None = None, *, drop_tracking: bool = False) -> str | None:
    """The one spelling of a URL, or None where it cannot be parsed.

    `HTTP://Foo.com:80/a/../b//c?z=1&a=#top` gives `http://foo.com/b/c?a&z=1`. A bare `foo.com/x` is taken as http.
    With `drop_tracking` campaign parameters and session ids go too: two such links lead to one page.
    """
    text = text.strip(" \t\r\n\f\x00")
    if not base and BARE_HOST.match(text):
        text = f"http://{text}"
    url = parse(text, base)
    if url is None:
        return None
    path = url.path
    if drop_tracking:
        path = SESSION_IN_PATH.sub("", path)
    path = re.sub(r"/{2,}", "/", _recode(path))
    if url.scheme not in WEB:
        if url.scheme == "file":
            # `file:/x` and `file:///x` are both right (RFC 8089) and both refused: each keeps the form it was written in.
            return f"file:{path}" if ONE_SLASH.match(text) else f"file://{url.host}{path}"
        return url.href if url.host or not path.startswith("/") else f"{url.scheme}:{path}"
    # Decoding may have made new dot segments ("%2e%2e" is seen by WHATWG, "%252e" is not).
    drop = re.compile(f"{TRACKING.pattern}|{SESSION_KEY.pattern}", re.I) if drop_tracking else None
    query = _query(_recode(url.query), drop=drop)
    host = url.host.rstrip(".")
    if not host or (host != url.host and parse(f"http://{host}/") is None):
        return None  # "09." is a name, "09" would be a broken address
    origin = url.origin.replace(url.host, host, 1) if host != url.host else url.origin
    user = re.match(r"[a-z]+://([^/@]+@)", url.href) if url.userinfo else None
    if user:
        origin = origin.replace("://", f"://{user.group(1)}", 1)
    return origin + (path or "/") + (f"?{query}" if query else "")


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True)


def registrable(host: str) -> str:
    """The domain that somebody registered: `docs.acme.co.uk` gives `acme.co.uk`; an address or suffix gives itself."""
    found: str | None = None
    if host and not host.startswith(".") and not re.fullmatch(r"[\d.]+|.*:.*", host):
        found = _suffixes().privatesuffix(host.lower())
    return found or host


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapLimits:
    """Shapes that real pages do not have. Heritrix: 20 segments, 2 repeats; the rest is custom of the trade."""

    max_chars: int = 2000
    max_segments: int = 20
    max_repeats: int = 2
    max_query_keys: int = 8


def trap(url: Url, limits: TrapLimits) -> str | None:
    """Why `url` looks like a crawler trap, in words ("segment `a` repeats 3 times"), or None."""
    if len(url.href) > limits.max_chars:
        return f"{len(url.href)} characters long, more than {limits.max_chars}"
    segments = [s for s in url.path.split("/") if s]
    if len(segments) > limits.max_segments:
        return f"{len(segments)} path segments, more than {limits.max_segments}"
    for segment in set(segments):
        # A year or a language may stand twice by right; a name that comes back again and again is a loop.
        count = segments.count(segment)
        if count > limits.max_repeats:
            return f"path segment '{segment[:40]}' repeats {count} times, more than {limits.max_repeats}"
    for size in (2, 3, 4):
        for at in range(len(segments) - 2 * size + 1):
            if segments[at : at + size] == segments[at + size : at + 2 * size]:
                return f"path repeats '{'/'.join(segments[at : at + size])[:60]}'"
    keys = [p.partition("=")[0] for p in url.query.split("&") if p]
    if len(keys) > limits.max_query_keys:
        return f"{len(keys)} query parameters, more than {limits.max_query_keys}"
    return None
