"""The fetch gate: addresses, robots policy, politeness, redirects, TLS, limits. Servers live on loopback only."""

from __future__ import annotations

import datetime
import email.utils
import ipaddress
import itertools
import pathlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
from evil_town import Town, answer, page

from pipeline.errors import ConfigError
from pipeline.fetch import Fetcher, FetchSettings, Validators
from pipeline.fetch.address import Guard, Refused, denied
from pipeline.fetch.gate import retry_after
from pipeline.fetch.proxy import FilteringProxy
from pipeline.fetch.render import Renderer
from pipeline.fetch.url import TrapLimits, normalise, parse, trap
from pipeline.records import Fetched, Problem

PAGE = page("Page")


def site(rules: str = "", status: str = "200 OK") -> object:
    def street(path: str, headers: dict[str, str]) -> bytes:
        if path == "/robots.txt":
            return answer(rules, status=status, kind="text/plain")
        if path == "/tagged":
            if headers.get("if-none-match") == '"1"':
                return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
            return answer(PAGE, ETag='"1"')
        return answer(PAGE)

    return street


def town_of(**streets: object) -> Town:
    return Town({f"{name.replace('_', '-')}.evil": street for name, street in streets.items()})  # type: ignore[misc]


@pytest.fixture
def town() -> Iterator[Town]:
    made = town_of(
        open=site(), closed=site("User-agent: *\nDisallow: /"), r404=site(status="404 Not Found"),
        r403=site(status="403 Forbidden"), r500=site(status="500 Oops"), r429=site(status="429 Slow"),
        slow=site("User-agent: *\nCrawl-delay: 0.4"),
    )  # fmt: skip
    yield made
    made.close()


def settings(town: Town, **changes: object) -> FetchSettings:
    values: dict[str, object] = {"hosts": town.hosts(), "polite": False, "retries": 0, "deadline_s": 3.0}
    return FetchSettings(**{**values, **changes})  # type: ignore[arg-type]


def kind_of(found: Fetched | Problem) -> str:
    return found.kind if isinstance(found, Problem) else str(found.status)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
        "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_address_is_denied(address: str) -> None:
    assert denied(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"])
def test_address_is_public(address: str) -> None:
    assert denied(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0/", "http://[::]/",
        "http://①②⑦.⓪.⓪.①/", "http://127.0.0.1%2f@example.com/", "http://user@8.8.8.8/", "http://8.8.8.8:22/",
        "ftp://8.8.8.8/", "file:///etc/passwd", "http://localhost./", "http://a.localhost/", "http://metadata.google.internal/",
        "http://127.1.1.1:80\\@8.8.8.8:80/", "gopher://8.8.8.8/", "javascript:alert(1)", "http://printer.local/",
    ],
)  # fmt: skip
def test_url_is_refused_before_any_connection(url: str) -> None:
    with Fetcher(FetchSettings(retries=0)) as fetcher:
        assert kind_of(fetcher.fetch(url)) in {"address", "url"}


def test_one_bad_address_among_many_refuses_all(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kw: answers)
    guard = Guard(FetchSettings())
    url = parse("http://rebind.evil.com/")
    assert url is not None
    with pytest.raises(Refused):
        guard.route(url)
    guard.close()


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address first and to loopback next gets no second chance to be asked."""
    asked: list[str] = []
    connected: list[str] = []

    def resolve(host: str, *args: object, **kw: object) -> list[object]:
        asked.append(host)
        ip = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0))]

    def connect(self: socket.socket, place: tuple[str, int]) -> None:
        connected.append(place[0])
        raise ConnectionRefusedError("not in a test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with Fetcher(FetchSettings(retries=0, obey_robots=False, polite=False)) as fetcher:
        assert kind_of(fetcher.fetch("http://rebind.evil.com/")) == "connect"
        assert kind_of(fetcher.fetch("http://rebind.evil.com/")) == "address"
    assert connected == ["93.184.216.34"]


def test_allow_networks_opens_exactly_that_network(town: Town) -> None:
    url = f"http://127.0.0.1:{town.port}/"
    town.streets["127.0.0.1"] = town.streets["open.evil"]
    with Fetcher(FetchSettings(polite=False, retries=0)) as fetcher:
        assert kind_of(fetcher.fetch(url)) == "address"
    with Fetcher(FetchSettings(polite=False, retries=0, allow_networks=("127.0.0.1/32",))) as fetcher:
        assert kind_of(fetcher.fetch(url)) == "200"
        assert kind_of(fetcher.fetch(f"http://127.0.0.2:{town.port}/")) == "address"
        assert kind_of(fetcher.fetch(f"http://[::ffff:127.0.0.1]:{town.port}/")) == "address"
    with pytest.raises(ConfigError, match="write it as"):
        Guard(FetchSettings(allow_networks=("10.0.0.0/99",)))


@pytest.mark.parametrize(
    ("host", "want"),
    [("open", "200"), ("closed", "robots"), ("r404", "200"), ("r403", "200"), ("r500", "robots_unreachable"), ("r429", "robots_unreachable")],
)
def test_robots_policy(town: Town, host: str, want: str) -> None:
    with Fetcher(settings(town)) as fetcher:
        assert kind_of(fetcher.fetch(f"http://{host}.evil/page")) == want
    assert ("/page" in town.paths(f"{host}.evil")) is (want == "200")


def test_robots_redirect_to_a_private_address_is_not_followed() -> None:
    canary = town_of(canary=site())
    target = f"http://127.0.0.1:{canary.port}/robots.txt"
    town = town_of(a=lambda path, headers: answer("", status="302 Found", Location=target))
    try:
        with Fetcher(settings(town)) as fetcher:
            assert kind_of(fetcher.fetch("http://a.evil/page")) == "robots_unreachable"
        assert canary.log == []
    finally:
        canary.close()
        town.close()


def test_politeness_in_the_servers_own_log(town: Town) -> None:
    """One connection a host, the crawl-delay between two requests, several hosts at once."""
    polite = settings(town, polite=True, delay_s=0.2, latency_factor=0.0)
    urls = [f"http://{host}.evil/{n}" for n in range(5) for host in ("open", "slow", "r404")]
    with Fetcher(polite) as fetcher:
        threads = [threading.Thread(target=fetcher.fetch, args=(url,)) for url in urls]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
    for host, delay in (("open", 0.2), ("slow", 0.4), ("r404", 0.2)):
        times = [at for at, name, _, _ in town.log if name == f"{host}.evil"]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        # The delay of robots.txt is known from the second request on.
        assert min(gaps[1:]) >= delay - 0.01, (host, gaps)
        assert town.peak[f"{host}.evil"] == 1
        assert len(times) == 6
    assert took < 4.0
    assert {agent for *_, agent in town.log} == {polite.user_agent}


def test_retry_after_is_honoured() -> None:
    calls: list[float] = []

    def street(path: str, headers: dict[str, str]) -> bytes:
        if path == "/robots.txt":
            return answer("", kind="text/plain")
        calls.append(time.monotonic())
        return answer("", status="503 Busy", Retry_After="1") if len(calls) == 1 else answer(PAGE)

    town = town_of(a=street)
    try:
        with Fetcher(settings(town, retries=1)) as fetcher:
            assert kind_of(fetcher.fetch("http://a.evil/")) == "200"
    finally:
        town.close()
    assert calls[1] - calls[0] >= 1.0
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90)
    assert 80 < (retry_after(email.utils.format_datetime(later)) or 0) < 91
    assert retry_after("soon") is None


def test_circuit_breaker_leaves_a_failing_host_alone() -> None:
    def street(path: str, headers: dict[str, str]) -> bytes:
        return answer("", kind="text/plain") if path == "/robots.txt" else answer("", status="500 Oops")

    town = town_of(a=street)
    try:
        with Fetcher(settings(town, breaker_faults=3)) as fetcher:
            kinds = [kind_of(fetcher.fetch(f"http://a.evil/{n}")) for n in range(6)]
    finally:
        town.close()
    assert kinds == ["http_status"] * 3 + ["busy"] * 3
    assert len([p for p in town.paths("a.evil") if p != "/robots.txt"]) == 3


def test_conditional_get_gives_the_stored_body(town: Town) -> None:
    with Fetcher(settings(town)) as fetcher:
        first = fetcher.fetch("http://open.evil/tagged")
        assert isinstance(first, Fetched) and not first.not_modified
        known = Validators(etag=first.headers["etag"], body=first.body)
        second = fetcher.fetch("http://open.evil/tagged", validators=known)
    assert isinstance(second, Fetched) and second.not_modified
    assert second.body == first.body


def test_redirects_are_followed_and_recorded() -> None:
    def street(path: str, headers: dict[str, str]) -> bytes:
        if path.startswith("/hop"):
            number = int(path[4:])
            return answer("", status="301 Moved", Location=f"/hop{number - 1}" if number else "//b.evil/end#top")
        return answer(PAGE)

    town = town_of(a=street, b=street)
    try:
        with Fetcher(settings(town)) as fetcher:
            found = fetcher.fetch("http://a.evil/hop3")
            assert isinstance(found, Fetched)
            assert found.final_url == "http://b.evil/end"
            assert len(found.redirects) == 4
            assert kind_of(fetcher.fetch("http://a.evil/hop20")) == "loop"
    finally:
        town.close()


def test_tls_is_verified_and_a_companys_authority_can_be_named(tmp_path: pathlib.Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    listeners = []

    def serve(name: str) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with context.wrap_socket(connection, server_side=True) as line:
                        line.recv(65536)
                        line.sendall(answer(PAGE, Connection="close"))
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    hosts = {"good.evil": f"https://127.0.0.1:{serve('good.evil')}", "bad.evil": f"https://127.0.0.1:{serve('other.evil')}"}
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    base = {"hosts": hosts, "polite": False, "retries": 0, "obey_robots": False}
    with Fetcher(FetchSettings(**base)) as fetcher:  # type: ignore[arg-type]
        assert kind_of(fetcher.fetch("https://good.evil/")) == "tls"
    with Fetcher(FetchSettings(**base, ca_bundle=str(pem))) as fetcher:  # type: ignore[arg-type]
        assert kind_of(fetcher.fetch("https://good.evil/")) == "200"
        assert kind_of(fetcher.fetch("https://bad.evil/")) == "tls"
    for listener in listeners:
        listener.close()


def test_proxies_of_the_environment_are_ignored(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with Fetcher(settings(town)) as fetcher:
        assert kind_of(fetcher.fetch("http://open.evil/")) == "200"


def test_the_browsers_proxy_lets_only_checked_addresses_through(town: Town) -> None:
    guard = Guard(settings(town))
    proxy = FilteringProxy(settings(town), guard)
    place = ("127.0.0.1", int(proxy.address.rpartition(":")[2]))

    def ask(request: str) -> bytes:
        with socket.create_connection(place, 5) as line:
            line.sendall(request.encode())
            out = b""
            while data := line.recv(65536):
                out += data
            return out

    try:
        assert b"200 OK" in ask("GET http://open.evil/x HTTP/1.1\r\nHost: open.evil\r\n\r\n")
        assert town.paths("open.evil") == ["/x"]
        for target in ("127.0.0.1", "169.254.169.254", "[::1]", "localhost", "127.1"):
            assert b"403" in ask(f"GET http://{target}/ HTTP/1.1\r\nHost: {target}\r\n\r\n")[:20]
            assert b"403" in ask(f"CONNECT {target}:443 HTTP/1.1\r\n\r\n")[:20]
        assert proxy.refused == 10
    finally:
        proxy.close()
        guard.close()


def test_rendering_without_a_browser_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with Fetcher(FetchSettings()) as fetcher:
        found = Renderer(fetcher).render("http://example.com/")
    assert isinstance(found, Problem) and "Chromium" in found.message


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("HTTP://Foo.com:80/a/../b//c?z=1&a=#top", "http://foo.com/b/c?a&z=1"),
        ("foo.com/x", "http://foo.com/x"),
        ("http://foo.com/%7euser/%2f", "http://foo.com/~user/%2F"),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_normalise(text: str, want: str | None) -> None:
    assert normalise(text) == want


def test_campaign_parameters_and_sessions_go_where_asked() -> None:
    text = "http://a.com/x;jsessionid=1A?utm_source=m&b=2&gclid=1&PHPSESSID=9"
    assert normalise(text, drop_tracking=True) == "http://a.com/x?b=2"


@pytest.mark.parametrize(
    ("path", "trapped"),
    [("/a/b/c", False), ("/a/a/a/", True), ("/x/y/x/y/x", True), ("/" + "s/" * 25, True), ("/2024/05/05", False),
     ("/p?" + "&".join(f"k{n}=1" for n in range(9)), True)],
)  # fmt: skip
def test_traps(path: str, trapped: bool) -> None:
    url = parse(f"http://a.com{path}")
    assert url is not None
    assert (trap(url, TrapLimits()) is not None) is trapped
