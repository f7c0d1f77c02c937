"""The JSON API under generated requests: whatever is sent, the server makes no mistake of its own, and errors keep their shape."""

from __future__ import annotations

import json
import pathlib
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from web_house import Town, config, town

schemathesis = pytest.importorskip("schemathesis")

LIMITS = dict.fromkeys(("requests_per_minute", "audits_per_hour", "desk_per_minute", "sign_ins_per_minute"), 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("api"), config(hosts=["testserver"], queue=1000, queue_own=1000, **LIMITS)) as made:
        made.done()
        made.done(product="Bolt")
        yield made


def test_no_request_breaks_the_server(place: Town) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", place.app)
    asked: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        def holds(case: Any) -> None:
            asked.append(case.operation.label)
            answer = case.call()
            assert answer.status_code < 500, answer.text
            if answer.status_code >= 400:
                assert set(answer.json()["error"]) == {"code", "message", "remedy"}

        holds()
    assert len(set(asked)) >= 14 and len(asked) > 100


def test_naughty_strings_come_back_as_they_were_sent(place: Town, shared: pathlib.Path) -> None:
    found = next((shared / "suites" / "strings").glob("*.json"))
    script, browser = place.visitor(), place.visitor()
    for text in [t for t in json.loads(found.read_text(encoding="utf-8")) if t.strip()][::12]:
        sent = {"product": "Acme", "text": text}
        answer = script.post("/api/v1/desk", json=sent)
        assert answer.status_code == 200, text
        assert [r["text"] for r in answer.json()["sentences"]] == [x for x in text.splitlines() if x.strip()]
        assert script.post("/api/v1/audits", json=sent).status_code in {202, 422}, text
        assert script.get("/api/v1/claims", params={"product": "Acme", "q": text[:300]}).status_code == 200, text
        assert browser.get("/claims", params={"product": "Acme", "q": text}).status_code == 200, text
        assert script.get(f"/api/v1/audits/{urllib.parse.quote(text, safe='')}").status_code in {404, 405}, text
