"""A proxy on loopback that lets a browser reach checked public addresses and nothing else.

Intercepting requests inside a browser misses redirects, DNS prefetches and WebSockets. So the browser gets no other
way out than this proxy, and every connection it opens passes the same address guard as our own fetches.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
import time

from pipeline.fetch.address import Guard, Refused, Unresolved
from pipeline.fetch.settings import FetchSettings
from pipeline.fetch.url import parse

MAX_HEAD = 64 * 1024


class FilteringProxy:
    """Listens on 127.0.0.1 until it is closed. `refused` counts connections that the guard forbade."""

    def __init__(self, settings: FetchSettings, guard: Guard) -> None:
        self._settings = settings
        self._guard = guard
        self.refused = 0
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="render-proxy", daemon=True).start()

    def close(self) -> None:
        """Stops listening; open tunnels end with their deadline."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, client: socket.socket) -> None:
        head = self._head(client)
        if head is None:
            return
        line, _, rest = head.partition(b"\r\n")
        method, _, remainder = line.decode("latin-1").partition(" ")
        target = remainder.rpartition(" ")[0]
        url = parse(f"https://{target}/" if method == "CONNECT" else target)
        try:
            if url is None:
                raise Refused(f"'{target[:200]}' is not a URL")
            route = self._guard.route(url)
            server = socket.create_connection((route.addresses[0], route.port), self._settings.connect_timeout_s)
        except (Refused, Unresolved, OSError) as err:
            self.refused += isinstance(err, Refused)
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                # One request a connection: a second one on it could name another host, unchecked.
                fields = [f for f in rest.split(b"\r\n") if not f.lower().startswith((b"proxy-", b"connection:"))]
                ours = b"\r\n".join(
                    [f"{method} {url.target} HTTP/1.1".encode("latin-1"), b"Connection: close", *fields]
                )
                server.sendall(ours)
            self._tunnel(client, server, one_way=method != "CONNECT")

    def _head(self, line: socket.socket) -> bytes | None:
        """Bytes up to the end of the headers, with what came along; None when they do not come, or come without end."""
        line.settimeout(self._settings.read_timeout_s)
        ends = time.monotonic() + self._settings.deadline_s
        head = b""
        while b"\r\n\r\n" not in head:
            data = line.recv(8192)
            if not data or len(head) > MAX_HEAD or time.monotonic() > ends:
                return None
            head += data
        return head

    def _tunnel(self, client: socket.socket, server: socket.socket, *, one_way: bool) -> None:
        """Passes bytes on, within the time of one fetch and a bound on bytes. `one_way`: only from the server; the
        browser's next word ends it."""
        ends = time.monotonic() + self._settings.deadline_s
        left = 4 * self._settings.max_body_bytes
        other = {server: client, client: server}
        while left > 0 and (wait := ends - time.monotonic()) > 0:
            for ready in select.select([server, client], [], [], min(wait, self._settings.read_timeout_s))[0]:
                data = ready.recv(65536)
                if not data or (one_way and ready is client):
                    return
                left -= len(data)
                other[ready].sendall(data)


def _closing(first: bytes, rest: bytes) -> bytes:
    """A head with `Connection: close` in place of what it said about the connection."""
    fields, end, body = rest.partition(b"\r\n\r\n")
    hop = (b"proxy-", b"connection:", b"keep-alive:")
    kept = [field for field in fields.split(b"\r\n") if not field.lower().startswith(hop)]
    return b"\r\n".join([first, b"Connection: close", *kept]) + end + body
