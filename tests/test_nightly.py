"""Whole nights with a stand-in for the judge: only what changed is audited, a killed night goes on, two at once do not collide, news is told once."""

from __future__ import annotations

import argparse
import email
import http.server
import json
import os
import pathlib
import random
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy
from conftest import WordEncoder

from pipeline.bench.served import Served
from pipeline.bench.standin import open_standin
from pipeline.config import Config, Route, load_config
from pipeline.doors.nightly import _After
from pipeline.ledger import open_ledger
from pipeline.nightly import Night, Options, run_night
from pipeline.nightly.figures import JsonLog, prometheus
from pipeline.nightly.letters import fenced, letter_for
from pipeline.nightly.news import News, news_of, quotes_in, trend_of
from pipeline.nightly.post import tell
from pipeline.nightly.upkeep import keep_house
from pipeline.store import Store
from pipeline.store.decisions import Alerts
from pipeline.store.retention import backup, health, prune_runs, restore, vacuum
from pipeline.store.runs import RunStore

ROOT = pathlib.Path(__file__).resolve().parent.parent
TODAY = __import__("datetime").date(2027, 1, 15)
PAGES = 12
KILLS = int(os.environ.get("SAYSDOES_KILLS", "2"))


class Town:
    """A folder with a site of PAGES pages and two documents."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.site, self.docs = folder, folder / "site", folder / "docs"
        self.site.mkdir()
        self.docs.mkdir()
        (self.docs / "seats.md").write_text("# Seats\n\nThe Team plan holds up to 15 seats for every workspace.\n")
        (self.docs / "export.md").write_text("# Export\n\nReports export as CSV files every single night.\n")
        for number in range(PAGES):
            self.write(number)

    def write(self, number: int, more: str = "", seats: str = "Up to 15 seats on the Team plan") -> None:
        (self.site / f"p{number:02d}.html").write_text(
            f"<html><head><title>Page {number} | Acme</title></head><body><main><h1>Page {number}</h1>"
            f"<p>{seats} for workspace {number}.</p><p>Reports export as CSV files, says page {number}.</p>{more}</main></body></html>"
        )

    def config(self, **more: object) -> Config:
        base = {"product": "Acme", "targets": [str(self.site)], "docs": [str(self.docs)], "cache": ""}
        return load_config(None).model_copy(update={**base, **more})


@pytest.fixture
def town(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    return Town(tmp_path)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        yield opened


def night(config: Config, store: Store, **options: object) -> Night:
    return run_night(config, store, Options(opener=open_standin, **options))  # type: ignore[arg-type]


def news(config: Config, store: Store, found: Night) -> News:
    assert found.run is not None
    still = quotes_in(found.documents) if found.docs_changed else (lambda _: True)
    return news_of(RunStore(store), found.run, open_ledger(config, store, "Acme"), today=TODAY, still_said=still)


def exported(store: Store) -> str:
    runs = RunStore(store)
    last = runs.latest("Acme")
    assert last is not None
    return json.dumps(runs.audit_of(last.id), sort_keys=True)


def test_only_what_changed_is_audited(town: Town, store: Store) -> None:
    config = town.config()
    counts = []

    def go() -> Night:
        found = night(config, store)
        counts.append((found.audited, found.kept))
        return found

    go()
    go()
    town.write(3, seats="Up to 25 seats")
    go()
    page = town.site / "p04.html"
    page.write_text(page.read_text().replace("<main>", "<main data-nonce='99'>"))
    go()
    (town.docs / "export.md").write_text("# Export\n\nReports export as PDF files every single night.\n")
    changed = go()
    assert counts[:4] == [(PAGES, 0), (0, PAGES), (1, PAGES - 1), (0, PAGES)]
    assert changed.run is not None and changed.run.changed == ("docs",) and changed.audited > 0
    (town.site / "p05.html").unlink()
    gone = go()
    assert gone.run is not None and (gone.audited, gone.kept) == (0, PAGES - 1) and gone.run.summary["pages"] == PAGES - 1
    marked = night(config.model_copy(update={"plans": ["team", "business"]}), store)
    assert marked.run is not None and marked.audited == PAGES - 1 and "config" in marked.run.changed
    trend = trend_of(RunStore(store).runs("Acme"))
    assert len(trend) == 7 and [p.instrument for p in trend] == [False] * 6 + [True]


def test_a_night_taken_over_equals_one_audited_anew(town: Town, tmp_path: pathlib.Path) -> None:
    with Store(tmp_path / "a.sqlite") as first, Store(tmp_path / "b.sqlite") as second:
        night(town.config(), first)
        town.write(3, seats="Up to 25 seats")
        night(town.config(), first)
        night(town.config(), second)
        one, other = json.loads(exported(first)), json.loads(exported(second))
        assert one == other


def test_a_new_document_is_held_against_the_claims_that_it_reaches(town: Town, store: Store, tmp_path: pathlib.Path) -> None:
    for number in range(PAGES):
        town.write(number, seats=f"Up to 15 seats on the Team plan for every workspace, edition {number}, says Acme")
    night(town.config(), store)
    (town.docs / "limits.md").write_text("# Limits\n\nUp to 9 seats on the Team plan for every workspace, whatever Acme says.\n")
    found = night(town.config(), store)
    assert found.run is not None and found.run.changed == ("docs",) and found.audited > 0
    with Store(tmp_path / "anew.sqlite") as anew:
        night(town.config(), anew)
        assert exported(anew) == exported(store)


def test_out_of_time_ends_cleanly_and_goes_on(town: Town, store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSDOES_STANDIN_MS", "20")
    monkeypatch.setenv("SAYSDOES_STANDIN_LOG", str(tmp_path / "log"))
    stopped = 0
    while True:
        # Each call audits at least one page before it looks at the clock.
        found = night(town.config(), store, deadline=time.monotonic())
        if not found.stopped:
            break
        stopped += 1
        assert stopped <= PAGES
        assert found.run is None
    monkeypatch.delenv("SAYSDOES_STANDIN_LOG")
    log = Counter((tmp_path / "log").read_text().split())
    assert len(log) == PAGES and set(log.values()) == {1}
    assert RunStore(store).latest("Acme") is not None


CHILD = """
import sys, pathlib
from pipeline.bench.standin import open_standin
from pipeline.config import load_config
from pipeline.nightly import Options, run_night
from pipeline.store import Store
folder, place, product = sys.argv[1:]
config = load_config(None).model_copy(update={"product": product, "targets": [folder + "/site"], "docs": [folder + "/docs"], "cache": ""})
with Store(place) as store:
    print("ready", flush=True)
    found = run_night(config, store, Options(opener=open_standin))
    print("done", found.audited, flush=True)
"""


def start(town: Town, place: str, product: str = "Acme", **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(town.folder), place, product], stdout=subprocess.PIPE, text=True, env=env)


def test_kill_9_at_any_point_loses_and_doubles_nothing(town: Town, tmp_path: pathlib.Path) -> None:
    with Store(tmp_path / "whole.sqlite") as whole:
        night(town.config(), whole)
        wanted = exported(whole)
    rng = random.Random(5)
    for number in range(KILLS):
        place, log = tmp_path / f"killed-{number}.sqlite", tmp_path / f"log-{number}"
        process = start(town, str(place), SAYSDOES_STANDIN_MS="30", SAYSDOES_STANDIN_LOG=str(log))
        assert process.stdout is not None
        process.stdout.readline()
        # Some kills fall before the first page, some among the pages, some after the last.
        upto = rng.randrange(0, PAGES + 1)
        while process.poll() is None and (len(log.read_text().split()) if log.exists() else 0) < upto:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = Counter(log.read_text().split()) if log.exists() else Counter()
        with Store(place) as store:
            saved = {s for run in RunStore(store).runs("Acme", status=None) for s in RunStore(store).pages_of(run.id)}
            night(town.config(), store)
            assert exported(store) == wanted
            assert len(RunStore(store).pages_of(RunStore(store).latest("Acme").id)) == PAGES  # type: ignore[union-attr]
            assert health(store.engine).ok
        assert max(before.values(), default=1) == 1 and len(set(before) - saved) <= 1, "at most the page under way is lost"


def test_what_goes_from_the_site_while_a_night_rests_is_not_in_it(town: Town, store: Store) -> None:
    assert night(town.config(), store, deadline=time.monotonic()).stopped
    first = "p00.html"
    (run,) = RunStore(store).runs("Acme", status="stopped")
    assert set(RunStore(store).drafts(run.id)) == {first}
    (town.site / first).unlink()
    found = night(town.config(), store)
    assert found.run is not None and found.run.id == run.id and found.audited == PAGES - 1
    assert first not in RunStore(store).pages_of(run.id)


def test_a_night_over_http_reads_again_only_what_the_server_says_is_new(town: Town, store: Store) -> None:
    with Served(town.site) as served:
        sources = [served.start.replace("p00000", f"p{n:02d}") for n in range(PAGES)]
        config = town.config(targets=[sources[0]], fetch=served.fetch, crawl={"parse_seconds": 120.0})
        first = night(config, store)
        assert first.run is not None and (first.audited, first.kept) == (PAGES, 0), first.problems
        assert sorted(RunStore(store).pages_of(first.run.id)) == sources
        quiet = night(config, store)
        assert (quiet.audited, quiet.kept) == (0, PAGES) and exported(store) == json.dumps(RunStore(store).audit_of(first.run.id), sort_keys=True)
        town.write(3, seats="Up to 25 seats")
        page = town.site / "p04.html"
        page.write_text(page.read_text().replace("<main>", "<main data-nonce='99'>"))
        (town.site / "p05.html").unlink()
        found = night(config, store)
        assert found.run is not None and (found.audited, found.kept) == (1, PAGES - 2), found.problems
        told = news(config, store, found)
        assert [(f.kind, f.shown.pages) for f in told.told] == [("worsened", (sources[3],))]
        keep_house(store, config)
        with Store() as whole:
            night(config, whole)
            # Only who has seen a page before knows that it has gone.
            assert json.loads(exported(whole))["pages"] == json.loads(exported(store))["pages"]


class Killed:
    """Nights run in a child that kills itself with -9 at its n-th commit: before n the store has every state that a kill can leave."""

    def __init__(self, town: Town, folder: pathlib.Path, new_store: Callable[[], str]) -> None:
        self.town, self.folder, self.new_store = town, folder, new_store

    def nights(self) -> None:
        """What happens on the site from one night to the next; called before the night under test."""
        self.town.write(3, seats="Up to 25 seats")
        self.town.write(4, more="<p>Every plan has unlimited seats for 90 workspaces.</p>")
        (self.town.site / "p05.html").unlink(missing_ok=True)
        (self.town.docs / "export.md").write_text("# Export\n\nReports export as PDF files every single night.\n")

    def undo(self) -> None:
        for number in range(PAGES):
            self.town.write(number)
        (self.town.docs / "export.md").write_text("# Export\n\nReports export as CSV files every single night.\n")

    def one(self, place: str, out: pathlib.Path, kill_at: int = 0) -> int:
        """One night with all that follows it, in a child; gives its number of commits, or -1 when it was killed."""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(write, b"%d" % self._night(place, out, kill_at))
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        said = os.read(read, 20)
        os.close(read)
        return int(said) if said else -1

    def _night(self, place: str, out: pathlib.Path, kill_at: int) -> int:
        commits = 0

        def count(_: object) -> None:
            nonlocal commits
            commits += 1
            if commits == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        config = self.town.config()
        args = argparse.Namespace(html=None, json=out, fail_on=None)
        with Store(place) as store:
            sqlalchemy.event.listen(store.engine, "commit", count)
            run_night(config, store, Options(opener=open_standin), _After(args, config, store, JsonLog("", "Acme")))
        return commits

    def state(self, place: str, out: pathlib.Path) -> dict[str, object]:
        """All that anybody can see of the product; numbers of runs count from the first finished one."""
        with Store(place) as store:
            runs = RunStore(store)
            done = list(reversed(runs.runs("Acme")))
            number = {r.id: n for n, r in enumerate(done)}
            claims = [(c.text, c.source, c.verdict, number[c.first_seen], number[c.run_from]) for c in runs.search_claims("Acme", limit=None)]
            spans = [
                (v.source, number[v.run_from], None if v.run_to is None else number[v.run_to], v.notes)
                for n in range(PAGES) for v in runs.page_history("Acme", f"p{n:02d}.html")
            ]  # fmt: skip
            assert len({source for source, *_ in spans}) == PAGES
            assert health(store.engine).ok
            return {
                "audits": [runs.audit_of(r.id) for r in done], "summaries": [r.summary for r in done], "changed": [r.changed for r in done],
                "claims": sorted(claims), "spans": spans, "written": json.loads(out.read_text()), "drafts": [runs.drafts(r.id) for r in done],
            }  # fmt: skip


@pytest.mark.parametrize("second", [False, True], ids=["first night", "second night"])
def test_kill_9_at_every_commit_ends_as_if_nothing_had_happened(
    town: Town, tmp_path: pathlib.Path, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch, second: bool
) -> None:
    monkeypatch.setattr("pipeline.embed.open_encoder", lambda *_: WordEncoder())
    killed = Killed(town, tmp_path, new_store)

    def prepared(name: str) -> tuple[str, pathlib.Path]:
        killed.undo()
        place, out = new_store(), tmp_path / f"{name}.json"
        Store(place).close()
        if second:
            assert killed.one(place, out) > 0
            killed.nights()
        return place, out

    place, out = prepared("whole")
    commits = killed.one(place, out)
    wanted = killed.state(place, out)
    assert commits > (5 if second else PAGES)
    different = []
    for point in range(1, commits + 1):
        place, out = prepared(f"{point}")
        assert killed.one(place, out, point) == -1
        out.unlink(missing_ok=True)
        assert killed.one(place, out) > 0
        found = killed.state(place, out)
        if found != wanted:
            different.append((point, [name for name in wanted if found[name] != wanted[name]]))
    assert not different, f"of {commits} commits"


def test_two_of_one_product_and_one_of_another_at_once(town: Town, tmp_path: pathlib.Path, new_store: Callable[[], str]) -> None:
    place, log = new_store(), tmp_path / "log"
    Store(place).close()
    environment = {"SAYSDOES_STANDIN_MS": "5", "SAYSDOES_STANDIN_LOG": str(log)}
    running = [start(town, place, product, **environment) for product in ("Acme", "Acme", "Bolt")]
    outputs = [p.communicate(timeout=300)[0] for p in running]
    assert [p.returncode for p in running] == [0, 0, 0], outputs
    assert sorted(int(o.split()[-1]) for o in outputs) == [0, PAGES, PAGES]
    assert set(Counter(log.read_text().split()).values()) == {2}, "once for each product"


def test_workers_and_order_change_nothing(town: Town, tmp_path: pathlib.Path) -> None:
    found = []
    for workers in (1, 2):
        config = town.config()
        config = config.model_copy(update={"nightly": config.nightly.model_copy(update={"workers": workers})})
        if workers == 2:
            for number in reversed(range(PAGES)):
                town.write(number)  # the same bytes, other times and order on the disk
        with Store(tmp_path / f"{workers}.sqlite") as store:
            night(config, store)
            found.append(exported(store))
    assert found[0] == found[1]


def test_ray_gives_the_same(town: Town, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    if not os.environ.get("SAYSDOES_RAY"):
        pytest.skip("starts a Ray of its own, which takes half a minute: set SAYSDOES_RAY=1")
    found = []
    for engine in ("local", "ray"):
        config = town.config()
        config = config.model_copy(update={"nightly": config.nightly.model_copy(update={"engine": engine, "workers": 2})})
        with Store(tmp_path / f"{engine}.sqlite") as store:
            night(config, store)
            found.append(exported(store))
    assert found[0] == found[1]


class Mailbox:
    """A webhook and a mail server on loopback that keep what they are sent."""

    def __init__(self) -> None:
        self.posts: list[dict] = []
        self.mails: list[bytes] = []
        outer = self

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Mail(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    word = line[:4].upper()
                    if word == b"DATA":
                        self.wfile.write(b"354 go\r\n")
                        kept = b""
                        while (line := self.rfile.readline()) != b".\r\n":
                            kept += line
                        outer.mails.append(kept)
                    self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                    if word == b"QUIT":
                        return

        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook), socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.hook, self.mail = (f"127.0.0.1:{s.server_address[1]}" for s in self.servers)

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()


def test_news_is_told_once_to_its_owner_and_nothing_can_be_smuggled_in(town: Town, store: Store) -> None:
    pytest.importorskip("apprise", reason="needs the extra `notify`")
    evil = "Up to 99 seats for workspace &lt;!channel&gt; 3 &lt;b&gt;x&lt;/b&gt; @everyone\u2028Bcc: victim@evil.example\r\nSubject: owned."
    box = Mailbox()
    try:
        mine, other = f"json://{box.hook}/", f"mailto://{box.mail}?from=saysdoes@acme.example&to=jo@acme.example"
        routes = [Route(to=mine, sections=["/p03"]), Route(to=other), Route(to=mine, sections=["/nowhere"])]
        config = town.config()
        first = news(config, store, night(config, store))
        assert first.told == () and all(letter_for(r, first, ()) is None for r in routes)
        town.write(3, seats=evil.replace("\r\n", " "))
        town.write(4, seats="Up to 25 seats")
        found = news(config, store, night(config, store))
        assert sorted(f.shown.text[:14] for f in found.told) == ["Up to 25 seats", "Up to 99 seats"]
        assert tell(routes, found, (), Alerts(store)) == ([("route 1", 1), ("route 2", 2)], [])
        assert tell(routes, found, (), Alerts(store)) == ([], []), "told once"
        assert len(box.posts) == 1 and len(box.mails) == 1
        text = box.posts[0]["message"]
        assert "99 seats" in text and "25 seats" not in text and "<" not in text and "@" not in text
        mail = email.message_from_bytes(box.mails[0])
        assert mail["Bcc"] is None and len(mail.get_all("Subject")) == 1 and "Acme: 2 things to look at" in str(mail["Subject"])
        body = b"".join(p.get_payload(decode=True) for p in mail.walk() if not p.is_multipart()).decode()
        assert "<b>x" not in body and "99 seats" in body and "Was:" in body and "15 seats" in body
        quiet = news(config, store, night(config, store))
        assert quiet.told == () and tell(routes, quiet, (), Alerts(store)) == ([], [])
        assert len(box.posts) == 1 and len(box.mails) == 1
    finally:
        box.close()


def test_waived_findings_are_no_news_and_do_not_fail(town: Town, store: Store) -> None:
    config = town.config()
    first = news(config, store, night(config, store))
    assert first.open
    ledger = open_ledger(config, store, "Acme")
    for statement in first.open:
        ledger.waive(statement.fingerprint, owner="jo", reason="r", expires="2027-01-20", by="jo")
    again = night(config, store)
    assert news(config, store, again).open == ()
    later = news_of(RunStore(store), again.run, ledger, today=TODAY.replace(day=21))  # type: ignore[arg-type]
    assert len(later.reopened) == len(first.open) == len(later.open)


def test_letters_and_figures_stay_in_their_lines() -> None:
    assert fenced("a\r\nBcc: x\x1b[31m\u2028<b>`*_[x](y)@here") == "a Bcc: x (31m ‹b›'∗‗(x)(y)＠here"
    assert len(fenced("x" * 999)) == 300
    text = prometheus('A"c\nme\\', {"pages": 3, "proof_rate": None, "findings_new": 0})
    assert 'saysdoes_pages{product="A\\"c\\nme\\\\"} 3\n' in text and "proof_rate" not in text
    assert all(re.fullmatch(r'(# .*|saysdoes_\w+\{product="[^\n]*"\} [\d.]+)', line) for line in text.splitlines())


def test_the_log_is_one_object_a_line(tmp_path: pathlib.Path) -> None:
    log = JsonLog(str(tmp_path / "log"), "Ac\nme")
    log("begun", run=1, where="x\ny")
    log("ended", exit_code=0)
    rows = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [r["event"] for r in rows] == ["begun", "ended"] and rows[0]["where"] == "x\ny" and rows[0]["product"] == "Ac\nme"


def test_backup_restore_and_retention(town: Town, tmp_path: pathlib.Path, new_store: Callable[[], str]) -> None:
    config = town.config()
    store, there = Store(new_store()), new_store()
    for number in range(4):
        town.write(0, seats=f"Up to {number + 20} seats")
        night(config, store)
    runs = RunStore(store)
    assert [v.run_to for v in runs.page_history("Acme", "p00.html")] == [1, 2, 3, None]
    wanted = {r.id: runs.audit_of(r.id) for r in runs.runs("Acme")}
    counts = backup(store.engine, tmp_path / "all.backup")
    with Store(there) as other:
        assert restore(other.engine, tmp_path / "all.backup") == counts
        assert {r.id: RunStore(other).audit_of(r.id) for r in RunStore(other).runs("Acme")} == wanted
        with pytest.raises(Exception, match="not empty"):
            restore(other.engine, tmp_path / "all.backup")
    data = (tmp_path / "all.backup").read_bytes()
    (tmp_path / "cut.backup").write_bytes(data[: len(data) // 2])
    with Store(tmp_path / "third.sqlite") as third:
        with pytest.raises(Exception, match=r"damaged|cannot be read|is no backup"):
            restore(third.engine, tmp_path / "cut.backup")
        assert RunStore(third).products() == []
    assert prune_runs(store.engine, "Acme", keep=2) == 2
    vacuum(store.engine)
    assert {r.id: runs.audit_of(r.id) for r in runs.runs("Acme")} == dict(sorted(wanted.items())[-2:]) and health(store.engine).ok
    store.close()
