"""Every number and switch of the fetch gate, with defaults and where they come from.

Plain types only, so that a configuration file can fill them. Nothing here can be set by the person whose URL is
fetched: `hosts`, `allow_networks` and `ports` belong to the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Limits are in seconds and bytes (decoded bytes, where a body is meant)."""

    # Who we say we are. `contact` is a URL or mail address that a site owner can turn to; robots.txt groups are
    # looked up under `robot_name`.
    robot_name: str = "saysdoes"
    contact: str = ""

    # Operator side only: host name -> "http://127.0.0.1:8080" (where to connect for it, with the Host header and
    # the certificate check kept), private networks that may be reached, further ports.
    hosts: Mapping[str, str] = field(default_factory=dict)
    allow_networks: tuple[str, ...] = ()
    ports: tuple[int, ...] = (80, 443)
    # A PEM file with further certificate authorities (a company's own); empty: the bundle of certifi alone.
    ca_bundle: str = ""
    # The Chromium that renders pages made by scripts; empty: the one of the system, by its usual names.
    chromium: str = ""

    # Politeness. One second and one connection a host is what site owners do not notice (Nutch 5 s, Heritrix 3 s at
    # least; Botify warns that sites suffer at 10-20 pages/s); twice the last answer time backs off from slow servers.
    polite: bool = True
    obey_robots: bool = True
    delay_s: float = 1.0
    latency_factor: float = 2.0
    # Nutch skips a host with a longer crawl-delay; we wait this long at most.
    max_crawl_delay_s: float = 30.0
    retry_after_cap_s: float = 3600.0
    # How long one `fetch` may wait for its turn before it ends as a Problem of kind `busy`.
    max_wait_s: float = 120.0
    # Faults in a row after which a host rests (Nutch: five exceptions a host).
    breaker_faults: int = 5
    breaker_rest_s: float = 300.0
    retries: int = 2
    retry_pause_s: float = 1.0
    # A single `fetch` waits this long for a second try; a crawl puts the URL back into its queue instead.
    max_retry_wait_s: float = 10.0

    # Time: connect, gap between two reads, the whole of one exchange (Scrapy waits 180 s for a page).
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    deadline_s: float = 30.0

    # Size. 5 MiB of HTML is far more than anybody reads (Nutch 1 MiB, katana 4 MiB, Scrapy 1 GiB); 50 MiB is the
    # sitemap protocol's own bound. Text compresses 3 to 20 times; 100 leaves out bombs only, and bodies under
    # `ratio_floor_bytes` are not looked at, because a short page of spaces is harmless.
    max_body_bytes: int = 5 * 1024 * 1024
    max_sitemap_bytes: int = 50 * 1024 * 1024
    max_ratio: float = 100.0
    ratio_floor_bytes: int = 1024 * 1024
    max_codings: int = 5
    max_redirects: int = 10
    max_url_chars: int = 2000

    # robots.txt: RFC 9309 asks for at least 500 KiB, five redirects and at most 24 hours of caching.
    max_robots_bytes: int = 500 * 1024
    max_robots_redirects: int = 5
    robots_ttl_s: float = 24 * 3600.0

    @property
    def user_agent(self) -> str:
        """`saysdoes/0.1.0 (+https://example.com/bot)`; without a contact the bracket is left out."""
        return f"{self.robot_name}/{__version__}" + (f" (+{self.contact})" if self.contact else "")
