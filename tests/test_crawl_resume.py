"""What must survive: kill -9 anywhere, two crawls at once, a stopped process that wakes up too late, changed pages."""

from __future__ import annotations

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from evil_town import Town, answer, page
from sqlalchemy import text

from pipeline.crawl import Crawled, CrawlSettings, crawl, crawl_documents
from pipeline.errors import UsageError
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.records import Problem
from pipeline.store import Batch, Fenced, Found, Held, Store, former_pages, open_frontier, prune
from pipeline.store.bodies import body_hash, read_body
from pipeline.store.holding import HostTurns, give_back, take
from pipeline.store.migrations import STEPS, migrate

NewStore = Callable[[], str]
PAGES = 60
# Figures of docs/crawling.md: SAYSDOES_KILLS=100 pytest tests/test_crawl_resume.py -k kill
KILLS = int(os.environ.get("SAYSDOES_KILLS", "3"))

SCRIPT = """
import json, sys
from pipeline.crawl import CrawlSettings, crawl
from pipeline.fetch import Fetcher, FetchSettings
from pipeline.store import Store
place, hosts, seed, wait = json.loads(sys.argv[1])
with Store(place) as store, Fetcher(FetchSettings(hosts=hosts, polite=False)) as fetcher:
    print("ready", flush=True)
    for found in crawl(CrawlSettings(seeds=(seed,), threads=4, parsers=1, wait_s=wait), fetcher, store):
        pass
    print("done", flush=True)
"""


class Site:
    """A site of PAGES pages whose texts can be changed; `pause` makes it slow enough to be interrupted."""

    def __init__(self, pause: float = 0.0) -> None:
        self.edition: dict[int, int] = {}
        self.dates: dict[int, str] = {}
        self.pause = pause
        self.town = Town({"site.evil": self.street})

    def street(self, path: str, headers: dict[str, str]) -> bytes:
        if path == "/robots.txt":
            return answer("User-agent: *\nDisallow: /private\n", kind="text/plain")
        if path == "/sitemap.xml":
            rows = "".join(
                f"<url><loc>http://site.evil/p/{n}</loc><lastmod>{self.dates.get(n, '2026-01-01')}</lastmod></url>"
                for n in range(PAGES)
            )
            return answer(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>', kind="text/xml")
        time.sleep(self.pause)
        number = 0 if path == "/" else int(path[3:]) if path[:3] == "/p/" and path[3:].isdigit() else PAGES
        if number >= PAGES:
            return answer("no", status="404 Not Found")
        edition = self.edition.get(number, 0)
        words = " ".join(f"{number}word{k}x{edition}" for k in range(40))
        tag = f'"{number}-{edition}"'
        if headers.get("if-none-match") == tag:
            return f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode()
        return answer(page(f"Page {number}", [f"/p/{(number + 1) % PAGES}", "/private/x"], words), ETag=tag)

    def fetched(self) -> Counter[str]:
        return Counter(p for p in self.town.paths("site.evil") if p.startswith("/p/"))


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.town.close()


def run(site: Site, store: Store, **changes: object) -> list[Crawled | Problem]:
    settings = CrawlSettings(seeds=("http://site.evil/p/0",), threads=4, parsers=1, **changes)  # type: ignore[arg-type]
    with Fetcher(FetchSettings(hosts=site.town.hosts(), polite=False)) as fetcher:
        return list(crawl(settings, fetcher, store))


def shown(found: list[Crawled | Problem]) -> list[tuple[str, ...]]:
    """Everything but times."""
    return [
        (f.fetched.url, f.title, body_hash(f.fetched.body), f.group, str(f.orphan)) if isinstance(f, Crawled)
        else (f.where, f.kind, f.message)
        for f in found
    ]  # fmt: skip


def start(site: Site, place: pathlib.Path | str, wait: float = 0.0) -> subprocess.Popen[str]:
    args = json.dumps([str(place), site.town.hosts(), "http://site.evil/p/0", wait])
    return subprocess.Popen([sys.executable, "-c", SCRIPT, args], stdout=subprocess.PIPE, text=True)


def test_kill_9_at_any_point_loses_and_doubles_nothing(new_store: NewStore, tmp_path: pathlib.Path) -> None:
    site = Site(pause=0.01)
    try:
        with Store(tmp_path / "whole.sqlite") as store:
            whole = shown(run(site, store))
        rng = random.Random(7)
        for _ in range(KILLS):
            place = new_store()
            process = start(site, place)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.9))
            process.send_signal(signal.SIGKILL)
            process.wait()
            with Store(place) as store:
                assert shown(run(site, store)) == whole
                with store.engine.connect() as db:
                    if db.dialect.name == "sqlite":
                        assert db.execute(text("PRAGMA integrity_check")).scalar() == "ok"
                    assert db.execute(text("SELECT COUNT(*) FROM crawls")).scalar() <= 2
                    doubles = db.execute(text("SELECT COUNT(*) FROM (SELECT url FROM frontier GROUP BY crawl_id, url HAVING COUNT(*) > 1) AS d"))
                    assert doubles.scalar() == 0
    finally:
        site.town.close()


def test_two_crawls_of_one_site_do_not_collide(new_store: NewStore) -> None:
    site = Site(pause=0.02)
    try:
        place = new_store()
        with Store(place) as store:
            first = start(site, place)
            assert first.stdout is not None
            first.stdout.readline()
            while not site.fetched():
                time.sleep(0.01)
            with pytest.raises(Held, match="is being crawled by process"):
                run(site, store)
            # One that may wait goes on when the first has ended, and finds everything unchanged.
            found = run(site, store, wait_s=30.0)
            assert first.wait() == 0
        assert len([f for f in found if isinstance(f, Crawled)]) == PAGES
        assert not any(f.changed for f in found if isinstance(f, Crawled))
        assert max(site.fetched().values()) <= 2
    finally:
        site.town.close()


def test_a_late_writer_is_refused(new_store: NewStore) -> None:
    with Store(new_store()) as store:
        old = take(store.engine, "site", lease_s=0.0)
        frontier = open_frontier(store.engine, old, "f", lease_s=0.0)
        new = take(store.engine, "site", lease_s=60.0)
        assert new.fence == old.fence + 1
        row = Found(url="u", wire="u", host="h", depth=0, priority=0.0, origin="seed", template="/")
        with pytest.raises(Fenced):
            frontier.write(Batch(found=[row]))
        with pytest.raises(Fenced):
            frontier.claim(1, 1)
        give_back(store.engine, old)  # not its own any more: changes nothing
        with pytest.raises(Held):
            take(store.engine, "site", lease_s=1.0)


def test_a_dead_holder_on_this_machine_is_succeeded_at_once(new_store: NewStore) -> None:
    code = "import sys, os; from pipeline.store import Store; from pipeline.store.holding import take\n"
    code += "take(Store(sys.argv[1]).engine, 'site', lease_s=3600); os._exit(9)"
    place = new_store()
    subprocess.run([sys.executable, "-c", code, str(place)], check=False)
    with Store(place) as store:
        assert take(store.engine, "site", lease_s=1.0).fence == 2


def test_hosts_are_shared_between_processes(new_store: NewStore) -> None:
    with Store(new_store()) as store:
        one, other = HostTurns(store.engine), HostTurns(store.engine)
        assert one.claim("h", 10.0) == 0.0
        assert other.claim("h", 10.0) > 0
        one.release("h", 0.2)
        assert 0 < other.claim("h", 10.0) <= 0.2
        time.sleep(0.25)
        assert other.claim("h", 10.0) == 0.0


def test_a_second_crawl_asks_for_what_has_changed(site: Site, new_store: NewStore) -> None:
    with Store(new_store()) as store:
        first = run(site, store)
        assert len([f for f in first if isinstance(f, Crawled)]) == PAGES
        site.town.log.clear()
        site.edition[5], site.dates[5] = 1, "2026-02-02"
        second = run(site, store, sample_share=0.0)
        changed = [f.fetched.url for f in second if isinstance(f, Crawled) and f.changed]
        assert changed == ["http://site.evil/p/5"]
        assert set(site.fetched()) == {"/p/5"}
        assert [f.fetched.url for f in second if isinstance(f, Crawled)] == [f.fetched.url for f in first if isinstance(f, Crawled)]
        # Conditional requests alone find it too.
        site.town.log.clear()
        site.edition[9] = 1
        third = run(site, store, trust_lastmod=False)
        assert [f.fetched.url for f in third if isinstance(f, Crawled) and f.changed] == ["http://site.evil/p/9"]
        assert sum(site.fetched().values()) == PAGES


def test_lying_sitemap_dates_are_found_out(site: Site, new_store: NewStore) -> None:
    with Store(new_store()) as store:
        run(site, store)
        for number in range(PAGES):
            site.edition[number] = 1  # all pages change, no date does
        found = run(site, store, sample_share=0.1)
    assert sum(f.changed for f in found if isinstance(f, Crawled)) == PAGES


def test_a_page_that_is_gone_is_said_to_be_gone(site: Site) -> None:
    with Store() as store:
        run(site, store, use_sitemaps=False)
        street = site.town.streets["site.evil"]
        site.town.streets["site.evil"] = lambda p, h: answer("no", status="404 Not Found") if p == "/p/7" else street(p, h)
        found = run(site, store, use_sitemaps=False)
    kinds = {f.where: f.kind for f in found if isinstance(f, Problem)}
    assert kinds["http://site.evil/p/7"] in {"not_found", "gone"}


def test_postgresql_gives_the_same(site: Site, postgresql: NewStore) -> None:
    with Store() as store, Store(postgresql()) as postgres:
        assert shown(run(site, postgres)) == shown(run(site, store))
        site.edition[5], site.dates[5] = 1, "2026-02-02"
        found = run(site, postgres, sample_share=0.0)
        assert [f.fetched.url for f in found if isinstance(f, Crawled) and f.changed] == ["http://site.evil/p/5"]


def test_bodies_are_kept_once_and_whole(site: Site, new_store: NewStore) -> None:
    with Store(new_store()) as store:
        found = run(site, store)
        run(site, store, trust_lastmod=False)
        with store.engine.connect() as db:
            count, size = db.execute(text("SELECT COUNT(*), SUM(size) FROM bodies")).one()
            packed = db.execute(text("SELECT SUM(LENGTH(data)) FROM bodies")).scalar()
        assert count == PAGES
        assert packed < size
        body = next(f.fetched.body for f in found if isinstance(f, Crawled))
        assert read_body(store.engine, body_hash(body)) == body
        with pytest.raises(KeyError):
            read_body(store.engine, "sha256:no")


def test_old_crawls_are_forgotten_and_pages_stay(site: Site, new_store: NewStore) -> None:
    settings = CrawlSettings(seeds=("http://site.evil/p/0",), threads=4, parsers=1)
    with Store(new_store()) as store:
        assert former_pages(store.engine, "site.evil", settings.fingerprint) == ("", frozenset())
        for edition in (0, 1, 2):
            site.edition[3] = edition
            site.dates[3] = f"2026-02-0{edition + 1}"
            run(site, store)
        when, pages = former_pages(store.engine, "site.evil", settings.fingerprint)
        assert when.endswith("Z")
        assert len(pages) == PAGES
        assert former_pages(store.engine, "site.evil", "other")[1] == frozenset()
        assert prune(store.engine, keep_crawls=1) == 2  # the two former bodies of page 3
        with store.engine.connect() as db:
            assert db.execute(text("SELECT COUNT(*) FROM crawls")).scalar() == 1
            assert db.execute(text("SELECT COUNT(*) FROM bodies")).scalar() == PAGES
        assert former_pages(store.engine, "site.evil", settings.fingerprint) == (when, pages)


def test_budget_is_said_and_progress_is_told(site: Site) -> None:
    told: list[object] = []
    settings = CrawlSettings(seeds=("http://site.evil/p/0",), max_pages=10, threads=2, parsers=1)
    with Store() as store, Fetcher(FetchSettings(hosts=site.town.hosts(), polite=False)) as fetcher:
        found = list(crawl(settings, fetcher, store, on_progress=told.append))
    assert len([f for f in found if isinstance(f, Crawled)]) == 10
    assert Counter(f.kind for f in found if isinstance(f, Problem))["budget"] >= PAGES - 10
    assert told


def test_documentation_reads_the_newest_version_once() -> None:
    def street(path: str, headers: dict[str, str]) -> bytes:
        where = path.partition("?")[0]
        if where == "/docs/":
            links = [f"/docs/{v}/{p}" for v in ("1.9", "1.10", "next", "2.0-rc1") for p in ("intro", "setup")]
            return answer(page("Docs", [*links, "/docs/1.10/intro/print", "/docs/1.10/intro?action=edit", "/pricing"]))
        if where.startswith("/docs/"):
            return answer(page(f"Doc {where}", [], f"What {where} is about, in {' '.join(where.split('/'))} and more words."))
        return answer("no", status="404 Not Found")

    town = Town({"docs.evil": street})
    try:
        with Store() as store, Fetcher(FetchSettings(hosts=town.hosts(), polite=False)) as fetcher:
            found = list(crawl_documents(["http://docs.evil/docs/"], fetcher, store))
    finally:
        town.close()
    pages = {f.fetched.url for f in found if isinstance(f, Crawled)}
    assert pages == {f"http://docs.evil/docs/{p}" for p in ("", "1.10/intro", "1.10/setup")}
    older = [f for f in found if isinstance(f, Problem) and f.kind == "older_version"]
    assert len(older) == 6
    assert "'1.10' is read" in older[0].message
    assert "/pricing" not in town.paths("docs.evil")


def test_migrations_are_recorded_and_a_newer_store_is_refused(new_store: NewStore) -> None:
    with Store(new_store()) as store:
        assert migrate(store.engine) == []
        with store.engine.begin() as db:
            names = [row[0] for row in db.execute(text("SELECT name FROM migrations ORDER BY name"))]
            db.execute(text("INSERT INTO migrations VALUES ('m999_future', 'x')"))
        assert names == sorted(step.__name__ for step in STEPS)
        with pytest.raises(UsageError, match="newer release"):
            migrate(store.engine)


def test_many_writers_never_meet_a_locked_database(new_store: NewStore) -> None:
    errors: list[BaseException] = []
    place = new_store()
    with Store(place) as store:

        def write(number: int) -> None:
            try:
                with Store(place) as own:
                    hold = take(own.engine, f"site{number}", lease_s=60.0)
                    frontier = open_frontier(own.engine, hold, "f", lease_s=60.0)
                    for k in range(40):
                        row = Found(url=f"u{k}", wire="u", host="h", depth=0, priority=0.0, origin="seed", template="/")
                        frontier.write(Batch(found=[row]))
                        frontier.claim(1, 1)
            except Exception as err:  # noqa: BLE001
                errors.append(err)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.engine.connect() as db:
            assert db.execute(text("SELECT COUNT(*) FROM frontier")).scalar() == 240
    assert errors == []
