"""A town of hostile web servers on loopback, each in its own street (host name), one thread a connection.

`Town` serves any function `(path, headers) -> bytes | Iterator[bytes]` per host and logs every request with its time;
`evil_streets` gives the bad neighbours. Everything is bounded: slow servers stop after a few seconds.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

Street = Callable[[str, dict[str, str]], "bytes | Iterator[bytes]"]


def answer(body: str | bytes, *, status: str = "200 OK", kind: str = "text/html; charset=utf-8", **headers: str) -> bytes:
    """One whole HTTP answer; header names are written with `_` for `-`."""
    data = body.encode() if isinstance(body, str) else body
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}\r\n"
    return head.encode("latin-1") + data


def page(title: str, links: Iterator[str] | list[str] | tuple[str, ...] = (), text: str = "") -> str:
    """A plain page with `links`, and `text` enough to be no empty frame."""
    anchors = "".join(f'<a href="{link}">to {link}</a> ' for link in links)
    words = text or f"{title} is a page of its own and says {title} things that no other page of this town says."
    return f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>{words}</p>{anchors}</body></html>"


class Town:
    """Serves `streets` (host name -> function) on one loopback port. `log` holds (time, host, path, user agent)."""

    def __init__(self, streets: dict[str, Street]) -> None:
        self.streets = streets
        self.log: list[tuple[float, str, str, str]] = []
        self.open = 0
        self.peak: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._lock = threading.Lock()
        town = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.settimeout(10)
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.suppress(OSError):
                    town._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        left = b""
        while True:
            while b"\r\n\r\n" not in left:
                data = connection.recv(65536)
                if not data:
                    return
                left += data
            head, _, left = left.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            path, host = lines[0].split(" ")[1], headers.get("host", "").partition(":")[0]
            with self._lock:
                self.log.append((time.monotonic(), host, path, headers.get("user-agent", "")))
                self._now[host] = self._now.get(host, 0) + 1
                self.peak[host] = max(self.peak.get(host, 0), self._now[host])
            try:
                street = self.streets.get(host)
                out = street(path, headers) if street else answer("no such street", status="404 Not Found")
                if isinstance(out, bytes):
                    connection.sendall(out)
                else:
                    for piece in out:
                        connection.sendall(piece)
                    return
            finally:
                with self._lock:
                    self._now[host] -= 1

    def paths(self, host: str) -> list[str]:
        """Paths asked of `host`, in order."""
        return [path for _, name, path, _ in self.log if name == host]

    def hosts(self) -> dict[str, str]:
        """The mapping that leads a fetcher to the streets."""
        return {host: f"http://127.0.0.1:{self.port}" for host in self.streets}

    def close(self) -> None:
        """Closes the town."""
        self._server.shutdown()
        self._server.server_close()


def _slow(piece: bytes, pause: float, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield piece
        time.sleep(pause)


def _calendar(path: str) -> bytes:
    year, month = (int(x) for x in path.strip("/").split("/")[1:3])
    later = (year, month + 1) if month < 12 else (year + 1, 1)
    text = "No events are planned. Look at the months before and after this one, or subscribe to the calendar."
    links = [f"/calendar/{later[0]}/{later[1]}", f"/calendar/{year + 1}/{month}", "/"]
    return answer(page("Calendar", links, text))


def real_town(pages: int) -> Street:
    """A site of `pages` honest pages in a chain of sections, with every trap of the trade in between."""

    def street(path: str, headers: dict[str, str]) -> bytes | Iterator[bytes]:
        where, _, query = path.partition("?")
        if where == "/robots.txt":
            return answer("User-agent: *\nDisallow: /secret/\n", kind="text/plain")
        if where == "/":
            traps = ["/calendar/2026/1", "/filter?a=1", "/a/", "/s/sid=1/x", "/secret/plan", "/gone", "/loop/1", "/many"]
            return answer(page("Home of the town", [f"/real/{n}" for n in range(0, pages, 10)] + traps))
        if where.startswith("/real/") and where[6:].isdigit() and int(where[6:]) < pages:
            number = int(where[6:])
            text = f"Honest page number {number} tells about " + " ".join(f"thing{number * 31 + k}" for k in range(30))
            around = [f"/real/{(number + k) % pages}" for k in (1, 2, 3)]
            return answer(page(f"Real {number}", [*around, f"/real/{number}?utm_source=x", "/calendar/2026/2"], text))
        if where.startswith("/calendar/"):
            return _calendar(where)
        if where == "/filter":
            keys = [f"/filter?{query}&{chr(97 + n)}={n}" for n in range(8)]
            return answer(page(f"Filter {query}", keys, f"Filtered by {query} there is nothing to be seen here today."))
        if where.startswith("/a/"):
            return answer(page(f"Deeper {len(where)}", [f"{where}a/", f"{where}b/"]))
        if where.startswith("/s/"):
            return answer(page("Session", [f"/s/sid={abs(hash(path)) % 10**9}/x"], "The same page under a new session id."))
        if where.startswith("/loop/"):
            return answer("", status="302 Found", Location=f"/loop/{1 - int(where[6:] or 0)}")
        if where == "/many":
            return answer(page("Many", [f"/nothing/{n}" for n in range(6000)]))
        return answer(page("Oops", ["/"], "We could not find that page, sorry. Try our home page."))

    return street


def evil_streets() -> dict[str, Street]:
    """Hosts that each do one evil thing to whatever is asked of them, robots.txt excepted."""
    bomb = gzip.compress(b"A" * 30_000_000, 9)

    def evil(out: Callable[[str], bytes | Iterator[bytes]]) -> Street:
        def street(path: str, headers: dict[str, str]) -> bytes | Iterator[bytes]:
            return answer("", kind="text/plain") if path == "/robots.txt" else out(path)

        return street

    html = "Content-Type: text/html\r\n"
    streets = {
        "drip-body": lambda p: _dripping(),
        "drip-headers": lambda p: itertools.chain([b"HTTP/1.1 200 OK\r\n"], _slow(b"X-A: b\r\n", 0.3, 20)),
        "silent": lambda p: _slow(b"", 6.0, 1),
        "hangs-up": lambda p: iter([b""]),
        "lies-long": lambda p: iter([f"HTTP/1.1 200 OK\r\n{html}Content-Length: 5000\r\n\r\nshort".encode()]),
        "lies-short": lambda p: iter([f"HTTP/1.1 200 OK\r\n{html}Content-Length: 5\r\n\r\n".encode() + page("Cut").encode()]),
        "huge": lambda p: iter([f"HTTP/1.1 200 OK\r\n{html}Content-Length: 99999999999\r\n\r\n".encode()]),
        "endless": lambda p: _slow(b"HTTP/1.1 200 OK\r\n" + html.encode() + b"\r\n" + b"<p>" * 400_000, 0.0, 8),
        "bomb": lambda p: answer(bomb, Content_Encoding="gzip"),
        "stacked": lambda p: answer(b"x", Content_Encoding="gzip, " * 20 + "gzip"),
        "unknown-coding": lambda p: answer(b"x" * 50, Content_Encoding="rot13"),
        "many-headers": lambda p: b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 50_000 + b"\r\n",
        "long-header": lambda p: b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 200_000 + b"\r\n\r\n",
        "old-http": lambda p: iter([b"<html>HTTP 0.9 says hello</html>"]),
        "junk": lambda p: iter([bytes(range(256)) * 20]),
        "continues": lambda p: _slow(b"HTTP/1.1 100 Continue\r\n\r\n", 0.0, 20_000),
        "to-metadata": lambda p: answer("", status="302 Found", Location="http://169.254.169.254/latest/meta-data/"),
        "to-loopback": lambda p: answer("", status="302 Found", Location="http://127.0.0.1:1/"),
        "to-file": lambda p: answer("", status="302 Found", Location="file:///etc/passwd"),
        "to-itself": lambda p: answer("", status="301 Moved", Location="/"),
        "to-forever": lambda p: answer("", status="302 Found", Location=f"{p}x"),
        "attributes": lambda p: answer("<html><body><p " + "a=b " * 200_000 + ">x</p>"),
        "nested": lambda p: answer("<html><body>" + "<div>" * 100_000 + "deep"),
        "tags": lambda p: answer("<html><body>" + "<b>x</b>" * 150_000),
        "binary": lambda p: answer(b"\x00\x01\x02" * 3000),
        "nothing": lambda p: answer(b""),
        "wrong-charset": lambda p: answer(page("Caf\u00e9").encode("latin-1")),
        "utf-32": lambda p: answer(page("Wide").encode("utf-32")),
        "refreshes": lambda p: answer('<meta http-equiv=refresh content="0;url=/">' + page("Refresh")),
        "bad-base": lambda p: answer('<base href="javascript:alert(1)">' + page("Base", ["x", "//", "http://[::1", "data:x"])),
        "busy": lambda p: answer("", status="503 Busy", Retry_After="1"),
        "teapot": lambda p: answer("", status="418 Teapot"),
        "weird-status": lambda p: b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
    }  # fmt: skip
    return {f"{name}.evil": evil(out) for name, out in streets.items()}


def _dripping() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"
    yield from _slow(b"x", 0.3, 20)
