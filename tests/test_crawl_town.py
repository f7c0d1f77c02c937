"""The crawler in the evil town: every URL gets a final state, the real pages are found, nothing forbidden is touched."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Iterator

import pytest
from evil_town import Town, answer, evil_streets, page, real_town

from pipeline.crawl import LEFT_OUT, Crawled, CrawlSettings, crawl, crawl_site
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.records import Problem
from pipeline.store import Store

REAL = 200


@pytest.fixture
def town() -> Iterator[Town]:
    streets = {"town.evil": real_town(REAL), **evil_streets()}
    made = Town(streets)
    yield made
    made.close()


def quick(town: Town, **changes: object) -> FetchSettings:
    values: dict[str, object] = {
        "hosts": town.hosts(), "polite": False, "deadline_s": 2.0, "read_timeout_s": 1.0, "connect_timeout_s": 1.0,
        "retry_pause_s": 0.05, "breaker_faults": 50, "max_body_bytes": 2 << 20,
    }  # fmt: skip
    return FetchSettings(**{**values, **changes})  # type: ignore[arg-type]


def test_real_pages_are_found_among_traps(town: Town) -> None:
    settings = CrawlSettings(seeds=("http://town.evil/",), max_pages=900)
    pages, problems = crawl_site(settings.seeds, settings, fetch=quick(town))
    found = {p.url for p in pages if p.url.startswith("http://town.evil/real/")}
    assert found == {f"http://town.evil/real/{n}" for n in range(REAL)}
    kinds = {problem.kind for problem in problems}
    assert {"trap", "robots", "soft_404", "loop"} <= kinds
    traps = " ".join(problem.message for problem in problems if problem.kind == "trap")
    assert "calendar" in traps
    assert "filter" in traps or "queries" in traps
    assert "/secret/plan" not in town.paths("town.evil")
    assert len(town.paths("town.evil")) <= 920
    # Nothing is said twice: one final state for each address.
    states = [p.url for p in pages] + [p.where for p in problems if p.kind not in {"trap", "sitemap", "depth"}]
    assert len(states) == len(set(states))


def test_every_evil_page_ends(town: Town) -> None:
    seeds = tuple(f"http://{host}/" for host in town.streets if host != "town.evil")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    settings = CrawlSettings(seeds=seeds, use_sitemaps=False, probe_soft_404=False, tries=2, threads=32, parse_seconds=5.0)
    pages, problems = crawl_site(seeds, settings, fetch=quick(town))
    took = time.monotonic() - began
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sys.stdout.write(f"\n{len(seeds)} evil hosts: {len(pages)} pages, {len(problems)} problems, {took:.1f} s, +{growth:.0f} MiB")
    ended = {p.url.rstrip("/") for p in pages} | {p.where.rstrip("/") for p in problems}
    assert {seed.rstrip("/") for seed in seeds} <= ended
    by_host = {p.where.split("/")[2].removesuffix(".evil"): p for p in problems}
    want = {
        "drip-body": "timeout", "drip-headers": "timeout", "silent": "timeout", "hangs-up": "protocol",
        "lies-long": "truncated", "huge": "too_large", "endless": "too_large", "bomb": "too_large", "stacked": "too_large",
        "unknown-coding": "unreadable", "many-headers": "protocol", "long-header": "protocol", "old-http": "protocol",
        "junk": "protocol", "to-metadata": "address", "to-loopback": "address", "to-file": "address", "to-itself": "loop",
        "to-forever": "loop", "attributes": "hostile", "nested": "hostile", "tags": "hostile", "nothing": "empty",
        "busy": "busy", "teapot": "http_status", "weird-status": "http_status",
    }  # fmt: skip
    assert {name: by_host[name].kind for name in want if name in by_host} == want
    assert all(problem.message.endswith(".") for problem in problems)
    assert took < 30
    assert growth < 150


def test_slow_neighbours_do_not_slow_the_others(town: Town) -> None:
    fast = tuple(f"http://town.evil/real/{n}" for n in range(60))
    slow = tuple(f"http://{name}.evil/" for name in ("drip-body", "drip-headers", "silent"))

    def seconds(seeds: tuple[str, ...]) -> float:
        settings = CrawlSettings(seeds=seeds, use_sitemaps=False, follow_links=False, tries=1)
        with Store() as store, Fetcher(quick(town)) as fetcher:
            began = last = time.monotonic()
            for progress in [crawl(settings, fetcher, store)]:
                list(progress)
            times = [at for at, host, path, _ in town.log if host == "town.evil" and at > began]
            last = max(times)
        return last - began

    alone = seconds(fast)
    assert seconds(fast + slow) < alone + 1.5


def test_orphans_canonicals_noindex_and_hreflang_are_recorded() -> None:
    def street(path: str, headers: dict[str, str]) -> bytes:
        if path == "/sitemap.xml":
            locs = "".join(f"<url><loc>http://seo.evil{p}</loc></url>" for p in ("/", "/landing", "/listed"))
            return answer(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locs}</urlset>', kind="text/xml")
        head = '<meta name="robots" content="noindex, follow"><link rel=canonical href="/canon">'
        head += '<link rel=alternate hreflang=de href="/de/">'
        if path == "/":
            return answer(head + page("Home", ["/listed", "/tagged"]))
        if path in {"/landing", "/listed", "/canon", "/de/"}:
            return answer(page(f"Page {path}"))
        if path == "/tagged":
            return answer(page("Tagged"), X_Robots_Tag="noindex")
        return answer("none", status="404 Not Found")

    town = Town({"seo.evil": street})
    try:
        with Store() as store, Fetcher(quick(town)) as fetcher:
            found = list(crawl(CrawlSettings(seeds=("http://seo.evil/",)), fetcher, store))
    finally:
        town.close()
    pages = {p.fetched.url: p for p in found if isinstance(p, Crawled)}
    assert not [p for p in found if isinstance(p, Problem) and p.kind not in LEFT_OUT]
    home = pages["http://seo.evil/"]
    assert home.noindex and home.canonical == "http://seo.evil/canon"
    assert home.hreflang == (("de", "http://seo.evil/de/"),)
    assert pages["http://seo.evil/tagged"].noindex
    assert pages["http://seo.evil/landing"].orphan
    assert not pages["http://seo.evil/listed"].orphan
    assert {"http://seo.evil/canon", "http://seo.evil/de/"} <= set(pages)


def test_an_empty_frame_is_said_to_be_one() -> None:
    shell = '<html><head><title>App</title><script src=a.js></script></head><body><div id="root"></div></body></html>'
    town = Town({"app.evil": lambda path, headers: answer(shell) if path == "/" else answer("", status="404 Not Found")})
    try:
        pages, problems = crawl_site(["http://app.evil/"], CrawlSettings(), fetch=quick(town))
    finally:
        town.close()
    assert (pages, [p.kind for p in problems]) == ([], ["javascript"])


def test_a_page_made_by_scripts_is_rendered_through_the_gate() -> None:
    pytest.importorskip("playwright")
    if not shutil.which("chromium"):
        pytest.skip("no Chromium on this machine")
    canary = Town({"127.0.0.1": lambda path, headers: answer("caught", Access_Control_Allow_Origin="*")})
    inside = f"127.0.0.1:{canary.port}"
    script = (
        "const root = document.getElementById('root');"
        "fetch('/data').then(r => r.text()).then(t => { root.innerText = 'Rendered: ' + t });"
        f"fetch('http://{inside}/fetch').catch(() => 0); new Image().src = 'http://{inside}/image';"
        f"try {{ new WebSocket('ws://{inside}/socket') }} catch (e) {{}}"
        f"const f = document.createElement('iframe'); f.src = 'http://{inside}/frame'; document.body.append(f);"
    )
    shell = f'<html><head><title>App</title></head><body><div id="root"></div><script>{script}</script></body></html>'
    words = "what scripts have brought in afterwards, " * 10

    def street(path: str, headers: dict[str, str]) -> bytes:
        if path == "/":
            return answer(shell)
        return answer(words, kind="text/plain") if path == "/data" else answer("", status="404 Not Found")

    town = Town({"app.evil": street})
    try:
        settings = CrawlSettings(seeds=("http://app.evil/",), render=True, use_sitemaps=False)
        pages, problems = crawl_site(settings.seeds, settings, fetch=quick(town, deadline_s=20.0, read_timeout_s=5.0))
    finally:
        town.close()
        canary.close()
    assert problems == []
    assert b"Rendered: what scripts have brought in" in pages[0].body
    assert pages[0].notes == ("rendered",)
    assert canary.log == []
