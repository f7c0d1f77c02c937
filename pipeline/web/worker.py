"""The process in which audits run: one warm Auditor a product, orders as JSON lines on its standard input, answers on its output.

Orders: {"do": "audit", "job"}, {"do": "cancel", "job"}, {"do": "judge", "ask", "product", "text"}; the end of input ends it.
Answers: {"job", "stage", "done", "total"}, {"job", "state"}, {"ask", "rows" | "error"}.

While an audit runs, the writing desk is answered between two small batches of claims, so a writer never waits for a whole page.
"""

from __future__ import annotations

import json
import os
import pathlib
import queue
import re
import sys
import tempfile
import threading
import time
import traceback
from collections import OrderedDict
from typing import Any, TextIO

from pipeline.audit import Auditor
from pipeline.config import Config
from pipeline.errors import SaysdoesError
from pipeline.reach import fetch_pages, fetch_site
from pipeline.records import OVERPROMISES, Audit, Problem
from pipeline.report import audit_document, page_part
from pipeline.sources import Read, is_url, read_places
from pipeline.store import Store
from pipeline.store.jobs import Jobs, Order
from pipeline.store.runs import ON_DEMAND, RunStore
from pipeline.web.desk import Desk
from pipeline.web.products import Product, config_for, products_of, state_of

# Each holds models and an index: some 0.3 GiB. Beyond these the one unused for longest is closed.
MOST_WARM = 3
# Documentation behind URLs is read again after so long; files are looked at before each audit.
URLS_HOLD_S = 24 * 3600
PROGRESS_EVERY_S = 0.25
WARM_UP = "Every plan includes single sign-on for up to 50 people, and the app for phones works without a connection."


class Cancelled(Exception):
    """The audit is no longer wanted."""


class Warm:
    """An Auditor with the desk's memory, and the state of the documentation that it was made from."""

    def __init__(self, config: Config, product: Product, progress: Any) -> None:
        self.state = state_of(product.docs)
        self.made = time.monotonic()
        read = read_places(
            product.docs, verbatim=True, what="Documentation", fetch=fetch_site(config, documents=True, progress=progress),
            stdin=lambda: b"",
        )  # fmt: skip
        if not read.pages:
            said = " ".join(p.message for p in read.problems[:3])
            raise SaysdoesError(f"No documentation of {product.name} could be read, so nothing can be checked. {said}")
        self.problems: tuple[Problem, ...] = read.problems
        self.auditor = Auditor(config, read.pages, progress=progress)
        self.desk = Desk(self.auditor)
        # What is opened at the first sentence is opened now, not while somebody waits.
        self.desk.judge(WARM_UP)

    def is_current(self, product: Product) -> bool:
        """Whether the documentation is still as it was."""
        by_url = any(is_url(d) for d in product.docs)
        return self.state == state_of(product.docs) and not (by_url and time.monotonic() - self.made > URLS_HOLD_S)


class Worker:
    """Takes orders until its input ends."""

    def __init__(self, config: Config, store: Store, out: TextIO) -> None:
        self._config = config
        self._products = {p.name: p for p in products_of(config)}
        self._jobs, self._runs = Jobs(store.engine), RunStore(store)
        self._out = out
        self._warm: OrderedDict[str, Warm] = OrderedDict()
        self._orders: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._backlog: list[dict[str, Any]] = []
        self._running = ""
        self._making = False

    def say(self, **message: Any) -> None:
        """One answer."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def listen(self, source: TextIO) -> None:
        """Puts orders into the queue; runs in a thread of its own."""
        for line in source:
            self._orders.put(json.loads(line))
        self._orders.put(None)

    def warm_up(self) -> None:
        """Opens the first products before anybody asks; what cannot be opened is told to the first who does."""
        for name in list(self._products)[:MOST_WARM]:
            try:
                self._auditor(name, lambda *_: None)
            except SaysdoesError as err:
                sys.stderr.write(f"{name}: {err}\n")

    def work(self) -> None:
        """One order after the other."""
        while True:
            order = self._backlog.pop(0) if self._backlog else self._orders.get()
            if order is None:
                return
            if order["do"] == "audit":
                self._audit(order["job"])
            elif order["do"] == "judge":
                self._judge(order)

    def _pump(self) -> None:
        """Between two steps of an audit: answers the desk, sees whether the audit is still wanted."""
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            if order is None:
                os._exit(0)  # the parent is gone; the job goes back into the queue at its next start
            if order["do"] == "judge":
                # What is being made cannot answer yet.
                if self._making:
                    self._backlog.append(order)
                else:
                    self._judge(order)
            elif order["do"] == "cancel" and order["job"] == self._running:
                raise Cancelled
            elif order["do"] == "audit":
                self._backlog.append(order)

    def _auditor(self, name: str, progress: Any) -> Warm:
        product = self._products[name]
        found = self._warm.get(name)
        if found is None or not found.is_current(product):
            self._warm.pop(name, None)
            while len(self._warm) >= MOST_WARM:
                self._warm.popitem(last=False)
            self._making = True
            try:
                found = Warm(config_for(self._config, product), product, progress)
            finally:
                self._making = False
            self._warm[name] = found
        self._warm.move_to_end(name)
        return found

    def _judge(self, order: dict[str, Any]) -> None:
        try:
            # An audit of another product may not lose its Auditor while it runs, but a new one may come beside it.
            warm = self._auditor(order["product"], lambda *_: None)
            self.say(ask=order["ask"], rows=warm.desk.judge(order["text"]))
        except SaysdoesError as err:
            self.say(ask=order["ask"], error=str(err))
        except Exception:  # noqa: BLE001 - one bad text must not end the process that others are waiting for
            traceback.print_exc()
            self.say(ask=order["ask"], error="This text could not be judged; the server's log says why.")

    def _audit(self, ident: str) -> None:
        last = 0.0
        self._running = ident

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal last
            self._pump()
            if time.monotonic() - last >= PROGRESS_EVERY_S or done == 0:
                last = time.monotonic()
                self.say(job=ident, stage=stage, done=done, total=total)

        try:
            job = self._jobs.get(ident)
            if job is None or job.state != "running":
                return
            if job.product not in self._products:
                raise SaysdoesError(f"The product {job.product} is no longer in the configuration.")
            warm = self._auditor(job.product, progress)
            order = self._jobs.order(ident)
            progress("reading the page", 0, 0)
            read = self._read(order, config_for(self._config, self._products[job.product]), progress)
            if not read.pages:
                said = " ".join(p.message for p in read.problems) or "It holds no text."
                raise SaysdoesError(f"Nothing could be read. {said}")
            audit = warm.auditor.audit(read.pages, [*warm.problems, *read.problems], progress=progress)
            self._finish(ident, audit)
        except Cancelled:
            self._jobs.end(ident, "cancelled")
        except SaysdoesError as err:
            self._jobs.end(ident, "failed", str(err))
        except Exception:  # noqa: BLE001 - the job fails, the process goes on
            traceback.print_exc()
            self._jobs.end(ident, "failed", "The audit ended with an internal error; the server's log says which.")
        finally:
            self._running = ""
            self.say(job=ident, state="ended")

    def _read(self, order: Order, config: Config, progress: Any) -> Read:
        fetch = fetch_pages(config, progress=progress)
        if order.kind == "url":
            return read_places([order.name], verbatim=False, what="Page", fetch=fetch, stdin=lambda: b"")
        if order.kind == "text":
            return read_places(["-"], verbatim=False, what="Copy", fetch=fetch, stdin=lambda: order.body)
        with tempfile.TemporaryDirectory(prefix="saysdoes-") as folder:
            file = pathlib.Path(folder) / (re.sub(r"[^\w.-]", "_", order.name)[-80:].lstrip(".-") or "file.txt")
            file.write_bytes(order.body)
            return read_places([str(file)], verbatim=False, what="File", fetch=fetch, stdin=lambda: b"")

    def _finish(self, ident: str, audit: Audit) -> None:
        document = audit_document(audit)
        # With the blocks of each page, so that the run can be shown in place later on.
        pages = [page_part(p) for p in audit.pages]
        run = self._runs.save_audit({**document, "pages": pages}, kind=ON_DEMAND)
        judged = [j for p in audit.pages for j in p.judgements]
        summary = {
            "run": run.id, "title": audit.pages[0].page.title, "claims": len(judged), "judged": audit.score.judged,
            "proven": document["summary"]["verdicts"]["supported"], "findings": sum(j.verdict in OVERPROMISES for j in judged),
            **{k: document["summary"]["scores"][k] for k in ("proof_rate", "overpromise_risk", "generic_share", "grade")},
        }  # fmt: skip
        self._jobs.end(ident, "done", audit=audit, summary=summary)


def main() -> None:
    """Runs a worker on standard input and output; the first line is {"config", "store"}."""
    # What a library prints must not get between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    first = json.loads(sys.stdin.readline())
    with Store(first["store"]) as store:
        worker = Worker(Config.model_validate(first["config"]), store, out)
        threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True).start()
        worker.say(ready=True)
        worker.warm_up()
        worker.work()


if __name__ == "__main__":
    main()
