"""The demo: serves the bundled product's site and docs on loopback, crawls both over HTTP, and audits them.

The site names the host www.<product>.example in its sitemap and canonical links; the operator's host map of the fetch gate leads
that host to loopback, exactly as it would lead to a staging server.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import pathlib
import threading
from collections.abc import Iterator

from pipeline.audit import Auditor, Progress
from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.house import HOME
from pipeline.reach import fetch_site
from pipeline.records import Audit
from pipeline.sources import read_places

FOLDER = HOME / "corpora" / "demo"


class _Files(http.server.SimpleHTTPRequestHandler):
    extensions_map: dict[str, str] = {  # noqa: RUF012 - an instance variable in the base class
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".md": "text/markdown",
        ".html": "text/html; charset=utf-8",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted by the crawler; nothing is printed here."""


class DocsIndex(_Files):
    """Documentation as a folder: its front page links every document, as a help centre's does."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") in {"", "/index.html"}:
            root = pathlib.Path(self.directory)
            links = "".join(
                f'<li><a href="/{p.relative_to(root).as_posix()}">{p.stem}</a></li>'
                for p in sorted(root.rglob("*"))
                if p.suffix in {".md", ".html"}
            )
            body = f"<!doctype html><title>Documentation</title><main><h1>Documentation</h1><ul>{links}</ul></main>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        super().do_GET()


@contextlib.contextmanager
def serve(folder: pathlib.Path, handler: type[_Files] = _Files) -> Iterator[int]:
    """Serves `folder` on a free port of 127.0.0.1 while the context lasts; yields the port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def audit_demo(config: Config, *, progress: Progress) -> Audit:
    """The audit of the demo product, crawled over HTTP. Raises UsageError when corpora/demo is not there."""
    try:
        product = json.loads((FOLDER / "product.json").read_text(encoding="utf-8"))
    except OSError as err:
        raise UsageError(f"The demo product is not at {FOLDER}: run the demo from a clone of the repository.") from err
    host = f"www.{product['name'].lower()}.example"
    docs_host = f"docs.{product['name'].lower()}.example"
    with serve(FOLDER / "site") as site_port, serve(FOLDER / "docs", DocsIndex) as docs_port:
        reach = config.model_copy(
            update={
                "product": product["name"],
                "fetch": {
                    **config.fetch,
                    "hosts": {host: f"http://127.0.0.1:{site_port}", docs_host: f"http://127.0.0.1:{docs_port}"},
                    "allow_networks": ["127.0.0.1/32"],
                    "polite": False,
                },
            }
        )
        documents = read_places(
            [f"https://{docs_host}/"],
            verbatim=True,
            what="Documentation",
            fetch=fetch_site(reach, documents=True, progress=progress),
            stdin=lambda: b"",
        )
        copy = read_places(
            [f"https://{host}/"],
            verbatim=False,
            what="Target",
            fetch=fetch_site(reach, progress=progress),
            stdin=lambda: b"",
        )
    auditor = Auditor(reach, documents.pages, progress=progress)
    return auditor.audit(copy.pages, [*documents.problems, *copy.problems], progress=progress)
