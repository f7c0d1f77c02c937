"""The crawl bench: pages a second against Scrapy on the same loopback site, a second crawl, peak memory.

Politeness is off on both sides, robots.txt is obeyed by both, both store every body and follow the links that lxml
finds. `python -m pipeline.bench.crawl` prints a table; `run()` gives the figures. Scrapy is optional: without it its
column says why it is empty.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.bench.loopback import Loopback
from pipeline.crawl import Crawled, CrawlSettings, crawl
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.store import Store

# On loopback nothing is waited for: more threads than this only take turns at the interpreter.
THREADS = 6

SPIDER = """
import hashlib, json, pathlib, sys, time
import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor

seeds, folder = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])
hosts = [s.split("/")[2].split(":")[0] for s in seeds]
count = 0

class Bench(scrapy.Spider):
    name = "bench"
    start_urls = seeds
    allowed_domains = hosts
    links = LinkExtractor()

    def parse(self, response):
        global count
        count += 1
        (folder / hashlib.sha256(response.body).hexdigest()).write_bytes(response.body)
        for link in self.links.extract_links(response):
            yield scrapy.Request(link.url)

process = CrawlerProcess({
    "LOG_LEVEL": "ERROR", "ROBOTSTXT_OBEY": True, "CONCURRENT_REQUESTS": 64, "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_DELAY": 0, "TELNETCONSOLE_ENABLED": False, "COOKIES_ENABLED": False, "AUTOTHROTTLE_ENABLED": False,
})
process.crawl(Bench)
began, spent = time.monotonic(), time.process_time()
process.start()
print(json.dumps({"pages": count, "seconds": time.monotonic() - began, "cpu": time.process_time() - spent}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlBench:
    """Figures of one run; None where something could not be measured.

    Wall time says what a user waits for, on cores that nothing else uses. CPU time (user and system, readers included,
    the served site not) is what busy cores change least; shares and the ratio are given in both.
    """

    pages: int
    hosts: int
    seconds: float
    pages_per_s: float
    scrapy_pages: int | None
    scrapy_seconds: float | None
    scrapy_pages_per_s: float | None
    ratio: float | None
    ratio_cpu: float | None
    second_seconds: float
    second_share: float
    second_cpu_share: float
    second_changed: int
    conditional_seconds: float
    conditional_share: float
    conditional_cpu_share: float
    memory_1000_mib: float | None
    memory_10000_mib: float | None
    memory_ratio: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One crawl: wall and CPU seconds, pages, pages whose bytes are new."""

    seconds: float
    cpu: float
    pages: int
    changed: int


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _once(seeds: tuple[str, ...], store: Store, **changes: Any) -> _Run:
    """One crawl with politeness off."""
    settings = CrawlSettings(
        seeds=seeds, probe_soft_404=False, max_pages=100_000, max_group=100_000, threads=THREADS, **changes
    )
    fetch = FetchSettings(polite=False, allow_networks=("127.0.0.0/8",))
    began, spent = time.monotonic(), _cpu()
    with Fetcher(fetch) as fetcher:
        pages = changed = 0
        for found in crawl(settings, fetcher, store, bodies=False):
            if isinstance(found, Crawled):
                pages += 1
                changed += found.changed
    return _Run(seconds=time.monotonic() - began, cpu=_cpu() - spent, pages=pages, changed=changed)


def _scrapy(seeds: tuple[str, ...]) -> dict[str, Any] | None:
    if importlib.util.find_spec("scrapy") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(
            [sys.executable, "-c", SPIDER, json.dumps(seeds), folder], capture_output=True, text=True, timeout=600
        )
    lines = out.stdout.strip().splitlines()
    found: dict[str, Any] | None = json.loads(lines[-1]) if lines else None
    return found


def _memory(pages: int) -> float | None:
    """Peak resident memory in MiB of a process that crawls `pages` pages, its readers not counted."""
    out = subprocess.run(
        [sys.executable, "-m", "pipeline.bench.crawl", "--memory", str(pages)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    return float(out.stdout) if out.returncode == 0 else None


def run(*, pages: int = 2000, hosts: int = 50, scrapy: bool = True, memory: bool = True) -> CrawlBench:
    """All figures; takes some two minutes on two cores, most of it for the memory of 10,000 pages."""
    with Loopback(pages, hosts) as site, tempfile.TemporaryDirectory() as folder:
        rival = _scrapy(site.seeds) if scrapy else None
        with Store(pathlib.Path(folder) / "bench.sqlite") as store:
            first = _once(site.seeds, store)
            again = []
            for generation in (1, 2, 3):
                urllib.request.urlopen(f"{site.seeds[0]}__generation/{generation}").close()
                again.append(_once(site.seeds, store))
            second = statistics.median(run.seconds for run in again)
            urllib.request.urlopen(f"{site.seeds[0]}__generation/4").close()
            conditional = _once(site.seeds, store, trust_lastmod=False)
    small, large = (_memory(1000), _memory(10_000)) if memory else (None, None)
    rate = first.pages / first.seconds
    theirs = rival["pages"] / rival["seconds"] if rival else None
    return CrawlBench(
        pages=first.pages,
        hosts=hosts,
        seconds=round(first.seconds, 2),
        pages_per_s=round(rate, 1),
        scrapy_pages=rival["pages"] if rival else None,
        scrapy_seconds=round(rival["seconds"], 2) if rival else None,
        scrapy_pages_per_s=round(theirs, 1) if theirs else None,
        ratio=round(rate / theirs, 2) if theirs else None,
        ratio_cpu=round(rival["cpu"] / rival["pages"] / (first.cpu / first.pages), 2) if rival else None,
        second_seconds=round(second, 2),
        second_share=round(second / first.seconds, 3),
        second_cpu_share=round(statistics.median(run.cpu for run in again) / first.cpu, 3),
        second_changed=again[-1].changed,
        conditional_seconds=round(conditional.seconds, 2),
        conditional_share=round(conditional.seconds / first.seconds, 3),
        conditional_cpu_share=round(conditional.cpu / first.cpu, 3),
        memory_1000_mib=small,
        memory_10000_mib=large,
        memory_ratio=round(large / small, 2) if small and large else None,
        note="" if rival or not scrapy else "scrapy is not installed: pip install scrapy",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The table, or one memory figure for `--memory N`; always 0."""
    args = list(sys.argv[1:] if argv is None else argv)
    if args[:1] == ["--memory"]:
        count = int(args[1])
        with Loopback(count, 50) as site, Store() as store:
            _once(site.seeds, store)
        sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")
        return 0
    quick = "--quick" in args
    for name, value in asdict(run(memory=not quick)).items():
        sys.stdout.write(f"{name:22} {value}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
