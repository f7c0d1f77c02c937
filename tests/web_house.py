"""A house for tests of the web app: a temporary store, two products, people, and a worker that needs no model."""

from __future__ import annotations

import json
import pathlib
import re
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient
from sample_audit import sample

from pipeline.config import Config, load_config
from pipeline.records import Audit
from pipeline.report import audit_document
from pipeline.store import Store
from pipeline.store import accounts as passwords
from pipeline.store.jobs import Jobs
from pipeline.store.packing import pack
from pipeline.store.schema import JOBS
from pipeline.web.app import create_app
from pipeline.web.foreman import Foreman
from pipeline.web.guard import House

PASSWORD = "correct horse battery"
KEY = b"k" * 40
FAKE_WORKER = [sys.executable, str(pathlib.Path(__file__).with_name("fake_worker.py"))]


def config(**web: Any) -> Config:
    """Two products, `Acme` and `Bolt`; `ben` may see Bolt by the configuration."""
    products = [
        {"name": "Acme", "docs": ["corpora/demo/docs"]},
        {"name": "Bolt", "docs": ["corpora/demo/docs"], "viewers": ["ben"]},
    ]
    return Config.model_validate({**load_config().model_dump(), "products": products, "web": web})


class IdleForeman(Foreman):
    """Takes nothing from the queue; the desk answers at once with one row a line."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def wake(self) -> None: ...

    def alive(self) -> bool:
        return True

    def judge(self, product: str, text: str) -> Future[list[dict[str, Any]]]:
        answer: Future[list[dict[str, Any]]] = Future()
        answer.set_result([{"text": line, "pending": False, "claims": []} for line in text.splitlines() if line.strip()])
        return answer


class Town:
    """The opened house, with short ways to do what tests do often."""

    def __init__(self, home: House, client: TestClient) -> None:
        self.home, self.client, self.app = home, client, client.app

    def account(self, name: str, role: str = "viewer", products: tuple[str, ...] = ("Acme",)) -> None:
        self.home.accounts.put(name, role=role, products=products, password=PASSWORD)

    def visitor(self, name: str = "") -> TestClient:
        """A browser of its own, signed in when a name is given."""
        browser = TestClient(self.app, base_url="http://localhost", raise_server_exceptions=False)
        if name:
            answer = browser.post("/sign-in", data={"name": name, "password": PASSWORD, "token": token(browser, "/sign-in")})
            assert answer.url.path == "/", answer.text
        return browser

    def done(self, audit: Audit | None = None, *, product: str = "Acme", owner: str = "anna", title: str = "Pricing") -> str:
        """A finished audit in the store; its id."""
        # Written as it is when it has ended: a worker that runs meanwhile must not take it.
        made = audit or sample()
        document = audit_document(made) | {"product": product}
        run = self.home.runs.save_audit(document, kind="on_demand", product=product)
        summary = {"run": run.id, "claims": 9, "judged": 8, "proven": 6, "findings": 2, "proof_rate": 0.75, "grade": "B"}
        ident, now = secrets.token_urlsafe(9), time.time()
        row = {"id": ident, "product": product, "owner": owner, "kind": "text", "title": title, "state": "done", "stage": "", "done": 0, "total": 0,
               "created_at": now, "started_at": now, "finished_at": now, "attempts": 1, "holder": "", "message": "", "summary": json.dumps(summary),
               "input": b"", "result": pack(made)}  # fmt: skip
        with self.home.store.engine.begin() as db:
            db.execute(JOBS.insert().values(**row))
        return ident


def token(browser: TestClient, path: str = "/") -> str:
    """The token that a page's forms carry."""
    found = re.search(r'name="token" value="([0-9a-f]+)"', browser.get(path).text)
    assert found, f"no form on {path}"
    return found.group(1)


@contextmanager
def town(folder: pathlib.Path, made: Config | None = None, *, worker: bool = False) -> Iterator[Town]:
    """A house over a store in `folder`; with `worker`, a real foreman with the fake worker."""
    settings = made or config()
    # Full-strength passwords would take a second each on a busy machine; their strength is tested by itself.
    before, passwords._N = passwords._N, 2**10
    place = str(folder / "store.sqlite")
    try:
        with Store(place) as store:
            kind = Foreman if worker else IdleForeman
            foreman = kind(settings, place, Jobs(store.engine), FAKE_WORKER)
            home = House(settings, store, foreman, KEY)
            with TestClient(create_app(home), base_url="http://localhost", raise_server_exceptions=False) as client:
                yield Town(home, client)
    finally:
        passwords._N = before
