"""The verb `crawl`: into the store, what changed since the last time, exit codes."""

from __future__ import annotations

import collections
import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from evil_town import Town, answer, page

from pipeline.cli import main

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORDS = "This page tells about the {} of the product in enough words to be no empty frame at all."


class Sites:
    """A site and its documentation, changed from one crawl to the next."""

    def __init__(self) -> None:
        self.pages = {"/": "home", "/pricing": "prices", "/old": "past"}
        self.broken = False
        self.town = Town({"acme.evil": self.site, "docs.acme.evil": self.docs})

    def site(self, path: str, headers: dict[str, str]) -> bytes:
        if path == "/robots.txt":
            return answer("User-agent: *\nDisallow: /private\n", kind="text/plain")
        if path == "/bad" and self.broken:
            return answer("no", status="500 Internal Server Error")
        if path not in self.pages:
            return answer("no", status="404 Not Found")
        links = [*self.pages, "/private/x"] + (["/bad"] if self.broken else [])
        return answer(page(f"Acme {path}", links, WORDS.format(self.pages[path])))

    def docs(self, path: str, headers: dict[str, str]) -> bytes:
        if path != "/":
            return answer("no", status="404 Not Found")
        return answer(page("Acme docs", [], WORDS.format("manual")))


@pytest.fixture
def sites() -> Iterator[Sites]:
    made = Sites()
    yield made
    made.town.close()


@pytest.fixture
def config(sites: Sites, tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "c.yaml"
    hosts = json.dumps(sites.town.hosts())
    file.write_text(
        f"targets: [http://acme.evil/, landing.md]\ndocs: ['http://docs.acme.evil/']\n"
        f"store: {{url: {tmp_path}/deep/er/store.sqlite}}\n"
        f"fetch: {{hosts: {hosts}, polite: false, retry_pause_s: 0.0}}\ncrawl: {{threads: 4, parsers: 1, tries: 1}}\n",
        encoding="utf-8",
    )
    return file


def test_crawl_says_what_changed(sites: Sites, config: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert main(["crawl", "--config", str(config), "--json", str(out), "--html", str(tmp_path / "out.html")]) == 0
    first = json.loads(out.read_text())
    assert first["summary"] == {"sites": 2, "pages": 4, "new": 4, "changed": 0, "gone": 0, "unchanged": 0, "unread": 0}
    assert [s["site"] for s in first["sites"]] == ["acme.evil", "docs.acme.evil#docs"]
    assert first["sites"][0]["since"] is None
    assert first["sites"][0]["left_out"] == {"robots": 1}
    said = capsys.readouterr().out
    assert "acme.evil: 3 pages in" in said
    assert "  First crawl" in said
    assert "store.sqlite" in said
    assert "acme.evil" in (tmp_path / "out.html").read_text()

    sites.pages["/pricing"] = "new prices"
    sites.pages["/new"] = "future"
    del sites.pages["/old"]
    assert main(["crawl", "--config", str(config), "--json", str(out)]) == 0
    second = json.loads(out.read_text())["sites"][0]
    # The home page links to other pages now, so its bytes are others, too.
    assert second["changed"] == ["http://acme.evil/", "http://acme.evil/pricing"]
    assert second["new"] == ["http://acme.evil/new"]
    assert second["gone"] == ["http://acme.evil/old"]
    assert second["since"]
    said = capsys.readouterr().out
    assert "2 changed, 1 new, 1 gone" in said
    assert "  Gone: http://acme.evil/old" in said

    assert main(["crawl", "--config", str(config), "--json", str(out), "--quiet"]) == 0
    assert json.loads(out.read_text())["summary"]["unchanged"] == 4
    assert capsys.readouterr().out == ""


def test_an_unread_page_is_listed_and_ends_with_3(sites: Sites, config: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    sites.broken = True
    out = tmp_path / "out.json"
    assert main(["crawl", "http://acme.evil/", "--config", str(config), "--json", str(out)]) == 3
    document = json.loads(out.read_text())
    assert document["summary"]["sites"] == 1  # targets on the command line replace the configured ones
    assert [p["where"] for p in document["problems"] if p["kind"] == "http_status"] == ["http://acme.evil/bad"]
    assert "Not read: http://acme.evil/bad: the server answers 500" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["landing.md"], "is no URL"),
        (["--docs", "./docs"], "is no URL"),
        ([], "Nothing to crawl"),
    ],
)
def test_bad_usage_ends_with_2(args: list[str], said: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text(f"store: {{url: {tmp_path}/s.sqlite}}\n", encoding="utf-8")
    assert main(["crawl", *args, "--config", str(empty)]) == 2
    assert said in capsys.readouterr().err


def test_a_store_that_cannot_be_opened_is_said(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    for url, said in (("nosuch://x/y", "no database that is known"), (f"{tmp_path}/c.yaml/s.sqlite", "cannot be made")):
        (tmp_path / "c.yaml").write_text(f"store: {{url: '{url}'}}\n", encoding="utf-8")
        assert main(["crawl", "http://acme.evil/", "--config", str(tmp_path / "c.yaml")]) == 2
        assert said in capsys.readouterr().err


def test_a_stopped_crawl_keeps_what_it_read(tmp_path: pathlib.Path) -> None:
    def street(path: str, headers: dict[str, str]) -> bytes:
        if not path[3:].isdigit():
            return answer("no", status="404 Not Found")
        time.sleep(0.05)
        number = int(path[3:])
        return answer(page(f"Page {number}", [f"/p/{number + 1}"] if number < 60 else [], " ".join(f"word{number}of{n}" for n in range(40))))

    town = Town({"slow.evil": street})
    config = tmp_path / "c.yaml"
    config.write_text(
        f"targets: ['http://slow.evil/p/0']\nstore: {{url: {tmp_path}/s.sqlite}}\ncrawl: {{max_depth: 100, parsers: 1}}\n"
        f"fetch: {{hosts: {json.dumps(town.hosts())}, polite: false}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(ROOT / "run.py"), "crawl", "--config", str(config), "--json", str(tmp_path / "o.json")]
    try:
        # A shell without job control starts what runs behind it with SIGINT ignored, and children inherit that.
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        )
        while len(town.paths("slow.evil")) < 25:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "what was read is kept" in said
        before = len(town.paths("slow.evil"))
        assert before < 60
        assert main(["crawl", "--config", str(config), "--json", str(tmp_path / "o.json"), "--quiet"]) == 0
        document = json.loads((tmp_path / "o.json").read_text())
        assert document["summary"]["pages"] == 61, document["problems"]
        asked = collections.Counter(p for p in town.paths("slow.evil") if p[3:].isdigit())
        assert len(asked) == 61
        assert sum(n > 1 for n in asked.values()) <= 16  # what was under way and not yet written
    finally:
        town.close()
