"""Where pages are audited: this process, worker processes of this machine, or a Ray cluster. The findings are the same, byte for byte.

    with open_engine(config, documents) as engine:
        for audited in engine.audit(pages): ...      # PageAudit, in the order of `pages`, which may be a stream
        engine.undersold(sentences); engine.versions; engine.documents; engine.passages

Each worker opens the models once and indexes the documentation once. A worker that dies takes the run down with a plain message; what it had
finished lies in the store.
"""

from __future__ import annotations

import collections
import multiprocessing
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Protocol

from pipeline.config import Config
from pipeline.errors import SaysdoesError, UsageError
from pipeline.generality import Clone, Voice
from pipeline.records import Claim, Page, PageAudit, Undersold

# Pages under way for each worker: enough to keep it busy, few enough to hold in memory.
AHEAD = 4


class Audits(Protocol):
    """What an engine needs of an auditor; `pipeline.audit.Auditor` is the one."""

    versions: Mapping[str, str]
    documents: int

    def audit_page(self, page: Page) -> PageAudit:
        """One page."""

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        """For each claim whether its retrieval gives a passage of one of `documents`."""

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        """What no sentence of `copy` speaks of."""


Opener = Callable[[Config, Sequence[Page]], Audits]


def open_auditor(config: Config, documents: Sequence[Page]) -> Audits:
    """The models and one indexed documentation set."""
    from pipeline.audit import Auditor

    return Auditor(config, documents)


def _facts(auditor: Audits) -> tuple[dict[str, str], int, int]:
    index = getattr(auditor, "index", None)
    return dict(auditor.versions), auditor.documents, len(index.passages) if index is not None else 0


def _beside(auditor: Any, pages: Sequence[PageAudit]) -> tuple[tuple[Clone, ...], tuple[Voice, ...]]:
    if not hasattr(auditor, "beside_each_other"):
        return (), ()
    _, clones, voices = auditor.beside_each_other(pages)
    return clones, voices


class Engine:
    """Audits in this process; the others differ in `_submit` and `_first` only."""

    def __init__(self, config: Config, documents: Sequence[Page], opener: Opener) -> None:
        self._auditor = opener(config, documents)
        self.versions, self.documents, self.passages = _facts(self._auditor)

    def __enter__(self) -> Engine:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets the workers go."""
        self.close()

    def close(self) -> None:
        """Nothing to let go."""

    def audit(self, pages: Iterable[Page]) -> Iterator[PageAudit]:
        """A PageAudit for each page, in order."""
        for page in pages:
            yield self._auditor.audit_page(page)

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        """Documented capabilities that no sentence of `copy` speaks of."""
        return self._auditor.undersold(copy)

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        """For each claim whether its retrieval gives a passage of one of `documents`."""
        return self._auditor.reached(claims, documents)

    def beside(self, pages: Sequence[PageAudit]) -> tuple[tuple[Clone, ...], tuple[Voice, ...]]:
        """(near-clones among the pages, how much the copy speaks of each capability)."""
        return _beside(self._auditor, pages)


_mine: Any = None


def _open_here(config: Config, documents: Sequence[Page], opener: Opener) -> None:
    global _mine
    _mine = opener(config, documents)


def _audit_here(page: Page) -> PageAudit:
    found: PageAudit = _mine.audit_page(page)
    return found


def _undersold_here(copy: Sequence[str]) -> tuple[Undersold, ...]:
    found: tuple[Undersold, ...] = _mine.undersold(copy)
    return found


def _reached_here(claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
    found: tuple[bool, ...] = _mine.reached(claims, documents)
    return found


def _beside_here(pages: Sequence[PageAudit]) -> tuple[tuple[Clone, ...], tuple[Voice, ...]]:
    return _beside(_mine, pages)


def _facts_here() -> tuple[dict[str, str], int, int]:
    return _facts(_mine)


class LocalWorkers(Engine):
    """Worker processes, started afresh so that no thread or database connection is carried over."""

    def __init__(self, config: Config, documents: Sequence[Page], opener: Opener, workers: int) -> None:
        self._size = workers
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_open_here,
            initargs=(config, documents, opener),
        )
        self.versions, self.documents, self.passages = self._first(_facts_here)

    def close(self) -> None:
        """Ends the workers; pages that have not begun are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _first(self, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return self._pool.submit(call, *args).result()
        except BrokenProcessPool as err:
            raise _dead() from err

    def audit(self, pages: Iterable[Page]) -> Iterator[PageAudit]:
        """A PageAudit for each page, in order."""
        running: collections.deque[Future[PageAudit]] = collections.deque()
        try:
            for page in pages:
                running.append(self._pool.submit(_audit_here, page))
                if len(running) >= AHEAD * self._size:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as err:
            raise _dead() from err

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        """Documented capabilities that no sentence of `copy` speaks of."""
        found: tuple[Undersold, ...] = self._first(_undersold_here, copy)
        return found

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        """For each claim whether its retrieval gives a passage of one of `documents`."""
        found: tuple[bool, ...] = self._first(_reached_here, claims, documents)
        return found

    def beside(self, pages: Sequence[PageAudit]) -> tuple[tuple[Clone, ...], tuple[Voice, ...]]:
        """(near-clones among the pages, how much the copy speaks of each capability)."""
        found: tuple[tuple[Clone, ...], tuple[Voice, ...]] = self._first(_beside_here, pages)
        return found


def _dead() -> SaysdoesError:
    return UsageError(
        "A worker process ended, most likely for want of memory: lower nightly.workers (each needs about 0.5 GiB) and run the same "
        "command again; pages that were done are kept."
    )


class RayWorkers(Engine):
    """Ray actors, each with the models opened once. The documentation is put into Ray's object store once."""

    def __init__(self, config: Config, documents: Sequence[Page], opener: Opener, workers: int) -> None:
        try:
            import ray
        except ImportError as err:
            raise UsageError("nightly.engine is `ray`, which is not installed: pip install 'saysdoes[ray]'.") from err
        self._ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            # Workers must not fetch anything, and Ray's usage report is off.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            address = config.nightly.ray_address
            local = {} if address else {"num_cpus": workers, "include_dashboard": False}
            ray.init(address=address or None, log_to_driver=False, logging_level="ERROR", **local)
        actor = ray.remote(num_cpus=1)(_RayAuditor)
        shared = ray.put(tuple(documents))
        self._actors = [actor.remote(config, shared, opener) for _ in range(workers)]
        self.versions, self.documents, self.passages = ray.get(self._actors[0].facts.remote())

    def close(self) -> None:
        """Ends the actors, and Ray where it was started here."""
        for actor in self._actors:
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()

    def audit(self, pages: Iterable[Page]) -> Iterator[PageAudit]:
        """A PageAudit for each page, in order."""
        running: collections.deque[Any] = collections.deque()
        for number, page in enumerate(pages):
            running.append(self._actors[number % len(self._actors)].audit_page.remote(page))
            if len(running) >= AHEAD * len(self._actors):
                yield self._ray.get(running.popleft())
        while running:
            yield self._ray.get(running.popleft())

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        """Documented capabilities that no sentence of `copy` speaks of."""
        found: tuple[Undersold, ...] = self._ray.get(self._actors[0].undersold.remote(list(copy)))
        return found

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        """For each claim whether its retrieval gives a passage of one of `documents`."""
        found: tuple[bool, ...] = self._ray.get(self._actors[0].reached.remote(list(claims), set(documents)))
        return found

    def beside(self, pages: Sequence[PageAudit]) -> tuple[tuple[Clone, ...], tuple[Voice, ...]]:
        """(near-clones among the pages, how much the copy speaks of each capability)."""
        found: tuple[tuple[Clone, ...], tuple[Voice, ...]] = self._ray.get(self._actors[0].beside.remote(list(pages)))
        return found


class _RayAuditor:
    """What runs inside an actor."""

    def __init__(self, config: Config, documents: Sequence[Page], opener: Opener) -> None:
        self._auditor = opener(config, documents)

    def facts(self) -> tuple[dict[str, str], int, int]:
        return _facts(self._auditor)

    def audit_page(self, page: Page) -> PageAudit:
        return self._auditor.audit_page(page)

    def undersold(self, copy: Sequence[str]) -> tuple[Undersold, ...]:
        return self._auditor.undersold(copy)

    def reached(self, claims: Sequence[Claim], documents: Collection[str]) -> tuple[bool, ...]:
        return self._auditor.reached(claims, documents)

    def beside(self, pages: Sequence[PageAudit]) -> tuple[tuple[Clone, ...], tuple[Voice, ...]]:
        return _beside(self._auditor, pages)


def open_engine(config: Config, documents: Sequence[Page], *, opener: Opener = open_auditor) -> Engine:
    """The engine that `nightly.engine` and `nightly.workers` name."""
    if config.nightly.engine == "ray":
        return RayWorkers(config, documents, opener, config.nightly.workers)
    if config.nightly.workers > 1:
        return LocalWorkers(config, documents, opener, config.nightly.workers)
    return Engine(config, documents, opener)
