"""JSON of the ledger, under /api/v1."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pipeline.ledger import Entry
from pipeline.web.api import FAULTS, Limit, Offset, Token, following
from pipeline.web.books import ledger_of
from pipeline.web.decisions import MOST_WORDS, decide
from pipeline.web.guard import Person, check_change, house, need, product_of, signed_in

ROUTES = APIRouter(prefix="/api/v1", responses=FAULTS)
SignedIn = Annotated[Person, Depends(signed_in)]


class EntryRow(BaseModel):
    """A decision. `expires` is a day (YYYY-MM-DD) or ""; `said` is what the docs said when it was made."""

    fingerprint: str
    claim: str
    state: str
    owner: str
    reason: str
    expires: str
    evidence: str
    said: str
    by: str
    at: str


class EntryList(BaseModel):
    """One page of decisions, in order of their claim."""

    items: list[EntryRow]
    total: int
    next: int | None


class NewDecision(BaseModel):
    """accept needs evidence; waive needs owner, reason and expires; retire and reopen need nothing more."""

    model_config = ConfigDict(extra="forbid")

    product: str = Field("", max_length=80)
    claim: str = Field(min_length=1, max_length=MOST_WORDS, description="Its words, or the fingerprint of a known one.")
    decision: Literal["accept", "waive", "retire", "reopen"]
    owner: str = Field("", max_length=200)
    reason: str = Field("", max_length=MOST_WORDS)
    expires: str = Field("", max_length=10)
    evidence: str = Field("", max_length=MOST_WORDS)


def row(entry: Entry) -> EntryRow:
    """A decision as scripts see it."""
    return EntryRow(
        fingerprint=entry.fingerprint, claim=entry.claim, state=entry.state.value, owner=entry.owner, reason=entry.reason,
        expires=entry.expires, evidence=entry.evidence, said=entry.said, by=entry.by, at=entry.at,
    )  # fmt: skip


@ROUTES.get("/ledger", tags=["ledger"])
def listed(
    request: Request,
    person: SignedIn,
    product: Annotated[str, Query(max_length=80)] = "",
    state: Annotated[str, Query(pattern="^(open|accepted|waived|retired)?$")] = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> EntryList:
    """Decisions about the claims of a product."""
    found = ledger_of(house(request), product_of(person, product).name).list(state or None)
    items = [row(e) for e in found[offset : offset + limit]]
    return EntryList(items=items, total=len(found), next=following(offset, limit, len(found)))


@ROUTES.post("/ledger", tags=["ledger"])
def change(request: Request, person: SignedIn, new: NewDecision, token: Token = "") -> EntryRow:
    """Writes one decision; for reviewers and administrators."""
    check_change(request, token)
    name = product_of(person, new.product).name
    need(person, "reviewer")
    ledger = ledger_of(house(request), name)
    words = {"owner": new.owner, "reason": new.reason, "expires": new.expires, "evidence": new.evidence}
    return row(decide(ledger, new.decision, new.claim, by=person.name, **words))
