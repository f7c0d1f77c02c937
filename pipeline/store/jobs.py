"""Audits on demand: a bounded queue and its results, safe through a restart.

queued -> running -> done | failed | cancelled. A job whose process is gone goes back into the queue, at most twice.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, and_, case, delete, func, select, true, update

from pipeline.records import Audit
from pipeline.store.holding import is_gone, me
from pipeline.store.packing import pack, unpack
from pipeline.store.schema import JOBS

WAITING = ("queued", "running")
ENDED = ("done", "failed", "cancelled")
# A job that takes the worker down twice will do so a third time.
MOST_ATTEMPTS = 2
_LISTED = [c for c in JOBS.c if c.name not in {"input", "result", "holder"}]


class QueueFull(Exception):
    """No room for another job; `waiting` jobs stand before it, `own` says that they are the asker's."""

    def __init__(self, waiting: int, *, own: bool) -> None:
        super().__init__(f"{waiting} audits are waiting")
        self.waiting = waiting
        self.own = own


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One audit on demand. `kind` is url, text or file; times are seconds since 1970; `summary` holds its few numbers."""

    id: str
    product: str
    owner: str
    kind: str
    title: str
    state: str
    stage: str
    done: int
    total: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    attempts: int
    message: str
    summary: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to audit: a URL, or the bytes of a pasted copy or file with its name."""

    kind: str
    name: str
    body: bytes = b""


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)
    return Job(**{**values, "summary": json.loads(values["summary"])})


class Jobs:
    """The jobs of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(only_reads=True)
        self._me = me()

    def add(self, order: Order, *, product: str, owner: str, title: str, most: int, most_own: int) -> Job:
        """A new job at the end of the queue. Raises QueueFull when `most` (or `most_own` of the owner) are waiting."""
        ident = secrets.token_urlsafe(9)
        with self._engine.begin() as db:
            waiting = db.execute(
                select(func.count(), func.sum(case((JOBS.c.owner == owner, 1), else_=0))).where(
                    JOBS.c.state.in_(WAITING)
                )
            ).one()
            if waiting[0] >= most:
                raise QueueFull(waiting[0], own=False)
            if (waiting[1] or 0) >= most_own:
                raise QueueFull(int(waiting[1]), own=True)
            db.execute(
                JOBS.insert().values(
                    id=ident, product=product, owner=owner, kind=order.kind, title=title, state="queued", stage="waiting",
                    done=0, total=0, created_at=time.time(), attempts=0, holder="", message="", summary="{}",
                    input=pack({"kind": order.kind, "name": order.name, "body": order.body.hex()}),
                )
            )  # fmt: skip
        found = self.get(ident)
        assert found is not None
        return found

    def get(self, ident: str) -> Job | None:
        """The job, or None."""
        with self._reader.connect() as db:
            row = db.execute(select(*_LISTED).where(JOBS.c.id == ident)).first()
        return None if row is None else _job(row)

    def listed(
        self, products: Sequence[str], *, state: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[list[Job], int]:
        """Jobs of `products`, newest first, and how many there are in all."""
        where = and_(JOBS.c.product.in_(list(products)), JOBS.c.state == state if state else true())
        with self._reader.connect() as db:
            total = db.execute(select(func.count()).select_from(JOBS).where(where)).scalar_one()
            rows = db.execute(
                select(*_LISTED).where(where).order_by(JOBS.c.created_at.desc(), JOBS.c.id).limit(limit).offset(offset)
            ).all()
        return [_job(r) for r in rows], int(total)

    def before(self, job: Job) -> int:
        """How many jobs come before a queued one."""
        with self._reader.connect() as db:
            found = db.execute(
                select(func.count()).where(JOBS.c.state.in_(WAITING), JOBS.c.created_at < job.created_at)
            ).scalar_one()
        return int(found)

    def take(self) -> Job | None:
        """The oldest queued job, now running and held by this process; None when none waits."""
        with self._engine.begin() as db:
            row = db.execute(
                select(JOBS.c.id).where(JOBS.c.state == "queued").order_by(JOBS.c.created_at, JOBS.c.id).limit(1)
            ).first()
            if row is None:
                return None
            took = db.execute(
                update(JOBS)
                .where(JOBS.c.id == row.id, JOBS.c.state == "queued")
                .values(state="running", stage="starting", holder=self._me, started_at=time.time(),
                        attempts=JOBS.c.attempts + 1)
            ).rowcount  # fmt: skip
        return self.get(row.id) if took else None

    def order(self, ident: str) -> Order:
        """What the job is to audit. Raises LookupError for a job that is gone."""
        with self._reader.connect() as db:
            row = db.execute(select(JOBS.c.input).where(JOBS.c.id == ident)).first()
        if row is None:
            raise LookupError(ident)
        values = unpack(dict, row.input)
        return Order(kind=values["kind"], name=values["name"], body=bytes.fromhex(values["body"]))

    def progress(self, ident: str, stage: str, done: int, total: int) -> None:
        """Notes how far a running job is."""
        with self._engine.begin() as db:
            db.execute(
                update(JOBS).where(JOBS.c.id == ident, JOBS.c.state == "running")
                .values(stage=stage[:200], done=done, total=total)
            )  # fmt: skip

    def end(
        self,
        ident: str,
        state: str,
        message: str = "",
        *,
        audit: Audit | None = None,
        summary: dict[str, Any] | None = None,
    ) -> bool:
        """Brings a waiting job to its last state; False when it had one already."""
        with self._engine.begin() as db:
            return bool(
                db.execute(
                    update(JOBS)
                    .where(JOBS.c.id == ident, JOBS.c.state.in_(WAITING))
                    .values(
                        state=state, message=message[:1000], finished_at=time.time(), holder="",
                        result=None if audit is None else pack(audit), summary=json.dumps(summary or {}),
                        stage="", input=b"" if audit is None else JOBS.c.input,
                    )
                ).rowcount
            )  # fmt: skip

    def audit(self, ident: str) -> Audit | None:
        """The result of a job that is done, else None. Raises UsageError when another release wrote it."""
        with self._reader.connect() as db:
            row = db.execute(select(JOBS.c.result).where(JOBS.c.id == ident, JOBS.c.state == "done")).first()
        return None if row is None or row.result is None else unpack(Audit, row.result)

    def recover(self) -> int:
        """Puts jobs whose process is gone back into the queue, or ends them after too many attempts; how many there were."""
        with self._engine.begin() as db:
            rows = db.execute(select(JOBS.c.id, JOBS.c.holder, JOBS.c.attempts).where(JOBS.c.state == "running")).all()
            lost = [r for r in rows if r.holder == self._me or is_gone(r.holder)]
            for row in lost:
                again = row.attempts < MOST_ATTEMPTS
                db.execute(
                    update(JOBS)
                    .where(JOBS.c.id == row.id)
                    .values(
                        state="queued" if again else "failed", stage="waiting" if again else "", done=0, total=0, holder="",
                        finished_at=None if again else time.time(),
                        message="" if again else "The audit stopped the server's worker twice. Try a smaller page or file.",
                    )
                )  # fmt: skip
        return len(lost)

    def forget(self, *, older_than: float) -> int:
        """Removes ended jobs that finished before `older_than` (seconds since 1970); how many."""
        with self._engine.begin() as db:
            return db.execute(delete(JOBS).where(JOBS.c.state.in_(ENDED), JOBS.c.finished_at < older_than)).rowcount
