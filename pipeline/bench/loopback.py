"""A site of any size on loopback, served fast enough not to be the bottleneck of a crawl bench.

Every host is an address of 127.0.0.0/8 on one port: 127.1.0.N. Pages are made from their number, so nothing is read
from disk and two runs see the same bytes. `python -m pipeline.bench.loopback PAGES HOSTS` prints its port and serves.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import subprocess
import sys
from types import TracebackType

WORDS = ["alert", "audit", "backup", "billing", "board", "branch", "build", "cache", "change", "chart", "cloud", "code", "commit", "config", "cost", "dashboard", "data", "deploy", "design", "device", "docs", "domain", "draft", "email", "event", "export", "field", "file", "filter", "form", "group", "guide", "history", "host", "import", "index", "invite", "invoice", "issue", "key", "label", "launch", "layer", "link", "list", "log", "map", "member", "merge", "message", "metric", "model", "monitor", "note", "order", "owner", "page", "plan", "policy", "portal", "product", "profile", "project", "query", "queue", "range", "record", "region", "release", "report", "request", "review", "role", "route", "rule", "scope", "search", "secret", "segment", "server", "session", "share", "sheet", "signal", "source", "space", "stage", "status", "step", "store", "stream", "sync", "table", "tag", "task", "team", "template", "test", "thread", "token", "trace", "trial", "update", "usage", "user", "value", "vault", "version", "view"]
# One page in a hundred belongs to the part that changes from one generation to the next.
CHANGING = 100


def address(host: int) -> str:
    """The address of host number `host`."""
    return f"127.1.{host // 250}.{host % 250 + 1}"


def page(host: int, number: int, pages: int, generation: int) -> bytes:
    """HTML of some 20 KB: a navigation over the host's pages, 40 paragraphs, a footer."""
    edition = generation if (host * pages + number) % CHANGING == 0 else 0
    rng = random.Random(f"{host}/{number}/{edition}")
    nav = "".join(f'<li><a href="/p/{n}" class="nav-item">Page {n}</a></li>' for n in range(min(pages, 60)))
    near = "".join(f'<a href="/p/{(number * 7 + n) % pages}">more</a> ' for n in range(6))
    text = "".join(
        f"<section class='block'><h2>{' '.join(rng.choices(WORDS, k=4)).capitalize()}</h2>"
        f"<p>{' '.join(rng.choices(WORDS, k=60)).capitalize()}.</p></section>"
        for _ in range(40)
    )
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Page {number} of host {host}</title>"
        f"<link rel=canonical href='/p/{number}'></head><body><nav><ul>{nav}</ul></nav><main><h1>Page {number}</h1>"
        f"{text}</main><footer>{near}</footer></body></html>"
    ).encode()


class _Site:
    """All answers, made when first asked for."""

    def __init__(self, pages: int, hosts: int) -> None:
        self.pages, self.hosts, self.generation = pages // hosts, hosts, 0
        self._known: dict[tuple[str, str, int], tuple[bytes, str]] = {}
        self.requests = 0

    def _body(self, host: int, path: str, at: str) -> tuple[bytes, str] | None:
        if path == "/robots.txt":
            return f"User-agent: *\nDisallow: /private/\nSitemap: http://{at}/sitemap.xml\n".encode(), "text/plain"
        if path == "/sitemap.xml":
            rows = "".join(
                f"<url><loc>http://{at}/p/{n}</loc><lastmod>2026-01-"
                f"{1 + (self.generation if (host * self.pages + n) % CHANGING == 0 else 0):02d}</lastmod></url>"
                for n in range(self.pages)
            )
            urlset = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>'
            return urlset.encode(), "application/xml"
        number = 0 if path == "/" else int(path[3:]) if path.startswith("/p/") and path[3:].isdigit() else -1
        if not 0 <= number < self.pages:
            return None
        return page(host, number, self.pages, self.generation), "text/html; charset=utf-8"

    def answer(self, at: str, path: str, etag: str) -> bytes:
        """The bytes of one HTTP answer."""
        self.requests += 1
        if path.startswith("/__generation/"):
            self.generation = int(path.rpartition("/")[2])
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        key = (at, path, self.generation)
        if key not in self._known:
            a, b = at.partition(":")[0].split(".")[2:]
            found = self._body(int(a) * 250 + int(b) - 1, path, at)
            if found is None:
                return b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nNot found"
            body, kind = found
            tag = f'"{hashlib.sha1(body).hexdigest()}"'
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nETag: {tag}\r\nContent-Length: {len(body)}\r\n\r\n"
            self._known[key] = head.encode() + body, tag
        whole, tag = self._known[key]
        return f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode() if etag == tag else whole


class _Connection(asyncio.Protocol):
    """Keep-alive HTTP/1.1, GET only."""

    def __init__(self, site: _Site) -> None:
        self._site = site
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes where to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers every request that is complete."""
        self._left += data
        while (end := self._left.find(b"\r\n\r\n")) >= 0:
            lines = self._left[:end].decode("latin-1").split("\r\n")
            self._left = self._left[end + 4 :]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            path = lines[0].split(" ")[1]
            self._transport.write(self._site.answer(headers.get("host", ""), path, headers.get("if-none-match", "")))


class Loopback:
    """The site in a process of its own. `seeds` are the start pages of its hosts."""

    def __init__(self, pages: int, hosts: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.bench.loopback", str(pages), str(hosts)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.seeds = tuple(f"http://{address(n)}:{self.port}/" for n in range(hosts))

    def __enter__(self) -> Loopback:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()


async def _main() -> None:
    pages, hosts = int(sys.argv[1]), int(sys.argv[2])
    site = _Site(pages, hosts)
    loop = asyncio.get_running_loop()
    # One socket an address: only loopback is listened on, never the machine's own network.
    first = await loop.create_server(lambda: _Connection(site), address(0), 0)
    port = first.sockets[0].getsockname()[1]
    servers = [first] + [await loop.create_server(lambda: _Connection(site), address(n), port) for n in range(1, hosts)]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_main())
