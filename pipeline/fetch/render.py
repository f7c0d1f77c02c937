"""Pages that scripts make: rendered by a system Chromium whose only way out is the filtering proxy. Off by default.

Needs the package `playwright` and a Chromium of the system; `playwright install` is not used. It is asked for pages
alone that were seen to be empty frames and that robots.txt allows; it clicks nothing and keeps nothing.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import shutil
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from pipeline.fetch.gate import Fetcher
from pipeline.fetch.proxy import FilteringProxy
from pipeline.fetch.url import parse
from pipeline.records import Problem

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# No way out but the proxy: not for loopback, not by name look-ups, not by QUIC or WebRTC.
ARGUMENTS = (
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
HEAVY = frozenset({"image", "media", "font"})


class Renderer:
    """One browser, started with the first page, in a thread of its own (Playwright's objects belong to one thread)."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._jobs: queue.SimpleQueue[tuple[str, Future[bytes | Problem]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def render(self, url: str) -> bytes | Problem:
        """The page's HTML, UTF-8, after its scripts have run."""
        browser = self._fetcher.settings.chromium or next((p for b in BROWSERS if (p := shutil.which(b))), "")
        if not browser or importlib.util.find_spec("playwright") is None:
            missing = "a system Chromium (apt-get install chromium)" if not browser else "pip install saysdoes[render]"
            return Problem(
                kind="javascript", where=url, message=f"{url} is made by scripts, and rendering needs {missing}."
            )
        parsed = parse(url)
        refused = self._fetcher.allowed(parsed) if parsed is not None else None
        if refused is not None:
            return refused
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(browser,), name="render", daemon=True)
                self._thread.start()
        done: Future[bytes | Problem] = Future()
        self._jobs.put((url, done))
        try:
            return done.result(timeout=2 * self._fetcher.settings.deadline_s + 30)
        except FutureTimeout:
            return Problem(
                kind="timeout", where=url, message=f"{url} was not rendered in time: raise fetch.deadline_s."
            )

    def close(self) -> None:
        """Ends the browser."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout=10)

    def _run(self, browser: str) -> None:
        from playwright.sync_api import sync_playwright

        proxy = FilteringProxy(self._fetcher.settings, self._fetcher.guard)
        try:
            with sync_playwright() as play:
                chromium = play.chromium.launch(
                    executable_path=browser,
                    proxy={"server": proxy.address},
                    args=list(ARGUMENTS),
                    headless=True,
                    chromium_sandbox=os.geteuid() != 0,  # Chromium's sandbox does not run for root
                )
                while (job := self._jobs.get()) is not None:
                    url, done = job
                    try:
                        done.set_result(self._page(chromium, url))
                    except Exception as err:  # noqa: BLE001  Whatever a browser throws befalls one page only.
                        done.set_result(
                            Problem(
                                kind="javascript",
                                where=url,
                                message=(
                                    f"{url} cannot be rendered ({str(err).splitlines()[0][:200]}): give its text as a file."
                                ),
                            )
                        )
                chromium.close()
        finally:
            proxy.close()

    def _page(self, chromium: Any, url: str) -> bytes:
        from playwright.sync_api import TimeoutError as TimeoutFault

        limit = self._fetcher.settings.deadline_s * 1000
        context = chromium.new_context(
            user_agent=self._fetcher.settings.user_agent, accept_downloads=False, service_workers="block"
        )
        try:
            page = context.new_page()
            page.route("**/*", lambda r: r.abort() if r.request.resource_type in HEAVY else r.continue_())
            page.goto(url, timeout=limit, wait_until="domcontentloaded")
            # Frames fill up when their requests have come back; a page that never rests is read as it is by then.
            with contextlib.suppress(TimeoutFault):
                page.wait_for_load_state("networkidle", timeout=min(limit, 8000))
            html: str = page.content()
            return html.encode("utf-8", "replace")[: self._fetcher.settings.max_body_bytes]
        finally:
            context.close()
