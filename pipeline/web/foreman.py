"""The web process's side of the worker: takes jobs from the queue, hands them over, hears progress, stops what takes too long.

The worker is a process of its own, so that no audit holds up a page, a hanging file can be killed, and a crash costs one try of
one job. Everything here runs in two threads: one that reads the worker's answers, one that takes the next job.
"""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any

from pipeline.config import Config
from pipeline.errors import SaysdoesError
from pipeline.store.jobs import Jobs

LOG = logging.getLogger("saysdoes.web")
# How long a cancelled audit may take to notice before its process is ended.
CANCEL_S = 15.0
STORE_EVERY_S = 1.0


class Unavailable(SaysdoesError):
    """The worker cannot answer now."""


class Foreman:
    """One worker process and the job that it has in hand."""

    def __init__(self, config: Config, place: str, jobs: Jobs, command: list[str] | None = None) -> None:
        self._config, self._place, self._jobs = config, place, jobs
        self._command = command or [sys.executable, "-m", "pipeline.web.worker"]
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.RLock()
        self._news = threading.Condition()
        self._asked: dict[int, Future[list[dict[str, Any]]]] = {}
        self._numbers = itertools.count(1)
        self._in_hand = ""
        self._began = self._stored = 0.0
        self._cancelled_at: float | None = None
        self._now: dict[str, tuple[str, int, int]] = {}
        self._stop = False
        self._restart_at = 0.0
        self._thread = threading.Thread(target=self._run, name="foreman", daemon=True)

    # For the web process

    def start(self) -> None:
        """Begins to work on the queue; jobs of an earlier process go back into it."""
        lost = self._jobs.recover()
        if lost:
            LOG.info("%d audits of an earlier process were put back into the queue", lost)
        if self._config.web.keep_days:
            self._jobs.forget(older_than=time.time() - self._config.web.keep_days * 86400)
        self._thread.start()

    def stop(self) -> None:
        """Ends the worker; its job is put back into the queue."""
        self._stop = True
        self.wake()
        self._thread.join(timeout=10)
        self._end_process()
        self._jobs.recover()

    def wake(self) -> None:
        """Says that there may be something to do."""
        with self._news:
            self._news.notify_all()

    def progress(self, ident: str) -> tuple[str, int, int] | None:
        """(stage, done, total) of the job in hand, newer than what the store knows; None for any other."""
        return self._now.get(ident)

    def cancel(self, ident: str) -> None:
        """Ends a queued job at once, a running one at its next step."""
        with self._lock:
            if ident == self._in_hand:
                self._cancelled_at = self._cancelled_at or time.monotonic()
                self._send({"do": "cancel", "job": ident})
                return
        self._jobs.end(ident, "cancelled")

    def judge(self, product: str, text: str) -> Future[list[dict[str, Any]]]:
        """The desk's answer to a text. Its exception is an Unavailable with what to tell the user."""
        answer: Future[list[dict[str, Any]]] = Future()
        with self._lock:
            number = next(self._numbers)
            self._asked[number] = answer
            if not self._send({"do": "judge", "ask": number, "product": product, "text": text}):
                self._asked.pop(number, None)
                answer.set_exception(Unavailable("The checker is starting. Try again in a few seconds."))
        return answer

    def alive(self) -> bool:
        """Whether the worker runs."""
        process = self._process
        return process is not None and process.poll() is None

    # The thread

    def _run(self) -> None:
        while not self._stop:
            try:
                self._step()
            except Exception:
                LOG.exception("the foreman goes on after an error")
                time.sleep(1)
            with self._news:
                if not self._stop:
                    self._news.wait(timeout=0.5)

    def _step(self) -> None:
        if not self.alive():
            self._after_death()
            if time.monotonic() < self._restart_at:
                return
            self._begin_process()
        if self._in_hand:
            self._look_after()
            return
        job = self._jobs.take()
        if job is not None:
            with self._lock:
                self._in_hand, self._began, self._cancelled_at = job.id, time.monotonic(), None
                self._now = {job.id: ("starting", 0, 0)}
                self._send({"do": "audit", "job": job.id})

    def _look_after(self) -> None:
        now = time.monotonic()
        late = now - self._began > self._config.web.job_minutes * 60
        deaf = self._cancelled_at is not None and now - self._cancelled_at > CANCEL_S
        if late:
            self._jobs.end(
                self._in_hand,
                "failed",
                f"The audit was stopped after {self._config.web.job_minutes:g} minutes. Try a smaller page or file.",
            )
        elif deaf:
            self._jobs.end(self._in_hand, "cancelled")
        if late or deaf:
            self._end_process()
        elif now - self._stored > STORE_EVERY_S and self._in_hand in self._now:
            self._stored = now
            self._jobs.progress(self._in_hand, *self._now[self._in_hand])

    def _after_death(self) -> None:
        with self._lock:
            if self._process is None:
                return
            LOG.warning("the worker ended with code %s", self._process.poll())
            self._process = None
            self._restart_at = time.monotonic() + 1
            self._in_hand, self._now = "", {}
            asked, self._asked = self._asked, {}
        self._jobs.recover()
        for answer in asked.values():
            answer.set_exception(Unavailable("The checker had to start again. Try again in a few seconds."))

    def _begin_process(self) -> None:
        with self._lock:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
            self._send({"config": self._config.model_dump(mode="json"), "store": self._place})
            threading.Thread(target=self._hear, args=(self._process,), name="foreman-ear", daemon=True).start()

    def _end_process(self) -> None:
        with self._lock:
            process = self._process
            if process is None:
                return
            process.kill()
        process.wait(timeout=10)

    def _send(self, message: dict[str, Any]) -> bool:
        with self._lock:
            process = self._process
            if process is None or process.stdin is None:
                return False
            try:
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            except (BrokenPipeError, ValueError):
                return False
            return True

    def _hear(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self._heard(json.loads(line))
            except ValueError:
                LOG.warning("the worker said something that is no answer: %r", line[:200])
        self.wake()

    def _heard(self, message: dict[str, Any]) -> None:
        if "ask" in message:
            with self._lock:
                answer = self._asked.pop(message["ask"], None)
            if answer is not None and not answer.cancelled():
                if "error" in message:
                    answer.set_exception(Unavailable(message["error"]))
                else:
                    answer.set_result(message["rows"])
        elif message.get("state") == "ended":
            with self._lock:
                if message["job"] == self._in_hand:
                    self._in_hand, self._now = "", {}
            self.wake()
        elif "job" in message:
            self._now = {message["job"]: (message["stage"], message["done"], message["total"])}


