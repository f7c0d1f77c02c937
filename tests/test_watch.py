"""Drift over nights in the store: a section creeps where no page alone can be told from chance, and two nights confirm it."""

from __future__ import annotations

import datetime
import hashlib
import pathlib

import pytest
from conftest import WordEncoder

from pipeline.bench.standin import open_standin
from pipeline.config import Config, Route, load_config
from pipeline.ledger import open_ledger
from pipeline.nightly import Options, run_night
from pipeline.nightly.letters import letter_for
from pipeline.nightly.news import News, news_of
from pipeline.nightly.watch import PageAlarm, alarms_of, note_drift
from pipeline.store import Store
from pipeline.store.runs import RunStore

LINES, PAGES = 12, 6


def score(text: str) -> float:
    """How generic the stand-in calls a sentence: a matter of its hash."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 1000 / 1000


def written(count: int, low: float, high: float, about: str) -> list[str]:
    """Sentences whose stand-in score lies between `low` and `high`."""
    found = (f"The {about} number {n} keeps what you wrote yesterday." for n in range(100_000))
    return [text for text, _ in zip((t for t in found if low <= score(t) < high), range(count), strict=False)]


def page(path: pathlib.Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<main><h1>Keeping</h1>" + "".join(f"<p>{line}</p>" for line in lines) + "</main>")


@pytest.fixture
def config(tmp_path: pathlib.Path) -> Config:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Keeping\n\nWhat you wrote is kept for a year.\n")
    base = {"product": "Acme", "targets": [str(tmp_path / "site")], "docs": [str(tmp_path / "docs")], "cache": ""}
    return load_config(None).model_copy(update=base)


def test_a_creeping_section_raises_one_alarm_that_names_what_moved_it(
    config: Config, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {p: written(LINES, 0.0, 0.2, f"letter{p}") for p in range(PAGES)}
    creep = {p: written(4, 0.8, 1.0, f"story{p}") for p in range(PAGES)}
    for p in range(PAGES):
        page(tmp_path / "site" / "blog" / f"p{p}.html", plain[p])
        page(tmp_path / "site" / "guide" / f"g{p}.html", written(LINES, 0.4, 0.6, f"guide{p}"))
    alarms: list[tuple[PageAlarm, ...]] = []
    found: list[News] = []
    with Store(tmp_path / "store.sqlite") as store:
        runs = RunStore(store)
        for night in range(5):
            monkeypatch.setattr("pipeline.store.run_writer.now", lambda night=night: f"2027-01-{10 + night}T02:00:00Z")
            for p in range(PAGES):
                lines = creep[p][: min(night, 2)] + plain[p][min(night, 2) :] if night != 4 else creep[p][:3] + plain[p][3:]
                page(tmp_path / "site" / "blog" / f"p{p}.html", lines)
            run = run_night(config, store, Options(opener=open_standin)).run
            assert run is not None
            note_drift(runs, run, WordEncoder)
            alarms.append(alarms_of(runs, run))
            found.append(news_of(runs, run, open_ledger(config, store, "Acme"), today=datetime.date(2027, 1, 15)))
    raised = [(night, a.source) for night, these in enumerate(alarms) for a in these]
    assert {source for _, source in raised} >= {"/blog/"}
    assert all(not source.startswith("/guide/") for _, source in raised)
    # Said once, on the second night that shows it.
    assert [source for _, source in raised].count("/blog/") == 1
    night, blog = next((n, a) for n, these in enumerate(alarms) for a in these if a.source == "/blog/")
    assert night >= 2
    assert blog.alarm.value > blog.alarm.before
    assert blog.movers and set(blog.movers) <= {t for lines in creep.values() for t in lines}
    letter = letter_for(Route(to="json://x", sections=["/blog"]), found[3], [blog])
    assert letter is not None and "/blog/: more generic" in letter.body and blog.movers[0] in letter.body
    assert letter_for(Route(to="json://x", sections=["/guide"]), found[3], [blog]) is None
