"""Readers at once on the web app, over loopback: `bench web [--readers N] [--seconds S]`.

A server of its own on a temporary store, with two pages of the demo product audited on demand and as nightly runs; each reader goes round the
pages of the app as fast as it is answered, reader and server on the same machine. Prints requests, errors, rate and the times that half and 95 of 100 answers took.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import pathlib
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.config import Config
from pipeline.records import Audit


@contextlib.contextmanager
def served(config: Config, audits: Sequence[Audit]) -> Iterator[tuple[int, list[str]]]:
    """A server with these audits in its store; yields its port and the pages to read."""
    import uvicorn

    from pipeline.report import audit_document, page_part
    from pipeline.store import Store
    from pipeline.store.jobs import Jobs, Order
    from pipeline.web.app import create_app
    from pipeline.web.foreman import Foreman
    from pipeline.web.guard import House

    class Idle(Foreman):
        """Readers start no audit, so no models are opened."""

        def start(self) -> None:
            """Nothing to start."""

        def stop(self) -> None:
            """Nothing to stop."""

    made = config.model_copy(
        update={
            "product": audits[0].product, "docs": ["unread"], "products": [],
            "web": config.web.model_copy(update={"requests_per_minute": 0}),
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Store(pathlib.Path(folder) / "store.sqlite") as store:
        jobs = Jobs(store.engine)
        home = House(made, store, Idle(made, "", jobs), b"k" * 40)
        pages = ["/", "/audits", "/desk", "/history", "/claims", "/claims?q=plan", "/api/v1/audits"]
        for audit in audits:
            document = audit_document(audit) | {"pages": [page_part(p) for p in audit.pages]}
            night = home.runs.save_audit(document, kind="nightly")
            order = Order(kind="text", name="pasted text")
            job = jobs.add(order, product=audit.product, owner="local", title="Audit", most=99, most_own=99)
            jobs.take()
            jobs.end(job.id, "done", audit=audit, summary={"run": night.id, "claims": 1, "judged": 0, "findings": 0})
            pages += [f"/audits/{job.id}", f"/runs/{night.id}", f"/api/v1/audits/{job.id}/result"]
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(create_app(home), log_level="error", server_header=False))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            try:
                yield int(listener.getsockname()[1]), pages
            finally:
                server.should_exit = True
                thread.join(timeout=20)


def read(port: int, pages: Sequence[str], first: int, end: float, times: list[float], errors: list[str]) -> None:
    """One reader until `end` (monotonic seconds): adds seconds of good answers to `times`, others to `errors`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    turn = first
    while time.monotonic() < end:
        path = pages[turn % len(pages)]
        turn += 1
        began = time.monotonic()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        except OSError as err:
            errors.append(f"{path}: {err}")
            connection.close()
            continue
        if answer.status == 200:
            times.append(time.monotonic() - began)
        else:
            errors.append(f"{path}: {answer.status}")
    connection.close()


def main(argv: Sequence[str], config: Config) -> int:
    """Prints the figures; 1 when there was an error."""
    from pipeline.audit import Auditor
    from pipeline.demo import FOLDER
    from pipeline.sources import read_places

    parser = argparse.ArgumentParser(prog="bench web", description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args(argv)

    def read_in(*names: str) -> Any:
        places = [str(FOLDER / n) for n in names]
        return read_places(
            places, verbatim=names == ("docs",), what="Demo", fetch=lambda _: ([], []), stdin=lambda: b""
        )

    made = config.model_copy(update={"product": "Demo"})
    auditor = Auditor(made, read_in("docs").pages)
    audits = [auditor.audit(read_in(f"site/{n}").pages, ()) for n in ("pricing.html", "security.html")]
    return measure(made, audits, args.readers, args.seconds)


def measure(config: Config, audits: Sequence[Audit], readers: int, seconds: float) -> int:
    """Lets `readers` read for `seconds` and prints what came of it."""
    with served(config, audits) as (port, pages):
        warm: list[Any] = []
        read(port, pages, 0, time.monotonic() + 2, warm, [])
        times: list[list[float]] = [[] for _ in range(readers)]
        errors: list[str] = []
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=read, args=(port, pages, n, end, times[n], errors)) for n in range(readers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    every = sorted(t for own in times for t in own)
    if not every:
        sys.stdout.write(f"no answer at all; {len(errors)} errors, the first: {errors[:1]}\n")
        return 1
    sys.stdout.write(
        f"{readers} readers for {seconds:g} s on {len(pages)} pages: {len(every)} answers, {len(errors)} errors, "
        f"{len(every) / seconds:.0f} a second; half within {1000 * statistics.median(every):.0f} ms, "
        f"95 of 100 within {1000 * every[int(0.95 * len(every))]:.0f} ms, the slowest {1000 * every[-1]:.0f} ms\n"
    )
    for error in errors[:5]:
        sys.stdout.write(f"  {error}\n")
    return 1 if errors else 0
