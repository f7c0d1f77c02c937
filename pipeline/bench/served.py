"""Sites for benchmarks of nights: a folder of pages made of claims of the open benchmark, and that folder served on loopback."""

from __future__ import annotations

import hashlib
import http.server
import json
import pathlib
import random
import threading
from types import TracebackType

from pipeline.config import Config

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "corpora" / "bench"


class Site:
    """A folder with `pages` pages made of claims of the open benchmark, and that product's documentation.

    A page has `claims` claims, and `filler` kilobytes of frame that says nothing: scripts, classes, icons.
    """

    def __init__(self, folder: pathlib.Path, pages: int, claims: int = 4, filler: int = 0) -> None:
        self.folder, self.pages, self._filler = folder, pages, filler
        product = sorted(p.parent for p in BENCH.glob("*/claims.jsonl"))[0]
        self.docs = product / "docs"
        lines = (product / "claims.jsonl").read_text(encoding="utf-8").splitlines()
        self._claims = [str(json.loads(line)["claim"]) for line in lines if line.strip()]
        self._size = claims
        self.written = 0
        (folder / "site").mkdir(parents=True, exist_ok=True)
        for number in range(pages):
            self.write(number, 0)

    def write(self, number: int, edition: int) -> int:
        """Writes one page; gives its bytes."""
        rng = random.Random(number)
        picked = [f"For team {number}: {c}" for c in rng.sample(self._claims, min(self._size, len(self._claims)))]
        if edition:
            # An edit rewords one sentence; the rest of the page stays.
            place = edition % len(picked)
            picked[place] = f"For team {number}, edition {edition}: {random.Random(edition).choice(self._claims)}"
        said = "".join(f"<p>{c}</p>" for c in picked)
        frame = "".join(f"<div class='c{rng.randrange(16**8):08x}'></div>" for _ in range(self._filler * 38))
        text = f"<html lang='en'><head><title>Page {number} | Bench</title></head><body>{frame}<main><h1>Page {number}</h1>{said}</main></body></html>"
        (self.folder / "site" / f"p{number:05d}.html").write_text(text, encoding="utf-8")
        return len(text.encode())

    def config(self, config: Config) -> Config:
        values = {
            "product": "Bench",
            "targets": [str(self.folder / "site")],
            "docs": [str(self.docs)],
            "cache": str(self.folder / "cache"),
        }
        (self.folder / "cache").mkdir(exist_ok=True)
        return config.model_copy(update=values)


class Served:
    """The pages of a folder over HTTP, each at its name without `.html`, with a sitemap and validators."""

    def __init__(self, folder: pathlib.Path) -> None:
        class Door(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                here = f"http://{self.headers['Host']}"
                body, kind, status = b"not here", "text/html; charset=utf-8", 404
                if self.path == "/sitemap.xml":
                    rows = "".join(f"<url><loc>{here}/{p.stem}</loc></url>" for p in sorted(folder.glob("*.html")))
                    body = f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{rows}</urlset>".encode()
                    kind, status = "application/xml", 200
                elif self.path == "/robots.txt":
                    body, kind, status = f"User-agent: *\nSitemap: {here}/sitemap.xml\n".encode(), "text/plain", 200
                elif (found := folder / f"{self.path.strip('/')}.html").is_file():
                    body, status = found.read_bytes(), 200
                tag = f'"{hashlib.sha1(body).hexdigest()}"'
                if status == 200 and self.headers["If-None-Match"] == tag:
                    self.send_response(304)
                    self.send_header("ETag", tag)
                    self.end_headers()
                    return
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", tag)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        port = self._server.server_address[1]
        self.start = f"http://127.0.0.1:{port}/p00000"
        # What the configuration's `fetch` needs to go there.
        self.fetch = {"allow_networks": ["127.0.0.1/32"], "ports": [port], "polite": False}
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Served:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
