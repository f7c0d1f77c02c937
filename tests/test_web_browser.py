"""The web app in a browser, as its users have it: first visit to finished audit, writing desk, sign-in, history, at desktop and phone width."""

from __future__ import annotations

import pathlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from sample_audit import hostile, sample
from web_house import FAKE_WORKER, KEY, PASSWORD, Town, config

from pipeline.report import audit_document, page_part
from pipeline.store import Store
from pipeline.store import accounts as passwords
from pipeline.store.jobs import Jobs
from pipeline.web.app import create_app
from pipeline.web.foreman import Foreman
from pipeline.web.guard import House

CHROMIUM = pathlib.Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync"]  # fmt: skip
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM} (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as opened:
        made = opened.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield made
        made.close()


class Served(Town):
    """A house that is served on a free port."""

    base = ""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    settings = config(requests_per_minute=0, audits_per_hour=0, desk_per_minute=0, sign_ins_per_minute=0, queue=99, queue_own=99)
    before, passwords._N = passwords._N, 2**10
    with socket.socket() as listener, Store(str(folder / "store.sqlite")) as store:
        listener.bind(("127.0.0.1", 0))
        foreman = Foreman(settings, str(folder / "store.sqlite"), Jobs(store.engine), FAKE_WORKER)
        home = House(settings, store, foreman, KEY)
        app = create_app(home)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        made = Served.__new__(Served)
        made.home, made.app, made.base = home, app, f"http://127.0.0.1:{listener.getsockname()[1]}"
        made.account("rita", "reviewer", ("Acme",))
        nights(made)
        yield made
        server.should_exit = True
        thread.join(timeout=20)
    passwords._N = before


def nights(place: Served) -> None:
    """Two nightly runs: the second lacks a page, so that there is something to compare."""
    audit = sample()
    whole = audit_document(audit) | {"product": "Acme", "pages": [page_part(p) for p in audit.pages]}
    place.home.runs.save_audit(whole, kind="nightly", product="Acme")
    place.home.runs.save_audit(whole | {"pages": whole["pages"][1:]}, kind="nightly", product="Acme")


@pytest.fixture(params=list(WIDTHS))
def page(browser: Any, place: Served, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of somebody who has signed in; anything that a script says on the console fails the test."""
    width, height = WIDTHS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=place.base)
    context.set_default_timeout(PATIENCE_MS)
    made = context.new_page()
    said: list[str] = []
    made.on("console", lambda m: said.append(m.text) if m.type in {"error", "warning"} and not re.search("40[19]|422", m.text) else None)
    made.on("pageerror", lambda e: said.append(str(e)))
    made.on("dialog", lambda d: (said.append(f"dialog {d.message}"), d.dismiss()))
    made.goto("/")
    made.get_by_label("Name").fill("rita")
    made.get_by_label("Password").fill(PASSWORD)
    made.get_by_role("button", name="Sign in").click()
    made.get_by_role("heading", level=1, name="Does your copy").wait_for()
    yield made
    fits(made)
    context.close()
    assert said == []


def fits(page: Any) -> None:
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} is wider than the screen"


def test_first_visit_to_finished_audit(page: Any) -> None:
    page.get_by_label("Pasted copy").fill("# Plans\n\nSLOW enough to be watched: every plan has single sign-on.")
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("heading", name="Checking claims").wait_for()
    page.get_by_text(" of 200").wait_for()
    fits(page)
    page.get_by_role("heading", name="Fix these").wait_for()
    first = page.locator("article.finding").first
    assert first.get_by_role("heading", name="The page says").is_visible() and first.get_by_role("heading", name="The docs say").is_visible()
    fits(page)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as got:
        page.get_by_role("link", name="CSV").click()
    assert got.value.suggested_filename == "plans.csv"
    page.locator("article.finding").first.get_by_role("link", name="see it in place").click()
    assert "#p" in page.url
    page.get_by_role("link", name="Audits").first.click()
    assert page.get_by_role("link", name="Plans").first.is_visible()


def test_an_audit_can_be_cancelled_and_a_failure_is_told(page: Any) -> None:
    page.get_by_label("Pasted copy").fill("SLOW and unwanted.")
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("heading", name="Cancelled").wait_for()
    page.goto("/")
    page.get_by_label("A file").set_input_files({"name": "notes.md", "mimeType": "text/markdown", "buffer": b"FAIL please"})
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("alert").get_by_text("This fails on purpose").wait_for()


def test_the_desk_shows_verdicts_beneath_sentences_as_they_change(page: Any) -> None:
    page.goto("/desk")
    text = page.get_by_label("Your text")
    text.press_sequentially("First line.")
    row = page.locator("#rows li")
    row.get_by_text("First line.").wait_for()
    text.fill("<img src=x onerror=alert(1)>")
    row.get_by_text("<img src=x onerror=alert(1)>").wait_for()
    assert row.count() == 1 and page.locator("#rows img").count() == 0
    text.fill("")
    page.get_by_text("Your sentences will stand here").wait_for()


def test_history_comparison_page_history_and_search(page: Any) -> None:
    page.get_by_role("link", name="History").click()
    page.get_by_role("heading", name="History of Acme").wait_for()
    fits(page)
    page.get_by_role("link", name="what changed").first.click()
    page.get_by_role("heading", name="Gone").wait_for()
    fits(page)
    page.goto("/history")
    page.locator("ul.rows .what a").first.click()
    page.get_by_text("Pages over time").click()
    fits(page)
    page.locator("a[href^='/history/page']").first.click()
    page.get_by_text("as it is now").wait_for()
    page.get_by_role("link", name="Claims").click()
    page.get_by_label("Words").fill("plan")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("claims found").wait_for()
    assert "plan" in page.locator("ul.claims li").first.inner_text().lower()


def test_a_finding_is_waived_and_reopened(page: Any, place: Served) -> None:
    ident = place.done(owner="rita", title="To be waived")
    page.goto(f"/audits/{ident}")
    page.locator("#f1").get_by_role("link", name="Accept or waive").click()
    page.locator("#owner").fill("Rita")
    page.locator("#expires").fill("2099-01-31")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("reason").wait_for()
    page.locator("#reason").fill("Agreed with legal.")
    fits(page)
    page.get_by_role("button", name="Save").click()
    page.locator("#f1").get_by_text("Waived until 2099-01-31").wait_for()
    fits(page)
    page.get_by_role("link", name="Ledger").click()
    page.get_by_text("Agreed with legal.").wait_for()
    fits(page)
    page.get_by_role("button", name="Reopen").click()
    page.locator(".chip", has_text="Open").wait_for()
    page.goto(f"/audits/{ident}")
    assert page.locator("#f1").get_by_text("Waived").count() == 0


def test_everything_can_be_reached_with_the_keyboard(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    reached = page.evaluate("() => document.activeElement.id")
    assert reached in {"product", "url"}
    shown = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert shown == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_of_axe(browser: Any, place: Served, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    ident = place.done(owner="rita")
    waiting = place.done(owner="rita")
    place.home.jobs.forget(older_than=0)
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=place.base, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    wrong: list[str] = []

    def look(path: str) -> None:
        page.goto(path)
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                wrong.append(f"{path}: {violation['id']}: {violation['nodes'][0]['html'][:200]}")

    look("/sign-in")
    page.get_by_label("Name").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1, name="Does your copy").wait_for()
    for path in ("/", "/desk", "/audits", f"/audits/{ident}", "/history", "/runs/1", "/compare?before=1&after=2", "/claims", "/ledger", f"/ledger/new?audit={ident}&finding=1", "/settings", "/nothing", f"/audits/{waiting}"):
        look(path)
    page.set_viewport_size({"width": 1280, "height": 900})
    look(f"/audits/{ident}")
    context.close()
    assert wrong == []


def test_hostile_text_runs_nowhere(browser: Any, place: Served, shared: pathlib.Path) -> None:
    lines: list[str] = []
    for file in sorted((shared / "suites" / "xss").glob("*.txt")):
        lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
    # Every seventh of about 1,300, a few dozen on each page: none may run, ask for anything or break the page.
    payloads = [x for x in lines if x.strip()][::7]
    context = browser.new_context(base_url=place.base)
    page = context.new_page()
    ran: list[str] = []
    asked: list[str] = []
    page.on("dialog", lambda d: (ran.append(d.message), d.dismiss()))
    page.on("console", lambda m: ran.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith(place.base) else None)
    page.goto("/")
    page.get_by_label("Name").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1, name="Does your copy").wait_for()
    for start in range(0, len(payloads), 40):
        ident = place.done(hostile("\n".join(payloads[start : start + 40])), owner="rita", title=payloads[start][:80])
        run = place.home.jobs.get(ident).summary["run"]
        for path in (f"/audits/{ident}", f"/runs/{run}", f"/compare?before={run}&after={run}", "/audits", f"/ledger/new?audit={ident}&finding=1"):
            answer = page.goto(path)
            assert answer.status == 200 and page.locator("main h1").count() == 1
    context.close()
    assert ran == [] and asked == []
