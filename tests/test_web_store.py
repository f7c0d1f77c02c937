"""Accounts, the queue of audits, packing: what the web app keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sample_audit import hostile, sample

from pipeline.errors import UsageError
from pipeline.records import Audit
from pipeline.store import Store
from pipeline.store import accounts as passwords
from pipeline.store.accounts import Accounts, hash_password, password_fits
from pipeline.store.jobs import Jobs, Order, QueueFull
from pipeline.store.packing import pack, unpack
from pipeline.store.schema import ACCESS_KEYS, ACCOUNTS, JOBS


def test_an_audit_comes_back_as_it_was_packed() -> None:
    for audit in (sample(), hostile("\ud800 =1+1 \x00 <script>")):
        assert unpack(Audit, pack(audit)) == audit
    for damaged in (b"", b"no zstd", pack({"product": 1})):
        with pytest.raises(UsageError, match="another release"):
            unpack(Audit, damaged)


def test_passwords_are_scrypt_strings_and_only_the_right_one_fits() -> None:
    stored = hash_password("correct horse battery")
    assert stored.startswith("scrypt$32768$8$3$") and "horse" not in stored
    assert password_fits("correct horse battery", stored) and not password_fits("correct horse batterz", stored)
    assert not password_fits("", "") and not password_fits("x", "md5$abc") and not password_fits("x", "scrypt$a$b$c$d$e")


def test_accounts_change_sign_in_and_go(new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 2**10)
    with Store(new_store()) as store:
        people = Accounts(store.engine)
        made = people.put("anna", role="viewer", products=("Acme",), password="0123456789")
        assert people.sign_in("anna", "0123456789") == made and people.sign_in("anna", "012345678") is None
        assert people.sign_in("nobody", "0123456789") is None and people.count() == 1
        changed = people.put("anna", role="admin", products=("*",), password=None)
        assert (changed.role, changed.epoch, changed.has_password) == ("admin", made.epoch + 1, True)
        key = people.new_key("anna")
        assert people.of_key(key) == changed and people.of_key(key + "x") is None
        with store.engine.connect() as db:
            assert key not in str(db.execute(ACCESS_KEYS.select()).all()) and "0123456789" not in str(db.execute(ACCOUNTS.select()).all())
        assert people.remove("anna") and people.of_key(key) is None and not people.remove("anna")
        people.put("proxied", role="viewer", products=(), password=None)
        assert people.sign_in("proxied", "") is None
        for wrong in ({"name": "a b"}, {"name": "x" * 81}, {"role": "king"}, {"password": "short"}):
            with pytest.raises(UsageError):
                people.put(**{"name": "ben", "role": "viewer", "products": (), "password": "0123456789", **wrong})


def add(jobs: Jobs, owner: str = "anna", body: bytes = b"copy", most: int = 3, most_own: int = 2) -> str:
    return jobs.add(Order(kind="file", name="a.md", body=body), product="Acme", owner=owner, title="a", most=most, most_own=most_own).id


def test_the_queue_is_bounded_for_all_and_for_each(new_store: Callable[[], str]) -> None:
    with Store(new_store()) as store:
        jobs = Jobs(store.engine)
        add(jobs)
        second = add(jobs)
        with pytest.raises(QueueFull) as full:
            add(jobs)
        assert full.value.own and full.value.waiting == 2
        add(jobs, owner="ben")
        with pytest.raises(QueueFull) as full:
            add(jobs, owner="cid")
        assert not full.value.own and full.value.waiting == 3
        assert jobs.end(second, "cancelled") and not jobs.end(second, "done")
        add(jobs, owner="cid")


def test_jobs_run_in_turn_and_give_up_their_input_when_they_end(new_store: Callable[[], str]) -> None:
    with Store(new_store()) as store:
        jobs = Jobs(store.engine)
        first, second = add(jobs, body=bytes(range(256))), add(jobs)
        taken = jobs.take()
        assert taken is not None and taken.id == first and taken.state == "running" and jobs.before(jobs.get(second)) == 1
        assert jobs.order(first) == Order(kind="file", name="a.md", body=bytes(range(256)))
        jobs.progress(first, "judging claims", 3, 9)
        assert (jobs.get(first).stage, jobs.get(first).done, jobs.get(first).total) == ("judging claims", 3, 9)
        audit = sample()
        assert jobs.end(first, "done", audit=audit, summary={"claims": 1}) and jobs.audit(first) == audit
        assert jobs.get(first).summary == {"claims": 1} and jobs.audit(second) is None
        jobs.end(second, "failed", "Why not.")
        with store.engine.connect() as db:
            assert [bytes(r.input) for r in db.execute(JOBS.select().where(JOBS.c.id == second))] == [b""]
        assert jobs.take() is None and jobs.listed(["Acme"])[1] == 2 and jobs.listed(["Bolt"]) == ([], 0)
        assert [j.id for j in jobs.listed(["Acme"], state="done")[0]] == [first]
        assert jobs.forget(older_than=0.0) == 0 and jobs.forget(older_than=1e12) == 2


def test_a_job_of_a_dead_process_is_tried_twice(new_store: Callable[[], str]) -> None:
    with Store(new_store()) as store:
        ident = add(Jobs(store.engine))
        for state in ("queued", "failed"):
            assert Jobs(store.engine).take() is not None
            with store.engine.begin() as db:
                db.execute(JOBS.update().values(holder=JOBS.c.holder.op("||")("")))
            # Another process that lives still holds it: nothing to recover.
            assert Jobs(store.engine).recover() == 0
            with store.engine.begin() as db:
                host = str(db.execute(JOBS.select()).one().holder).split("/")[0]
                db.execute(JOBS.update().values(holder=f"{host}/999999999/1/abc"))
            assert Jobs(store.engine).recover() == 1 and Jobs(store.engine).get(ident).state == state
        assert "twice" in Jobs(store.engine).get(ident).message
