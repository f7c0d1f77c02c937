"""Hostile pages are read in processes that can be killed: wall clock and memory are bounded, the parent is not at risk.

A worker is `python -m pipeline.crawl.quarantine`, which reads (url, content type, body) frames from stdin and answers
JSON, never a pickle: a page that takes a worker over can still only send data.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from typing import Any

from pipeline.crawl.facts import Hostile, read_facts

HEAD = struct.Struct(">II")
# How long a page waits for a busy reader before another one is started, in seconds.
PATIENCE_S = 0.25
MAX_ANSWER = 32 * 1024 * 1024


class Killed(Exception):
    """The page was too much for its reader; the text says in which way."""


class _Worker:
    """One child process and its pipes."""

    def __init__(self, memory: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.crawl.quarantine", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self.fresh = True

    def ask(self, meta: bytes, body: bytes, seconds: float) -> dict[str, Any]:
        """The answer to one page. Raises TimeoutError, or EOFError when the worker dies."""
        ends = time.monotonic() + seconds
        left = memoryview(HEAD.pack(len(meta), len(body)) + meta + body)
        while left:
            if not select.select([], [self._in], [], max(0.0, ends - time.monotonic()))[1]:
                raise TimeoutError
            try:
                left = left[os.write(self._in, left[: 1 << 20]) :]
            except BrokenPipeError as err:
                raise EOFError from err
        size = struct.unpack(">I", self._read(4, ends))[0]
        if size > MAX_ANSWER:
            raise EOFError
        found: dict[str, Any] = json.loads(self._read(size, ends))
        return found

    def _read(self, size: int, ends: float) -> bytes:
        out = bytearray()
        while len(out) < size:
            if not select.select([self._out], [], [], max(0.0, ends - time.monotonic()))[0]:
                raise TimeoutError
            piece = os.read(self._out, size - len(out))
            if not piece:
                raise EOFError
            out += piece
        return bytes(out)

    def kill(self) -> None:
        """Ends the child at once."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Quarantine:
    """`size` readers; each may take `seconds` and `memory` bytes for one page.

    One is started at once, so that its imports run while the first pages are fetched; the others when they are needed.
    """

    def __init__(self, *, size: int, seconds: float, memory: int) -> None:
        self._seconds, self._memory = seconds, memory
        # Last in, first out: the one that has just worked is warm.
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        # Readers that may yet be started; a killed one gives its permit back.
        self._more = threading.Semaphore(size)
        self._more.acquire()
        self._free.put(self._start())

    def _start(self) -> _Worker:
        worker = _Worker(self._memory)
        with self._lock:
            self._all.add(worker)
        return worker

    def _take(self) -> _Worker:
        """A reader that runs, if one gets free soon: starting one costs as much as reading forty pages."""
        while True:
            try:
                return self._free.get(timeout=PATIENCE_S)
            except queue.Empty:
                if self._more.acquire(blocking=False):
                    return self._start()

    def _drop(self, worker: _Worker) -> None:
        worker.kill()
        with self._lock:
            self._all.discard(worker)
        self._more.release()

    def read(self, url: str, content_type: str, body: bytes) -> dict[str, Any]:
        """Facts of a page (see `facts.read_facts`). Raises Killed for a page that no reader survives."""
        worker = self._take()
        # A fresh reader's imports are not the page's fault.
        grace = 20.0 if worker.fresh else 0.0
        worker.fresh = False
        try:
            meta = json.dumps([url, content_type]).encode()
            found = worker.ask(meta, body, self._seconds + grace)
        except TimeoutError as err:
            self._drop(worker)
            raise Killed(f"reading it took longer than {self._seconds:g} s") from err
        except (EOFError, ValueError) as err:
            self._drop(worker)
            raise Killed(f"its reader died (memory limit {self._memory // 2**20} MiB)") from err
        self._free.put(worker)
        if "hostile" in found:
            raise Killed(str(found["hostile"]))
        return found

    def close(self) -> None:
        """Ends all readers."""
        with self._lock:
            for worker in self._all:
                worker.kill()
            self._all.clear()


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) < size:
        raise SystemExit(0)
    return data


def main() -> None:
    """Serves frames until stdin ends."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while True:
        meta_size, body_size = HEAD.unpack(_exactly(stdin, HEAD.size))
        url, content_type = json.loads(_exactly(stdin, meta_size))
        body = _exactly(stdin, body_size)
        try:
            answer: dict[str, Any] = read_facts(url, content_type, body)
        except Hostile as err:
            answer = {"hostile": str(err)}
        except MemoryError:
            os._exit(3)
        data = json.dumps(answer).encode("utf-8", "replace")
        stdout.write(struct.pack(">I", len(data)) + data)
        stdout.flush()


if __name__ == "__main__":
    main()
