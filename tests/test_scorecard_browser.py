"""The scorecard in a real browser: nothing of a crawled page runs, text arrives, keyboard and screen reader find their way, phones do not scroll sideways."""

from __future__ import annotations

import itertools
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from sample_audit import all_together, sample
from test_report import OWN, history, suite

from pipeline import report
from pipeline.records import OVERPROMISES
from pipeline.report.hostile import shown
from pipeline.report.thresholds import MOST_ANNOTATED

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium on the path (apt-get install chromium)")
# Payloads for one file, each on a page of its own and in every place that text can stand: as many pages as a scorecard annotates.
MOST = MOST_ANNOTATED


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as run:
        made = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def scorecard(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("card") / "scorecard.html"
    report.write_html(sample(), place, *history())
    return place.as_uri()


@pytest.mark.parametrize("name", ["own", "xss", "strings"])
def test_nothing_of_a_page_runs_and_its_text_arrives(browser: object, tmp_path: pathlib.Path, name: str) -> None:
    texts = OWN if name == "own" else suite(name)
    if not texts:
        pytest.skip(f"the suite of hostile text {name!r} is not beside this checkout")
    texts = [t for t in texts[:: max(1, len(texts) // MOST)] if t.strip() and len(t) < 3000][:MOST]
    audit = all_together(texts)
    report.write_html(audit, tmp_path / "a.html")
    page = browser.new_page()
    events: list[str] = []
    page.on("dialog", lambda d: (events.append(f"dialog {d.message}"), d.dismiss()))
    page.on("console", lambda m: events.append(f"console {m.text}"))
    page.on("pageerror", lambda e: events.append(f"error {e}"))
    page.on("request", lambda r: events.append(f"request {r.url}") if not r.url.startswith(("file:", "data:text/html")) else None)
    page.goto((tmp_path / "a.html").as_uri())
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    # Whatever hangs on a pointer or the focus gets its chance.
    page.evaluate("""for (const e of document.querySelectorAll('body *')) for (const kind of ['mouseover', 'focus', 'click', 'toggle', 'error', 'load'])
        if (kind !== 'click' || e.tagName !== 'A') e.dispatchEvent(new Event(kind, {bubbles: true}))""")
    page.wait_for_timeout(200)
    assert events == []
    assert page.evaluate("document.querySelectorAll('script, iframe, img, object, embed, form, base, link, video, audio, svg animate, svg script').length") == 0
    links = page.evaluate("[...document.querySelectorAll('[href]')].map(e => e.href)")
    assert all(x.startswith(("http://", "https://", "file:")) for x in links)
    found = page.evaluate("[...document.querySelectorAll('mark')].map(e => e.textContent)")
    assert sorted(" ".join(t.split()) for t in found) == sorted(" ".join(shown(t).split()) for t in texts)
    page.close()


def test_evidence_opens_by_pointer_and_by_keyboard(browser: object, scorecard: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(scorecard)
    page.locator("section.inplace details.group > summary").nth(2).click()
    claim = page.locator("section.inplace details[open] a.claim").first
    note = page.locator(claim.get_attribute("href"))
    assert not note.is_visible()
    claim.click()
    assert note.is_visible()
    note.get_by_role("link", name="Close").click()
    assert not note.is_visible()
    claim.focus()
    page.keyboard.press("Enter")
    assert note.is_visible()
    # The focus follows, so that a screen reader reads the evidence and the next Tab is its way out.
    assert page.evaluate("document.activeElement.id") == note.get_attribute("id")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Close"
    # A card leads to its sentence on the annotated page, which opens by itself.
    page.goto(scorecard)
    page.locator("#first ~ article a", has_text="see it in place").first.click()
    spot = page.evaluate("location.hash")
    assert page.locator(spot).is_visible()
    page.keyboard.press("Tab")
    page.close()


def test_the_first_tab_skips_to_the_result_and_headings_are_in_order(browser: object, scorecard: str) -> None:
    page = browser.new_page()
    page.goto(scorecard)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the result"
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => +e.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.caption && t.tHead)")
    assert page.evaluate("[...document.querySelectorAll('svg')].every(s => s.getAttribute('role') === 'img' && s.getAttribute('aria-label'))")
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(browser: object, scorecard: str, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page.goto(scorecard)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is folded away is examined too, and one note of each verdict.
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.add_style_tag(content=".note{display:block!important}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    serious = [(v["id"], v["impact"], v["nodes"][0]["html"][:200], v["nodes"][0].get("failureSummary", "")[:300]) for v in found
               if v["impact"] in {"serious", "critical"}]
    assert serious == []
    page.close()


def test_every_finding_is_on_paper(browser: object, tmp_path: pathlib.Path) -> None:
    """Printed from a browser, folded findings are unfolded; menus and the annotated pages are left out."""
    audit = sample()
    report.write_html(audit, tmp_path / "a.html")
    page = browser.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    page.emulate_media(media="print")
    assert not page.locator("nav.toc").is_visible() and not page.locator("section.inplace").is_visible()
    visible = page.evaluate("[...document.querySelectorAll('article.finding[id^=f]')].filter(e => e.checkVisibility({contentVisibilityAuto: true})).length")
    total = sum(j.verdict in OVERPROMISES for p in audit.pages for j in p.judgements)
    assert visible >= total
    page.close()
