"""The run store: what goes in comes out, unchanged nights cost nothing, unfinished runs are gone on with; on SQLite and PostgreSQL."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sample_audit import hostile, sample
from sqlalchemy import text

from pipeline import report
from pipeline.fingerprint import fingerprint
from pipeline.store import Store
from pipeline.store.retention import health, prune_runs
from pipeline.store.runs import RunStore, page_source
from pipeline.store.schema import PARTS


@pytest.fixture
def runs(new_store: Callable[[], str]) -> Iterator[RunStore]:
    with Store(new_store()) as store:
        yield RunStore(store)


@pytest.fixture(scope="module")
def document() -> dict:
    audit = sample()
    audit = replace(audit, pages=audit.pages[:4])
    return report.audit_document(audit) | {"pages": [report.page_part(p) for p in sorted(audit.pages, key=lambda p: p.page.source)]}


def night(runs: RunStore, document: dict) -> int:
    return runs.save_audit(document, kind="nightly", product="Rotafern").id


def test_what_goes_in_comes_out(runs: RunStore, document: dict) -> None:
    run = runs.save_audit(document)
    assert runs.audit_of(run.id) == {k: document[k] for k in runs.audit_of(run.id)}
    assert report.audit_from(runs.audit_of(run.id)).pages[0].page.blocks
    assert runs.products() == ["Rotafern"] and runs.latest("Rotafern") is None
    assert runs.latest("Rotafern", kind=None) == runs.runs("Rotafern")[0] == runs.run(run.id)
    with pytest.raises(KeyError):
        runs.audit_of(999)


def test_records_come_back_from_json(document: dict) -> None:
    audit = replace(sample(), pages=sample().pages[:4])
    again = report.audit_from(json.loads(json.dumps(document)))
    assert report.audit_document(again) == report.audit_document(audit)
    assert report.html(again) == report.html(audit)
    thin = report.audit_from(report.audit_document(audit))
    assert report.audit_document(thin) == report.audit_document(audit)


def test_hostile_text_is_stored_as_it_stands(runs: RunStore) -> None:
    for evil in ("a\x00b", "\ud800", "'; DROP TABLE runs; --", "%_\\", "<script>"):
        document = report.audit_document(hostile(evil, source="https://example.com/" + evil))
        run = runs.save_audit(document, product="evil")
        assert runs.audit_of(run.id)["pages"] == document["pages"]
    assert runs.count_claims("evil", text="%_\\", run_id=runs.latest("evil", kind=None).id) == 0  # type: ignore[union-attr]
    assert runs.count_claims("evil", text="%_\\", run_id=runs.runs("evil")[1].id) == 1


def test_unchanged_nights_write_no_page_and_no_claim(runs: RunStore, document: dict) -> None:
    first = night(runs, document)

    def sizes() -> list[int]:
        with runs.engine.connect() as db:
            return [db.execute(text(f"SELECT COUNT(*) FROM {t}")).scalar() for t in ("parts", "run_pages", "claims", "drafts")]  # type: ignore[misc]

    before = sizes()
    later = [night(runs, document) for _ in range(3)]
    assert sizes() == before and before[3] == 0
    for number in (first, *later):
        assert runs.audit_of(number)["pages"] == document["pages"]


def test_spans_of_pages_and_claims_follow_the_nights(runs: RunStore, document: dict) -> None:
    changed = copy.deepcopy(document)
    page = next(p for p in changed["pages"] if p["claims"])
    source = page_source(page)
    claim = page["claims"][0]
    old_text, claim["claim"], claim["verdict"], claim["risk"] = claim["claim"], "Every plan has sso for 900 seats", "contradicted", 99.0
    without = copy.deepcopy(document)
    without["pages"] = [p for p in without["pages"] if page_source(p) != source]
    nights = [night(runs, d) for d in (document, changed, without, document)]
    for number, wanted in zip(nights, (document, changed, without, document), strict=True):
        assert runs.audit_of(number)["pages"] == wanted["pages"]
        assert runs.count_claims("Rotafern", run_id=number) == sum(len(p["claims"]) for p in wanted["pages"])
    history = runs.page_history("Rotafern", source)
    assert [(v.run_from, v.run_to) for v in history] == [(nights[0], nights[0]), (nights[1], nights[1]), (nights[3], None)]
    found = runs.search_claims("Rotafern", text="SSO 900", run_id=nights[1])
    assert [(c.source, c.verdict, c.first_seen) for c in found] == [(source, "contradicted", nights[1])]
    assert runs.search_claims("Rotafern", text="SSO 900") == ()
    back = runs.search_claims("Rotafern", fingerprints=[fingerprint(old_text)], page=source)
    assert back[0].first_seen == nights[0] and back[0].run_from == nights[3]


def test_a_page_that_changed_little_is_kept_as_a_difference(runs: RunStore, document: dict) -> None:
    page = max(document["pages"], key=lambda p: len(json.dumps(p)))
    wanted, like = [], ""
    for number in range(5):
        now = copy.deepcopy(page)
        now["title"] = f"Title {number}"
        wanted.append(now)
        run = runs.begin_run("Rotafern", "nightly")
        like = runs.save_page(run.id, now, like=like)
        runs.finish_run(run.id, document)
    ids = [r.id for r in reversed(runs.runs("Rotafern"))]
    with runs.engine.connect() as db:
        rows = {r.hash: r for r in db.execute(PARTS.select().where(PARTS.c.size > 1000))}
    pages = [rows[next(iter(runs.pages_of(i).values())).part] for i in ids]
    assert [r.base for r in pages] == ["", *[pages[0].hash] * 4], "each against one that is whole"
    assert max(len(r.data) for r in pages[1:]) < len(pages[0].data) / 10
    assert [runs.audit_of(i)["pages"] for i in ids] == [[p] for p in wanted]
    prune_runs(runs.engine, "Rotafern", keep=1)
    assert runs.audit_of(ids[-1])["pages"] == wanted[-1:] and health(runs.engine).ok
    with runs.engine.begin() as db:
        left = {r.hash for r in db.execute(PARTS.select())}
        assert pages[0].hash in left and not {r.hash for r in pages[1:4]} & left
        db.execute(PARTS.delete().where(PARTS.c.hash == pages[0].hash))
    assert not health(runs.engine).ok
    with pytest.raises(KeyError):
        runs.audit_of(ids[-1])


def test_an_unfinished_run_is_gone_on_with_under_the_same_marks_only(runs: RunStore, document: dict) -> None:
    marks = {"instrument": "m1", "config_hash": "c", "docs_hash": "d"}
    run = runs.begin_run("Rotafern", "nightly", **marks)
    runs.save_page(run.id, document["pages"][0], text_hash="t")
    runs.stop_run(run.id)
    again = runs.begin_run("Rotafern", "nightly", **marks)
    assert again.id == run.id and again.resumed and set(runs.drafts(run.id)) == {page_source(document["pages"][0])}
    other = runs.begin_run("Rotafern", "nightly", **{**marks, "instrument": "m2"})
    assert other.id != run.id and not other.resumed and runs.drafts(run.id) == {}
    assert runs.run(run.id).status == "abandoned" and runs.runs("Rotafern") == ()
    done = runs.finish_run(other.id, document)
    assert runs.finish_run(other.id, document) == done and runs.audit_of(other.id)["pages"] == []


def test_fingerprints_see_words_and_figures_and_nothing_else() -> None:
    same = ["Up to 5 seats.", "up to  5 seats", "Up\u00a0to 5\u200b seats!", "“Up to 5 seats”"]
    assert len({fingerprint(s) for s in same}) == 1
    different = ["Up to 5 seats", "Up to 15 seats", "Up to 5% seats", "Up to $5 seats", "5 seats", "Up to 1.5 seats", "Up to 1,5 seats"]
    assert len({fingerprint(s) for s in different}) == len(different)
