"""A network of its own for one process: a live name server, a "public" web server and a canary on loopback.

Run as `unshare --user --map-root-user --mount --net python rebinding.py FOLDER`: inside, 127.0.0.1:53 answers the system's own
resolver, 93.184.216.34:80 is a server of ours, and nothing outside can be reached. Prints one JSON object.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import http.server
import ipaddress
import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from typing import Any

import dnslib
import dnslib.server

PUBLIC, PRIVATE = "93.184.216.34", "127.0.0.1"
asked: collections.Counter[str] = collections.Counter()
hits: dict[str, list[str]] = {"public": [], "canary": []}


def lift_loopback() -> None:
    """Brings `lo` up and gives it the public address as well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:

        def flag_up(name: str) -> None:
            fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", name.encode(), 0x1 | 0x40))  # SIOCSIFFLAGS: UP, RUNNING

        flag_up("lo")
        place = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, ipaddress.ip_address(PUBLIC).packed)
        fcntl.ioctl(sock, 0x8916, place)  # SIOCSIFADDR
        flag_up("lo:1")


def use_own_resolver(folder: pathlib.Path) -> None:
    """Lays our own resolver settings over the system's, in this mount namespace only."""
    for name, text in (("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), ("nsswitch.conf", "hosts: files dns\n")):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)


class Names(dnslib.server.BaseResolver):  # type: ignore[misc]
    """Answers that change, come in pairs, lead elsewhere or hide an address in another."""

    def resolve(self, request: Any, handler: Any) -> Any:
        name, kind = str(request.q.qname).rstrip("."), dnslib.QTYPE[request.q.qtype]
        asked[f"{name} {kind}"] += 1
        reply = request.reply()

        def add(kind: str, data: Any, owner: str = "") -> None:
            reply.add_answer(dnslib.RR(owner or name, getattr(dnslib.QTYPE, kind), ttl=0, rdata=data))

        number = asked[f"{name} {kind}"]
        if kind == "A" and name.startswith("rebind"):
            add("A", dnslib.A(PUBLIC if number == 1 else PRIVATE))
        elif kind == "A" and name.startswith("both"):
            add("A", dnslib.A(PUBLIC))
            add("A", dnslib.A(PRIVATE))
        elif kind == "A" and name.startswith("alias"):
            add("CNAME", dnslib.CNAME("inner.evil.com"))
            add("A", dnslib.A("10.0.0.1"), "inner.evil.com")
        elif name.startswith("nat64"):
            if kind == "AAAA":
                add("AAAA", dnslib.AAAA("64:ff9b::7f00:1"))
        elif name.startswith("mapped"):
            if kind == "AAAA":
                add("AAAA", dnslib.AAAA("::ffff:7f00:1"))
        elif name.startswith("metadata"):
            if kind == "A":
                add("A", dnslib.A("169.254.169.254"))
        elif kind == "A" and name.startswith("good"):
            add("A", dnslib.A(PUBLIC))
        return reply


class Web(http.server.BaseHTTPRequestHandler):
    """A page everywhere; `/to/HOST` leads to that host. Connections are closed, so that each page needs a new one."""

    who = ""

    def do_GET(self) -> None:
        hits[self.who].append(f"{self.headers.get('host')}{self.path}")
        missing = self.path == "/robots.txt"
        self.send_response(404 if missing else 302 if self.path.startswith("/to/") else 200)
        if self.path.startswith("/to/"):
            self.send_header("Location", f"http://{self.path[4:]}/secret")
        body = b"" if missing else b"<html><body><p>A page.</p></body></html>"
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def serve(who: str, address: str) -> None:
    handler = type(f"Web{who}", (Web,), {"who": who})
    server = http.server.ThreadingHTTPServer((address, 80), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def naive(host: str) -> bool:
    """What a check before the request does: looks the name up, finds it public, asks. Whether it was fooled."""
    before = len(hits["canary"])
    first = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)[0][4][0]
    if ipaddress.ip_address(first).is_global:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.suppress(OSError):
            opener.open(f"http://{host}/secret", timeout=5).close()
    return len(hits["canary"]) > before


def main() -> None:
    lift_loopback()
    use_own_resolver(pathlib.Path(sys.argv[1]))
    for tcp in (False, True):
        dnslib.server.DNSServer(Names(), address="127.0.0.1", port=53, tcp=tcp, logger=dnslib.server.DNSLogger("-request,-reply,-truncated,-error")).start_thread()
    serve("public", PUBLIC)
    serve("canary", PRIVATE)
    fooled = naive("rebind0.evil.com")
    hits["canary"].clear()

    from pipeline.fetch import Fetcher, FetchSettings
    from pipeline.records import Problem

    def kind(found: object) -> str:
        return found.kind if isinstance(found, Problem) else str(getattr(found, "status", "?"))

    out: dict[str, Any] = {"naive_fooled": fooled}
    settings = FetchSettings(polite=False, retries=0, obey_robots=False)
    with Fetcher(settings) as fetcher:
        out["first"] = kind(fetcher.fetch("http://rebind1.evil.com/a"))
        out["asked_for_first"] = asked["rebind1.evil.com A"]
        out["then"] = [kind(fetcher.fetch(f"http://rebind1.evil.com/{n}")) for n in range(3)]
        for name in ("both", "alias", "nat64", "mapped", "metadata"):
            out[name] = kind(fetcher.fetch(f"http://{name}.evil.com/secret"))
        out["redirect"] = [kind(fetcher.fetch(f"http://good.evil.com/to/{n}.evil.com")) for n in ("both", "alias", "metadata")]
        # The name was public when its page led to itself, and is private when it is asked again.
        out["redirect_to_itself"] = kind(fetcher.fetch("http://rebind2.evil.com/to/rebind2.evil.com"))
    with Fetcher(FetchSettings(polite=False, retries=0)) as fetcher:
        # robots.txt is asked of the public address, the page would be of the private one.
        out["after_robots"] = kind(fetcher.fetch("http://rebind3.evil.com/secret"))
    out["canary"] = hits["canary"]
    out["public"] = hits["public"]
    sys.stdout.write(json.dumps(out))


if __name__ == "__main__":
    main()
