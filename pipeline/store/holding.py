"""Who may do what just now: the hold on a site, with a fencing token, and turns at hosts that processes share.

A hold is a lease: it ends by itself `lease_s` after the last renewal, or at once when its process on this machine is
gone. Every taker gets a higher fence; a process that was stopped and wakes up too late finds its writes refused.
"""

from __future__ import annotations

import os
import pathlib
import platform
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.errors import UsageError
from pipeline.store.schema import HOSTS, SITES


class Held(UsageError):
    """Another process crawls the site."""


class Fenced(Exception):
    """The hold was lost to another process; nothing more may be written under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold on `site`. `holder` names machine, process and instance."""

    site: str
    fence: int
    holder: str


def _born(pid: int) -> str:
    """When process `pid` was started, in clock ticks since boot; "" if there is none. Linux only, "?" elsewhere."""
    if not pathlib.Path("/proc/self/stat").exists():
        return "?"
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def me() -> str:
    """This process, told apart from an earlier one with the same number."""
    return f"{platform.node()}/{os.getpid()}/{_born(os.getpid())}/{uuid.uuid4().hex[:8]}"


def is_gone(holder: str) -> bool:
    """Whether `holder` is a process of this machine that has ended."""
    host, pid, born, _ = (*holder.split("/"), "", "", "", "")[:4]
    if host != platform.node() or not pid.isdigit() or born == "?":
        return False
    return _born(int(pid)) != born


def take(
    engine: Engine, site: str, *, lease_s: float, wait_s: float = 0.0, sleep: Callable[[float], None] = time.sleep
) -> Hold:
    """The hold on `site`. Raises Held when another process has it for longer than `wait_s`."""
    holder, until = me(), time.monotonic() + wait_s
    while True:
        with engine.begin() as db:
            query = select(SITES).where(SITES.c.site == site)
            row = db.execute(query.with_for_update() if db.dialect.name == "postgresql" else query).first()
            now = time.time()
            if row is None:
                insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(SITES)
                db.execute(
                    insert.values(site=site, fence=1, holder=holder, held_until=now + lease_s).on_conflict_do_nothing(
                        index_elements=["site"]
                    )
                )
                # Drivers differ in what they tell about an insert, so the row itself is asked.
                row = db.execute(query).one()
                if row.holder == holder:
                    return Hold(site=site, fence=1, holder=holder)
            elif not row.holder or row.held_until <= now or is_gone(row.holder):
                db.execute(
                    update(SITES)
                    .where(SITES.c.site == site)
                    .values(fence=row.fence + 1, holder=holder, held_until=now + lease_s)
                )
                return Hold(site=site, fence=row.fence + 1, holder=holder)
        if time.monotonic() >= until:
            who = row.holder.split("/") if row is not None else ["another", "?"]
            raise Held(
                f"{site} is being crawled by process {who[1]} on {who[0]}: wait for it to end (crawl.wait_s), "
                "or stop it."
            )
        sleep(min(1.0, max(0.05, until - time.monotonic())))


def check(db: Connection, hold: Hold) -> None:
    """Within a writing transaction: raises Fenced when `hold` is no longer ours."""
    query = select(SITES.c.fence).where(SITES.c.site == hold.site)
    fence = db.execute(query.with_for_update() if db.dialect.name == "postgresql" else query).scalar_one_or_none()
    if fence != hold.fence:
        raise Fenced(f"the hold on {hold.site} (fence {hold.fence}) was lost to another process (fence {fence})")


def renew(db: Connection, hold: Hold, lease_s: float) -> None:
    """Within a writing transaction after `check`: the lease runs anew."""
    db.execute(update(SITES).where(SITES.c.site == hold.site).values(held_until=time.time() + lease_s))


def give_back(engine: Engine, hold: Hold) -> None:
    """Frees the site, if the hold is still ours."""
    with engine.begin() as db:
        release(db, hold)


def release(db: Connection, hold: Hold) -> None:
    """The same within a transaction."""
    mine = and_(SITES.c.site == hold.site, SITES.c.fence == hold.fence)
    db.execute(update(SITES).where(mine).values(holder="", held_until=0.0))


class HostTurns:
    """Turns at hosts across processes: one request at a time, and the pause between two (a `pace.Ledger`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._me = me()

    def claim(self, host: str, hold_s: float) -> float:
        """0.0 when the host is ours for `hold_s`; else the seconds to wait before asking again."""
        with self._engine.begin() as db:
            insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(HOSTS)
            db.execute(
                insert.values(host=host, holder="", held_until=0.0, next_at=0.0).on_conflict_do_nothing(
                    index_elements=["host"]
                )
            )
            query = select(HOSTS).where(HOSTS.c.host == host)
            row = db.execute(query.with_for_update() if db.dialect.name == "postgresql" else query).one()
            now = time.time()
            if row.holder and row.holder != self._me and row.held_until > now and not is_gone(row.holder):
                return float(min(0.2, row.held_until - now))
            # A clock that was set back must not make a host wait for hours.
            if now < row.next_at < now + 3600:
                return float(row.next_at - now)
            db.execute(update(HOSTS).where(HOSTS.c.host == host).values(holder=self._me, held_until=now + hold_s))
            return 0.0

    def release(self, host: str, rest_s: float) -> None:
        """Gives the host back, to be asked again after `rest_s`."""
        with self._engine.begin() as db:
            db.execute(
                update(HOSTS)
                .where(HOSTS.c.host == host, HOSTS.c.holder == self._me)
                .values(holder="", held_until=0.0, next_at=time.time() + rest_s)
            )
