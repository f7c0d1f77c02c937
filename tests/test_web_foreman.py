"""The worker process and its foreman: progress, cancelling, crashes, hanging files, restarts; with a stand-in for the models."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Iterator

import pytest
from web_house import FAKE_WORKER, Town, config, town

from pipeline.store.jobs import Job, Jobs, Order
from pipeline.web import foreman as foremen
from pipeline.web.foreman import Foreman, Unavailable

SOON_S = 60.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("foreman"), config(job_minutes=1, queue=99, queue_own=99), worker=True) as made:
        until(made.home.foreman.alive)
        yield made


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def order(place: Town, text: str) -> str:
    made = place.home.jobs.add(Order(kind="text", name="pasted text", body=text.encode()), product="Acme", owner="a", title=text, most=99, most_own=99)
    place.home.foreman.wake()
    return made.id


def ended(place: Town, ident: str) -> Job:
    until(lambda: place.home.jobs.get(ident).ended)
    return place.home.jobs.get(ident)


def test_an_audit_runs_to_its_result_and_into_the_history(place: Town) -> None:
    job = ended(place, order(place, "# Acme\n\nEvery plan has it."))
    assert job.state == "done" and job.summary["claims"] == 90 and place.home.jobs.audit(job.id) is not None
    assert place.home.runs.run(job.summary["run"]).kind == "on_demand"


def test_progress_is_seen_and_a_running_audit_can_be_cancelled(place: Town) -> None:
    ident = order(place, "SLOW copy")
    waiting = order(place, "next in line")
    until(lambda: (place.home.foreman.progress(ident) or ("", 0, 0))[1] > 3)
    seen = place.client.get(f"/audits/{ident}/state").json()
    assert seen["stage"] == "Checking claims" and 3 < seen["done"] < seen["total"] == 200 and not seen["ended"]
    assert place.client.get(f"/audits/{waiting}/state").json()["stage"] == "1 before yours"
    assert "Checking claims" in place.client.get(f"/audits/{ident}").text
    # The desk is answered while the audit runs.
    assert place.home.foreman.judge("Acme", "One.").result(timeout=SOON_S)[0]["text"] == "One." and not place.home.jobs.get(ident).ended
    place.home.foreman.cancel(ident)
    assert ended(place, ident).state == "cancelled" and ended(place, waiting).state == "done"
    with place.client.stream("GET", f"/audits/{waiting}/events") as events:
        assert '"state": "done"' in "".join(events.iter_text())


def test_failures_are_told_and_cost_nobody_else_anything(place: Town) -> None:
    ids = [order(place, t) for t in ("FAIL", "BUG", "")]
    jobs = [ended(place, i) for i in ids]
    assert [j.state for j in jobs] == ["failed"] * 3
    assert "on purpose" in jobs[0].message and "internal error" in jobs[1].message and "Nothing could be read" in jobs[2].message
    assert "on purpose" in place.client.get(f"/audits/{ids[0]}").text
    with pytest.raises(Unavailable):
        place.home.foreman.judge("Acme", "BUG").result(timeout=SOON_S)


def test_private_addresses_are_refused_whoever_asks(place: Town) -> None:
    for url in ("http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://localhost/"):
        made = place.home.jobs.add(Order(kind="url", name=url), product="Acme", owner="a", title=url, most=99, most_own=99)
        place.home.foreman.wake()
        job = ended(place, made.id)
        assert job.state == "failed" and "Nothing could be read" in job.message and "address" in job.message.lower(), job.message


def test_a_crash_is_tried_once_more_and_the_next_job_runs(place: Town) -> None:
    crash, after = order(place, "CRASH"), order(place, "fine")
    job = ended(place, crash)
    assert job.state == "failed" and "twice" in job.message and job.attempts == 2
    assert ended(place, after).state == "done"


def test_an_audit_that_hears_nothing_is_ended_with_its_process(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foremen, "CANCEL_S", 0.5)
    ident = order(place, "DEAF")
    until(lambda: place.home.jobs.get(ident).state == "running")
    time.sleep(0.3)
    place.home.foreman.cancel(ident)
    assert ended(place, ident).state == "cancelled"
    assert ended(place, order(place, "fine")).state == "done"


def test_an_audit_that_takes_too_long_is_ended(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ident = order(place, "SLOW copy")
    until(lambda: place.home.jobs.get(ident).state == "running")
    monkeypatch.setattr(place.home.foreman, "_began", time.monotonic() - 3600)
    job = ended(place, ident)
    assert job.state == "failed" and "after 1 minutes" in job.message


def test_the_queue_survives_a_restart(tmp_path: pathlib.Path) -> None:
    with town(tmp_path, worker=True) as first:
        running = order(first, "SLOW copy")
        until(lambda: first.home.jobs.get(running).state == "running")
        waiting = order(first, "fine")
    with town(tmp_path) as idle:
        assert [idle.home.jobs.get(i).state for i in (running, waiting)] == ["queued", "queued"]
    with town(tmp_path, worker=True) as second:
        second.home.foreman.cancel(running)
        assert ended(second, waiting).state == "done"


def test_without_a_worker_the_desk_says_so(tmp_path: pathlib.Path) -> None:
    with town(tmp_path) as place:
        resting = Foreman(place.home.config, "nowhere", Jobs(place.home.store.engine), FAKE_WORKER)
        with pytest.raises(Unavailable, match="starting"):
            resting.judge("Acme", "x").result(timeout=1)
