"""JSON of runs, comparisons and claims, under /api/v1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from pipeline.records import Verdict
from pipeline.store.runs import Run
from pipeline.web.api import FAULTS, Limit, Offset, following
from pipeline.web.compare import compare
from pipeline.web.faults import Fault
from pipeline.web.guard import Person, house, product_of, signed_in
from pipeline.web.history import run_of, searched

ROUTES = APIRouter(prefix="/api/v1", responses=FAULTS)
SignedIn = Annotated[Person, Depends(signed_in)]
Name = Annotated[str, Query(max_length=80, description="May be left out where you see only one product.")]
# What any database takes as a number.
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class RunRow(BaseModel):
    """A run. `changed` names what differs from the nightly run before; `summary` has its numbers."""

    id: int
    product: str
    kind: str
    status: str
    started_at: str
    finished_at: str | None
    changed: list[str]
    summary: dict[str, Any]


class RunList(BaseModel):
    """One page of runs; `next` is the offset of the next page, null on the last."""

    items: list[RunRow]
    next: int | None


class ClaimRow(BaseModel):
    """A claim of the index."""

    page: str
    claim_id: str
    claim: str
    verdict: str
    overpromise: float | None
    risk: float | None
    first_seen_run: int


class ClaimList(BaseModel):
    """One page of claims, riskiest first."""

    items: list[ClaimRow]
    total: int
    next: int | None


class TurnRow(BaseModel):
    """A claim whose verdict turned, or that came or went ("" where it did not stand)."""

    kind: str
    page: str
    claim: str
    before: str
    after: str


class CompareAnswer(BaseModel):
    """What turned between two runs; `stayed` findings are only counted; `instrument`: the models changed between."""

    turns: list[TurnRow]
    stayed: int
    instrument: bool


def row(run: Run) -> RunRow:
    """A run as scripts see it."""
    return RunRow(
        id=run.id, product=run.product, kind=run.kind, status=run.status, started_at=run.started_at, finished_at=run.finished_at,
        changed=list(run.changed), summary=dict(run.summary),
    )  # fmt: skip


@ROUTES.get("/runs", tags=["history"])
def runs(
    request: Request,
    person: SignedIn,
    product: Name = "",
    kind: Annotated[str, Query(pattern="^(nightly|on_demand)$")] = "nightly",
    offset: Offset = 0,
    limit: Limit = 50,
) -> RunList:
    """Finished runs, newest first."""
    found = house(request).runs.runs(product_of(person, product).name, kind=kind, limit=limit + 1, offset=offset)
    return RunList(items=[row(r) for r in found[:limit]], next=offset + limit if len(found) > limit else None)


@ROUTES.get("/runs/{number}", tags=["history"])
def run(request: Request, person: SignedIn, number: Number) -> dict[str, Any]:
    """The whole audit of a run (schema 1)."""
    home = house(request)
    return home.runs.audit_of(run_of(home, person, number).id)


@ROUTES.get("/runs/{before}/compare/{after}", tags=["history"])
def compared(request: Request, person: SignedIn, before: Number, after: Number) -> CompareAnswer:
    """What turned between two runs of one product."""
    home = house(request)
    first, second = run_of(home, person, before), run_of(home, person, after)
    if first.product != second.product:
        raise Fault(422, "products", "These two are of different products.", "Choose two runs of one product.")
    found = compare(home.runs.audit_of(first.id), home.runs.audit_of(second.id))
    turns = [TurnRow(kind=k, page=t.page, claim=t.claim, before=t.before, after=t.after) for k, _, _, ts in found.kinds for t in ts]
    return CompareAnswer(turns=turns, stayed=found.stayed, instrument=found.instrument)


@ROUTES.get("/claims", tags=["history"])
def claims(
    request: Request,
    person: SignedIn,
    product: Name = "",
    q: Annotated[str, Query(max_length=300)] = "",
    verdict: Verdict | None = None,
    run: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Left out: the last nightly run.")] = None,
    offset: Offset = 0,
    limit: Limit = 50,
) -> ClaimList:
    """Claims that hold all words of `q`."""
    home = house(request)
    name = product_of(person, product).name
    if run is not None and run_of(home, person, run).product != name:
        raise Fault(422, "products", f"Run {run} is of another product.", "Name the product of the run.")
    rows, total = searched(home, name, text=q, verdict=verdict.value if verdict else "", run_id=run, limit=limit, offset=offset)
    items = [
        ClaimRow(page=c.source, claim_id=c.claim_id, claim=c.text, verdict=c.verdict, overpromise=c.overpromise, risk=c.risk,
                 first_seen_run=c.first_seen)
        for c in rows
    ]  # fmt: skip
    return ClaimList(items=items, total=total, next=following(offset, limit, total))
