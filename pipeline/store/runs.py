"""Audits over time: every run of every product, each page audit stored once, an index over all claims.

    with Store(config.store.url) as store:
        runs = RunStore(store)

        # Write. An audit is the dict of `report.audit_document`; pages may carry extra keys, which come back unchanged.
        run = runs.save_audit(document, kind="on_demand")              # all at once, or piece by piece:
        run = runs.begin_run("Acme", "nightly", instrument=..., ...)   # goes on with an unfinished one under the same marks
        runs.save_page(run.id, page)                                   # page: an item of document["pages"]; survives kill -9
        runs.finish_run(run.id, head)                                  # head: the document without its pages

        # Read.
        runs.products()                                                # names, sorted
        runs.runs("Acme", kind="nightly", limit=30)                    # newest first; kind None: both
        runs.latest("Acme")                                            # the last finished nightly run, or None
        runs.run(run_id)                                               # a Run; KeyError
        runs.audit_of(run_id)                                          # the dict that was saved, pages in order of their name
        runs.search_claims("Acme", text="sso", verdict="contradicted") # (IndexedClaim, ...), riskiest first
        runs.count_claims("Acme", ...)                                 # how many the same question finds
        runs.page_history("Acme", source)                              # (PageVersion, ...), oldest first

A page audit holds from `run_from` to `run_to` (None: still). Unchanged pages therefore write nothing. Runs on demand hold for themselves only.
Times are UTC, ISO 8601. Writers take transactions of milliseconds; readers never wait.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import and_, func, select

from pipeline.store import parts
from pipeline.store.run_rows import (
    NIGHTLY,
    ON_DEMAND,
    UNFINISHED,
    IndexedClaim,
    PageVersion,
    Run,
    StoredPage,
    held,
    page_source,
    require_product,
    run_of,
    stored,
)
from pipeline.store.run_writer import RunWriter
from pipeline.store.schema import CLAIMS, RUN_PAGES, RUNS

__all__ = [
    "NIGHTLY",
    "ON_DEMAND",
    "IndexedClaim",
    "PageVersion",
    "Run",
    "RunStore",
    "StoredPage",
    "page_source",
    "require_product",
]


class RunStore(RunWriter):
    """Runs, page audits and claims in an open store (`Store`, or its engine)."""

    def products(self) -> list[str]:
        """Names of all products that have a finished run, sorted."""
        with self._reading().connect() as db:
            query = select(RUNS.c.product).where(RUNS.c.status == "done").distinct().order_by(RUNS.c.product)
            return [str(row[0]) for row in db.execute(query)]

    def run(self, run_id: int) -> Run:
        """The run under this number. Raises KeyError."""
        with self._reading().connect() as db:
            row = db.execute(select(RUNS).where(RUNS.c.id == run_id)).first()
        if row is None:
            raise KeyError(run_id)
        return run_of(row)

    def runs(
        self,
        product: str | None = None,
        *,
        kind: str | None = None,
        status: str | None = "done",
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[Run, ...]:
        """Runs, newest first; None stands for any."""
        query = select(RUNS).order_by(RUNS.c.id.desc())
        for column, value in ((RUNS.c.product, product), (RUNS.c.kind, kind), (RUNS.c.status, status)):
            if value is not None:
                query = query.where(column == value)
        if limit is not None:
            query = query.limit(limit).offset(offset)
        with self._reading().connect() as db:
            return tuple(run_of(row) for row in db.execute(query))

    def latest(self, product: str, kind: str | None = NIGHTLY) -> Run | None:
        """The last finished run; `kind` None: of any kind."""
        found = self.runs(product, kind=kind, limit=1)
        return found[0] if found else None

    def former(self, run: Run) -> Run | None:
        """The finished run of the same product and kind before `run`, or None."""
        return next((r for r in self.runs(run.product, kind=run.kind) if r.id < run.id), None)

    def documents_of(self, run_id: int) -> Mapping[str, str]:
        """{document: hash of its text} that the run was held against."""
        with self._reading().connect() as db:
            name = db.execute(select(RUNS.c.documents).where(RUNS.c.id == run_id)).scalar_one()
            found: Mapping[str, str] = parts.get(db, [name])[name]
            return found

    def pages_of(self, run_id: int) -> dict[str, StoredPage]:
        """{source: page} of a run, finished or in progress, in order of source."""
        run = self.run(run_id)
        if run.status in UNFINISHED:
            return dict(sorted(self.drafts(run_id).items()))
        with self._reading().connect() as db:
            rows = db.execute(select(RUN_PAGES).where(held(RUN_PAGES, run.product, run.kind, run.id))).all()
        return dict(sorted((row.source, stored(row)) for row in rows))

    def former_page(self, product: str, source: str, run_id: int) -> StoredPage | None:
        """The page's audit that held before the one of `run_id`, or None."""
        mine = and_(RUN_PAGES.c.product == product, RUN_PAGES.c.kind == NIGHTLY, RUN_PAGES.c.source == source)
        query = select(RUN_PAGES).where(mine, RUN_PAGES.c.run_to < run_id).order_by(RUN_PAGES.c.run_from.desc())
        with self._reading().connect() as db:
            row = db.execute(query).first()
        return None if row is None else stored(row)

    def parts_of(self, names: Iterable[str]) -> Mapping[str, Any]:
        """{hash: page object} of stored page audits."""
        with self._reading().connect() as db:
            return parts.get(db, names)

    def audit_of(self, run_id: int) -> dict[str, Any]:
        """The audit as it was saved: the dict of schema 1. Raises KeyError for an unknown run."""
        run = self.run(run_id)
        pages = self.pages_of(run_id)
        with self._reading().connect() as db:
            row = db.execute(select(RUNS.c.undersold, RUNS.c.problems).where(RUNS.c.id == run_id)).one()
            content = parts.get(db, [*(p.part for p in pages.values()), row.undersold, row.problems])
        rest = content.get(row.undersold, [])
        # How the night came to it (pages taken over, audited anew) is the run's affair; an audit says what holds.
        summary = {name: value for name, value in run.summary.items() if name != NIGHTLY}
        return {
            "schema": 1,
            "product": run.product,
            "generated_at": run.finished_at or run.started_at,
            "versions": dict(run.versions),
            "summary": summary,
            "pages": [content[page.part] for page in pages.values()],
            # Stores of the first days hold the bare list.
            **({"undersold": rest} if isinstance(rest, list) else rest),
            "problems": content.get(row.problems, []),
        }

    def _claims(self, product: str, text: str, verdict: Any, source: str, run_id: int | None, fingerprints: Any) -> Any:
        if run_id is None:
            where = [CLAIMS.c.product == product, CLAIMS.c.kind == NIGHTLY, CLAIMS.c.run_to.is_(None)]
        else:
            run = self.run(run_id)
            where = [held(CLAIMS, run.product, run.kind, run.id)]
        if text:
            where += [func.lower(CLAIMS.c.text).contains(word.lower(), autoescape=True) for word in text.split()]
        if verdict:
            where.append(CLAIMS.c.verdict.in_([verdict] if isinstance(verdict, str) else list(verdict)))
        if source:
            where.append(CLAIMS.c.source == source)
        if fingerprints is not None:
            where.append(CLAIMS.c.fingerprint.in_(list(fingerprints)))
        return and_(*where)

    def search_claims(
        self,
        product: str,
        *,
        text: str = "",
        verdict: str | Iterable[str] = "",
        page: str = "",
        run_id: int | None = None,
        fingerprints: Iterable[str] | None = None,
        limit: int | None = 100,
        offset: int = 0,
    ) -> tuple[IndexedClaim, ...]:
        """Claims that hold all words of `text`, riskiest first: of the last nightly run, or of `run_id`."""
        where = self._claims(product, text, verdict, page, run_id, fingerprints)
        order = (func.coalesce(CLAIMS.c.risk, -1.0).desc(), CLAIMS.c.source, CLAIMS.c.text, CLAIMS.c.id)
        query = select(CLAIMS).where(where).order_by(*order)
        if limit is not None:
            query = query.limit(limit).offset(offset)
        with self._reading().connect() as db:
            rows = db.execute(query).mappings().all()
        return tuple(IndexedClaim(**{k: v for k, v in row.items() if k not in {"id", "kind"}}) for row in rows)

    def count_claims(
        self,
        product: str,
        *,
        text: str = "",
        verdict: str | Iterable[str] = "",
        page: str = "",
        run_id: int | None = None,
    ) -> int:
        """How many claims the same question finds."""
        where = self._claims(product, text, verdict, page, run_id, None)
        with self._reading().connect() as db:
            return int(db.execute(select(func.count()).select_from(CLAIMS).where(where)).scalar_one())

    def seen_before(self, product: str, before: int) -> dict[str, int]:
        """{fingerprint: last run} of claims that had gone before run `before` began and were then nowhere on the site."""
        query = select(CLAIMS.c.fingerprint, func.max(func.coalesce(CLAIMS.c.run_to, before)))
        query = query.where(CLAIMS.c.product == product, CLAIMS.c.kind == NIGHTLY, CLAIMS.c.run_from < before)
        with self._reading().connect() as db:
            return {row[0]: int(row[1]) for row in db.execute(query.group_by(CLAIMS.c.fingerprint))}

    def page_history(self, product: str, page: str) -> tuple[PageVersion, ...]:
        """Every audit that a page has had in nightly runs, oldest first."""
        mine = and_(RUN_PAGES.c.product == product, RUN_PAGES.c.kind == NIGHTLY, RUN_PAGES.c.source == page)
        with self._reading().connect() as db:
            rows = db.execute(select(RUN_PAGES).where(mine).order_by(RUN_PAGES.c.run_from)).all()
            numbers = {n for row in rows for n in (row.run_from, row.run_to) if n is not None}
            dates = {r.id: r.started_at for r in db.execute(select(RUNS).where(RUNS.c.id.in_(numbers)))}
            content = parts.get(db, [row.part for row in rows])
        return tuple(
            PageVersion(
                source=page,
                run_from=row.run_from,
                run_to=row.run_to,
                since=dates.get(row.run_from, ""),
                until=None if row.run_to is None else dates.get(row.run_to, ""),
                part=row.part,
                scores=content[row.part].get("scores", {}),
                notes=json.loads(row.notes),
            )
            for row in rows
        )
