"""Real marketing sites served on loopback under their own names: no page of their sitemaps is missed."""

from __future__ import annotations

import functools
import http.server
import pathlib
import re
import sys
import threading

import pytest

from pipeline.crawl import CrawlSettings, crawl_site
from pipeline.fetch import FetchSettings

SITES = pathlib.Path(__file__).resolve().parents[2] / "shared" / "sites"
PRODUCTS = ("appveyor", "cryptomator", "highlight", "plausible", "tinacms", "typesense")
pytestmark = pytest.mark.skipif(not SITES.is_dir(), reason=f"the sites are not at {SITES}")


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *args: object) -> None:
        return


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_page_of_the_sitemap_is_missed(product: str) -> None:
    folder = SITES / product
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        fetch = FetchSettings(hosts={f"{product}.test": f"http://127.0.0.1:{server.server_port}"}, polite=False)
        settings = CrawlSettings(sections=("/site/",))
        pages, problems = crawl_site([f"https://{product}.test/site/index.html"], settings, fetch=fetch)
    finally:
        server.shutdown()
        server.server_close()
    listed = set(re.findall(r"<loc>(.*?)</loc>", (folder / "site/sitemap.xml").read_text(encoding="utf-8")))
    read = {page.url for page in pages}
    accounted = read | {problem.where for problem in problems}
    sys.stdout.write(f"\n{product}: {len(listed)} listed, {len(listed - accounted)} missed, {len(read)} pages read")
    assert listed <= accounted
    assert listed - read == {p.where for p in problems if p.where in listed and p.kind == "duplicate"}
