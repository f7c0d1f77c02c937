"""One night of one product, from the lock to the stored run. What comes after it (news, letters, figures) is in the rooms next door.

Killed at any point, the same command goes on: the crawl from its frontier, the audit from the pages that are done, what follows the stored run
(news, letters, files) from its beginning. Nothing of a run is visible before it is whole.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import report
from pipeline.audit import Progress, silent, sold_copy, timestamp
from pipeline.config import Config
from pipeline.engine import Engine, Opener, open_auditor, open_engine
from pipeline.errors import UsageError
from pipeline.nightly import choice, marks
from pipeline.nightly.places import Found, OutOfTime, Place, find_places
from pipeline.reach import EXPECTED
from pipeline.records import Audit, Page, PageAudit, Problem, Undersold
from pipeline.score import score_page
from pipeline.store import Held, Store
from pipeline.store.holding import Hold, give_back, take
from pipeline.store.holding import renew as renew_hold
from pipeline.store.runs import NIGHTLY, Run, RunStore, StoredPage, require_product

# The lock on a product lapses so long after its last renewal, or at once when its process is gone.
LEASE_S = 900.0
# What all pages together tell, beside the scores.
LISTS = ("undersold", "clones", "share_of_voice")
Log = Callable[..., None]


def no_log(event: str, **facts: Any) -> None:
    """A log that nobody keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one call asks for. `deadline` is in monotonic seconds; `full` audits every page anew."""

    deadline: float | None = None
    full: bool = False
    progress: Progress = silent
    log: Log = no_log
    opener: Opener = open_auditor


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What became of the night. `run` is None where nothing could be read; `before` is the run that it is compared with.

    `audited` and `kept` count pages; `stopped` says that the minutes were over and the next call goes on.
    """

    run: Run | None
    before: Run | None
    audited: int
    kept: int
    stopped: bool
    problems: tuple[Problem, ...]
    documents: Mapping[str, Page]
    docs_changed: bool


def lock(store: Store, product: str, wait_s: float) -> Hold:
    """The lock on a product. Raises UsageError when another run has it for longer than `wait_s`."""
    try:
        return take(store.engine, f"nightly:{product}", lease_s=LEASE_S, wait_s=wait_s)
    except Held as err:
        raise UsageError(
            f"Another nightly run of {product} has not ended after {wait_s / 60:.0f} minutes of waiting (nightly.wait_minutes): "
            "let it end, or stop it."
        ) from err


def run_night(config: Config, store: Store, options: Options, after: Callable[[Night], None] | None = None) -> Night:
    """Reads, audits, stores, and does `after`, all under the lock. Raises UsageError for a configuration that names too little."""
    product = require_product(config.product)
    if not config.targets or not config.docs:
        raise UsageError("A nightly run needs `targets:` and `docs:` in the configuration (--config FILE).")
    hold = lock(store, product, config.nightly.wait_minutes * 60)
    try:
        night = _Nightly(config, store, hold, options).run(product)
        if after is not None:
            after(night)
    except BaseException:
        give_back(store.engine, hold)
        raise
    if night.run is None:
        give_back(store.engine, hold)
    else:
        RunStore(store).close_night(night.run, hold)
    return night


class _Nightly:
    def __init__(self, config: Config, store: Store, hold: Hold, options: Options) -> None:
        self.config, self.store, self.hold, self.options = config, store, hold, options
        self.runs = RunStore(store)
        self.renewed = time.monotonic()

    def run(self, product: str) -> Night:
        log, config = self.options.log, self.config
        before = self.runs.latest(product)
        try:
            sources = self._find(config.docs, documents=True)
            copy = self._find(config.targets, documents=False)
        except OutOfTime:
            log("stopped", phase="fetching")
            return self._nothing(before, (), stopped=True)
        held = self.runs.documents_of(before.id) if before else {}
        found, pages, unread = choice.documents_of(sources.places, held)
        problems = [*sources.problems, *unread, *copy.problems]
        if not found or not copy.places:
            log("nothing_read", documents=len(found), pages=len(copy.places))
            return self._nothing(before, tuple(problems), stopped=False)
        texts = choice.texts_of(found)
        instrument, settings, docs = marks.instrument_of(config), marks.config_hash(config), marks.docs_hash(texts)
        changed = [] if before is None else [
            word
            for word, now, was in (
                ("models", instrument, before.instrument),
                ("config", settings, before.config_hash),
                ("docs", docs, before.docs_hash),
            )
            if now != was
        ]  # fmt: skip
        run = self.runs.begin_run(
            product, NIGHTLY, instrument=instrument, config_hash=settings, docs_hash=docs, documents=found, changed=changed,
            versions=before.versions if before and "models" not in changed else {},
        )  # fmt: skip
        log("begun", run=run.id, resumed=run.resumed, pages=len(copy.places), documents=len(found), changed=changed)
        since = "" if before is None else str(before.summary.get("nightly", {}).get("full_since", ""))
        full = before is None or self.options.full or bool({"models", "config"} & set(changed)) or self._due(since)
        held_pages = {} if before is None else self.runs.pages_of(before.id)
        work = _Work(self, run, held_pages, sources, pages)
        try:
            if full:
                work.reusable = {}
            elif "docs" in changed:
                work.choose(choice.texts_of(held), texts)
            work.audit(copy.places)
            problems += work.problems
            head = work.head(problems, before, timestamp() if full else since, changed)
            if before is not None and not full and work.is_as_it_was(head, before):
                return self._taken_up(run, before, work, tuple(problems))
        except OutOfTime:
            self.runs.stop_run(run.id)
            log("stopped", phase="auditing", run=run.id, audited=work.audited)
            return self._nothing(before, tuple(problems), stopped=True, audited=work.audited)
        finally:
            work.close()
        done = self.runs.finish_run(run.id, head)
        log("finished", run=done.id, audited=work.audited, kept=work.kept, problems=len(problems))
        return Night(
            run=done, before=before, audited=work.audited, kept=work.kept, stopped=False, problems=tuple(problems),
            documents=work.document_pages, docs_changed="docs" in changed,
        )  # fmt: skip

    def _taken_up(self, run: Run, before: Run, work: _Work, problems: tuple[Problem, ...]) -> Night:
        """The night that was killed after its run was stored, to be ended; `run` is no night of its own."""
        self.runs.drop_run(run.id)
        docs_changed = "docs" in before.changed
        if docs_changed:
            work.read_documents()
        self.options.log("taken_up", run=before.id)
        return Night(
            run=before, before=self.runs.former(before), audited=0, kept=work.kept, stopped=False, problems=problems,
            documents=work.document_pages, docs_changed=docs_changed,
        )  # fmt: skip

    def _find(self, names: Sequence[str], *, documents: bool) -> Found:
        return find_places(
            names,
            self.config,
            self.store,
            documents=documents,
            deadline=self.options.deadline,
            progress=self.options.progress,
        )

    def _due(self, since: str) -> bool:
        """Whether the last audit of every page is too long ago."""
        days = self.config.nightly.full_days
        if not days or not since:
            return False
        moment = datetime.datetime.strptime(timestamp(), "%Y-%m-%dT%H:%M:%SZ")
        return moment - datetime.datetime.strptime(since, "%Y-%m-%dT%H:%M:%SZ") >= datetime.timedelta(days=days)

    def _nothing(self, before: Run | None, problems: tuple[Problem, ...], *, stopped: bool, audited: int = 0) -> Night:
        return Night(
            run=None,
            before=before,
            audited=audited,
            kept=0,
            stopped=stopped,
            problems=problems,
            documents={},
            docs_changed=False,
        )

    def check_time(self) -> None:
        """Renews the lock; raises OutOfTime when the minutes are over. Asked after a page was saved, so that every call gets on."""
        self.renew()
        if self.options.deadline is not None and time.monotonic() > self.options.deadline:
            raise OutOfTime

    def renew(self) -> None:
        """Renews the lock now and then."""
        now = time.monotonic()
        if now - self.renewed > LEASE_S / 10:
            with self.store.engine.begin() as db:
                renew_hold(db, self.hold, LEASE_S)
            self.renewed = now


class _Work:
    """The audit of one run: the engine is opened only when there is a page to audit."""

    def __init__(
        self,
        nightly: _Nightly,
        run: Run,
        held: Mapping[str, StoredPage],
        sources: Found,
        read: Mapping[str, Page],
    ) -> None:
        self.nightly, self.run, self.held, self.reusable, self.sources = nightly, run, held, held, sources
        self.document_pages: dict[str, Page] = dict(read)
        self.problems: list[Problem] = []
        self.audited = self.kept = 0
        self._engine: Engine | None = None
        self._marks: dict[str, tuple[str, str]] = {}

    def engine(self) -> Engine:
        """The opened engine; all documents are read for it."""
        if self._engine is None:
            self.read_documents()
            ordered = [self.document_pages[source] for source in sorted(self.document_pages)]
            options = self.nightly.options
            options.progress("opening models", 0, 0)
            self._engine = open_engine(self.nightly.config, ordered, opener=options.opener)
        return self._engine

    def read_documents(self) -> None:
        """Reads the documents that have not been read yet."""
        for place in self.sources.places:
            if place.source not in self.document_pages:
                page = place.read()
                if isinstance(page, Page):
                    self.document_pages[place.source] = page

    def choose(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        """Keeps only those pages reusable that the change of documents from `before` to `now` cannot turn."""
        at = self.nightly
        again = choice.rejudged(at.runs, self.held, before, now, self.engine().reached, renew=at.renew)
        self.reusable = {source: page for source, page in self.held.items() if source not in again}

    def close(self) -> None:
        """Lets the engine go."""
        if self._engine is not None:
            self._engine.close()

    def audit(self, places: Sequence[Place]) -> None:
        """Saves every page of the run: as it was, or audited. Raises OutOfTime."""
        runs, total = self.nightly.runs, len(places)
        if self.run.resumed:
            # What was done before the kill and has gone from the site since.
            runs.drop_drafts(self.run.id, runs.drafts(self.run.id).keys() - {p.source for p in places})
        todo = iter(self._to_audit(places))
        first = next(todo, None)
        if first is not None:
            for audited in self.engine().audit(_chain(first, todo)):
                source = audited.page.source
                body, text = self._marks.pop(source)
                like = self.held[source].part if source in self.held else ""
                part = report.page_part(audited)
                runs.save_page(self.run.id, part, body_hash=body, text_hash=text, like=like)
                self.audited += 1
                self.nightly.options.progress("auditing pages", self.audited + self.kept, total)
                self.nightly.check_time()

    def _to_audit(self, places: Sequence[Place]) -> Iterator[Page]:
        """Pages whose audit cannot be taken over; the others are taken over on the way, in batches."""
        runs = self.nightly.runs
        drafts = runs.drafts(self.run.id) if self.run.resumed else {}
        batch: list[StoredPage] = []
        for place in places:
            self.nightly.renew()
            known = drafts.get(place.source) or self.reusable.get(place.source)
            text = known.text_hash if known else ""
            page: Page | None = None
            if known is None or known.body_hash != place.body:
                read = place.read()
                if isinstance(read, Problem):
                    self.problems.append(read)
                    if place.source in drafts:
                        runs.drop_drafts(self.run.id, [place.source])
                    continue
                page, text = read, marks.text_hash(read)
            if known is not None and known.text_hash == text:
                self.kept += 1
                if place.source not in drafts:
                    batch.append(
                        StoredPage(
                            source=place.source,
                            part=known.part,
                            body_hash=place.body,
                            text_hash=text,
                            notes=known.notes,
                        )
                    )
                    if len(batch) >= 500:
                        runs.keep_pages(self.run.id, batch)
                        batch = []
                continue
            assert page is not None
            self._marks[page.source] = (place.body, text)
            yield page
        runs.keep_pages(self.run.id, batch)

    def is_as_it_was(self, head: Mapping[str, Any], before: Run) -> bool:
        """Whether the run before was never closed and `head` says nothing new: then that night was killed, and goes on."""
        night = head["summary"]["nightly"]
        if self.run.changed or night["fresh"] or night["gone"] or self.nightly.runs.is_closed(before.id):
            return False
        return bool(self.nightly.runs.audit_of(before.id)["problems"] == head["problems"])

    def head(
        self, problems: Sequence[Problem], before: Run | None, full_since: str, changed: Sequence[str]
    ) -> dict[str, Any]:
        """The audit without its pages: scores of the site, what is undersold, problems, versions."""
        runs, config = self.nightly.runs, self.nightly.config
        stored = runs.drafts(self.run.id)
        was = runs.pages_of(before.id) if before else {}
        fresh = sum(1 for s, p in stored.items() if s not in was or was[s].part != p.part)
        gone = was.keys() - stored.keys()
        known = before is not None and not fresh and not gone and not changed
        if known and before is not None:
            old = runs.audit_of(before.id)
            lists = {name: old[name] for name in LISTS if name in old}
            summary, versions = dict(old["summary"]), old["versions"]
        else:
            content = runs.parts_of(p.part for p in stored.values())
            pages = [report.page_from(content[stored[source].part]) for source in sorted(stored)]
            engine = self.engine()
            summary, lists = self._summed(pages, engine, problems)
            versions = dict(engine.versions)
        summary["problems"] = len(problems)
        summary["nightly"] = {"fresh": fresh, "pages": len(stored), "gone": len(gone), "full_since": full_since}
        rows = [{"kind": p.kind, "where": p.where, "message": p.message} for p in problems]
        return {
            "product": config.product,
            "generated_at": timestamp(),
            "versions": versions,
            "summary": summary,
            **lists,
            "problems": sorted(rows, key=lambda p: (p["where"], p["kind"], p["message"])),
        }

    def _summed(
        self, pages: Sequence[PageAudit], engine: Engine, problems: Sequence[Problem]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        config = self.nightly.config
        clones, voices = engine.beside(pages)
        undersold: tuple[Undersold, ...] = engine.undersold(sold_copy(pages))
        audit = Audit(
            product=config.product,
            generated_at="",
            versions=engine.versions,
            pages=tuple(pages),
            undersold=undersold,
            problems=tuple(problems),
            documents=engine.documents,
            passages=engine.passages,
            clones=clones,
            voices=voices,
            score=score_page(
                [s for p in pages for s in p.sentences],
                [j for p in pages for j in p.judgements],
                min_words=config.score.min_words,
                min_claims=config.score.min_claims,
            ),
        )
        document = report.audit_document(audit)
        return document["summary"], {name: document[name] for name in LISTS}


def _chain(first: Page, rest: Iterator[Page]) -> Iterator[Page]:
    yield first
    yield from rest


def unread(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Problems that make a night incomplete."""
    return tuple(p for p in problems if p.kind not in EXPECTED)
