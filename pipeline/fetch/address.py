"""The address guard: which hosts, ports and IP addresses may be reached at all.

A stranger's URL must never lead into the operator's network. So every address that a name resolves to is checked, the
checked address itself is what gets connected to, and this holds for each hop, sitemap, robots.txt and rendered
request. The table is our own: on Python 3.11 `ipaddress.is_global` calls 192.0.0.192 (cloud metadata), NAT64 and 6to4
forms of 127.0.0.1, site-local and multicast addresses global.

It does not open connections; see `connection`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.fetch.settings import FetchSettings
from pipeline.fetch.url import WEB, Url, parse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA special-purpose registry (RFC 6890 and after), Azure's wire server, and multicast.
DENIED_V4: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "cloud metadata"),
    ("169.254.0.0/16", "link-local, cloud metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments, cloud metadata"),
    ("192.0.2.0/24", "documentation"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, broadcast"),
)
# Of IPv6 only global unicast (2000::/3) is allowed, less these.
DENIED_V6: tuple[tuple[str, str], ...] = (
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
)
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
V4 = tuple((ipaddress.IPv4Network(net), why) for net, why in DENIED_V4)
V6 = tuple((ipaddress.IPv6Network(net), why) for net, why in DENIED_V6)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
# Names that never lead to a public site, refused before any look-up (RFC 6761, 6762, 7686, 8375 and cloud metadata).
LOCAL_NAME = re.compile(
    r"(^|\.)(localhost|localdomain|local|internal|intranet|lan|home\.arpa|onion|test|invalid|example)$"
)
LOCAL_HOSTS = frozenset({"ip6-localhost", "ip6-loopback", "broadcasthost", "kubernetes", "metadata"})


class Refused(Exception):
    """The address may not be reached; the text says which and why."""


class Unresolved(Exception):
    """The name does not resolve, or not in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where to connect: `addresses` are checked, best first; `tls` is False where the operator maps to plain HTTP."""

    addresses: tuple[str, ...]
    port: int
    tls: bool


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv4-mapped, -compatible, -translated, NAT64, 6to4 or Teredo address, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in net for net in (NAT64, COMPATIBLE, TRANSLATED)):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def denied(address: Address) -> str | None:
    """Why `address` is not a public one ("loopback"), or None for a public one."""
    if isinstance(address, ipaddress.IPv4Address):
        return next((why for net, why in V4 if address in net), None)
    inner = embedded(address)
    if inner is not None and not (address in COMPATIBLE and int(address) < 2):
        why = denied(inner)
        if why is not None:
            return f"{why} ({inner}) inside IPv6"
        # A public IPv4 address inside NAT64, mapped or 6to4 is what IPv6-only networks hand out for public sites.
        return "Teredo" if address.teredo is not None else None
    if address not in GLOBAL_V6:
        return "not a public IPv6 address"
    return next((why for net, why in V6 if address in net), None)


class Guard:
    """Checks URLs and resolves hosts to addresses that may be connected to. Safe for use from several threads."""

    def __init__(self, settings: FetchSettings) -> None:
        """Raises ConfigError for a network or a mapped host that cannot be read."""
        self._ports = frozenset(settings.ports)
        self._wait_s = settings.connect_timeout_s
        self._allowed: list[Network] = []
        for text in settings.allow_networks:
            try:
                self._allowed.append(ipaddress.ip_network(text, strict=False))
            except ValueError as err:
                raise ConfigError(f"allow_networks: '{text}' is not a network: write it as 10.1.0.0/16.") from err
        self._mapped: dict[str, Route] = {}
        for host, place in settings.hosts.items():
            url = parse(place if "//" in place else f"http://{place}")
            if url is None or url.scheme not in WEB:
                raise ConfigError(
                    f"hosts: '{host}: {place}' names no server: write it as {host}: http://127.0.0.1:8080."
                )
            self._mapped[host.lower()] = Route(addresses=(url.host,), port=url.port, tls=url.scheme == "https")
        # getaddrinfo cannot be interrupted, so it runs aside and is waited for a limited time.
        self._resolver = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")

    def close(self) -> None:
        """Lets go of the resolver's threads."""
        self._resolver.shutdown(wait=False, cancel_futures=True)

    def is_mapped(self, host: str) -> bool:
        """Whether the operator says where `host` is to be found."""
        return host in self._mapped

    def _permitted(self, address: Address) -> bool:
        # An allowance holds for exactly the network named, never for an IPv6 form that hides an address of it.
        return any(address.version == net.version and address in net for net in self._allowed)

    def check_address(self, text: str) -> str:
        """`text` back, if that IP address may be reached. Raises Refused."""
        address = ipaddress.ip_address(text.partition("%")[0])
        if self._permitted(address):
            return text
        why = denied(address)
        if why is not None:
            raise Refused(f"{address} is {why}")
        return text

    def check_url(self, url: Url) -> None:
        """Everything that can be said without a look-up. Raises Refused."""
        if url.scheme not in WEB:
            raise Refused(f"scheme '{url.scheme}' is not http or https")
        if url.userinfo:
            raise Refused("the URL carries a user name or password")
        if self.is_mapped(url.host):
            return
        try:
            literal: Address | None = ipaddress.ip_address(url.host)
        except ValueError:
            literal = None
        # Where the operator opens a network, the ports of its hosts are open too: staging sites live on odd ones.
        own = literal is not None and self._permitted(literal)
        if url.port not in self._ports and not own and not (literal is None and self._allowed):
            raise Refused(f"port {url.port} is not one of {', '.join(map(str, sorted(self._ports)))}")
        if literal is not None:
            self.check_address(url.host)
        elif not self._allowed and (LOCAL_NAME.search(url.host.rstrip(".")) or url.host in LOCAL_HOSTS):
            raise Refused(f"'{url.host}' is a local name")

    def _look_up(self, host: str) -> list[str]:
        try:
            task = self._resolver.submit(socket.getaddrinfo, host, None, 0, socket.SOCK_STREAM)
            found = task.result(timeout=self._wait_s)
        except FutureTimeout as err:
            raise Unresolved(f"no answer for '{host}' within {self._wait_s:g} s") from err
        except (OSError, UnicodeError, ValueError) as err:
            raise Unresolved(f"'{host}' does not resolve ({err})") from err
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def route(self, url: Url) -> Route:
        """Checked addresses for `url`. One bad address among many refuses all of them: it is a sign of rebinding.

        Raises Refused or Unresolved.
        """
        self.check_url(url)
        mapped = self._mapped.get(url.host)
        if mapped is not None:
            return mapped
        try:
            ipaddress.ip_address(url.host)
            addresses = [url.host]
        except ValueError:
            addresses = self._look_up(url.host)
        if not addresses:
            raise Unresolved(f"'{url.host}' has no address")
        for address in addresses:
            try:
                self.check_address(address)
            except Refused as err:
                raise Refused(f"'{url.host}' resolves to {err}" if address != url.host else str(err)) from err
        own = all(self._permitted(ipaddress.ip_address(a.partition("%")[0])) for a in addresses)
        if url.port not in self._ports and not own:
            raise Refused(f"port {url.port} is not one of {', '.join(map(str, sorted(self._ports)))}")
        return Route(addresses=tuple(addresses), port=url.port, tls=url.scheme == "https")
