"""The ledger's pages: what has been decided about claims; accept, waive, retire, reopen (reviewers and administrators)."""

from __future__ import annotations

import datetime
import threading
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from pipeline.errors import UsageError
from pipeline.ledger import Entry, Ledger, State
from pipeline.report.findings import findings
from pipeline.report.wording import headline
from pipeline.web.audits import audit_of, job_of
from pipeline.web.books import LABELS, ledger_of
from pipeline.web.faults import Fault, not_found
from pipeline.web.guard import Person, check_change, house, need, product_of, signed_in
from pipeline.web.history import chosen_product
from pipeline.web.shown import page
from pipeline.web.sign_in import inside

ROUTES = APIRouter()
SignedIn = Annotated[Person, Depends(signed_in)]
PAGE = 50
DECISIONS = ("accept", "waive", "retire", "reopen")
# How long a waiver runs unless somebody says otherwise.
USUAL_DAYS = 90
MOST_WORDS = 4000
_WRITING = threading.Lock()


def decide(ledger: Ledger, decision: str, claim: str, *, by: str, owner: str, reason: str, expires: str, evidence: str) -> Entry:
    """Writes one decision. Raises a 422 Fault that says which words are missing."""
    if not claim.strip():
        raise Fault(422, "claim", "No claim was named.", "Give the words of the claim.")
    try:
        with _WRITING:
            if decision == "accept":
                return ledger.accept(claim, evidence=evidence, by=by, owner=owner, reason=reason, expires=expires)
            if decision == "waive":
                return ledger.waive(claim, owner=owner, reason=reason, expires=expires, by=by)
            if decision == "retire":
                return ledger.retire(claim, by=by, reason=reason, owner=owner)
            if decision == "reopen":
                return ledger.reopen(claim, by=by, reason=reason)
    except UsageError as err:
        raise Fault(422, "decision", str(err), "") from err
    raise Fault(422, "decision", f"{decision[:40]!r} is no decision.", f"Use one of: {', '.join(DECISIONS)}.")


@ROUTES.get("/ledger")
def listed(request: Request, person: SignedIn, product: str = "", state: str = "", start: int = 0) -> Response:
    """Every decision of a product."""
    home = house(request)
    chosen = chosen_product(person, product)
    wanted = state if state in {s.value for s in State} else ""
    entries = ledger_of(home, chosen).list(wanted or None) if chosen else ()
    start = max(0, min(start, 10**6))
    return page(
        request, "ledger.html", title="Ledger", here="ledger", chosen=chosen, state=wanted, entries=entries[start : start + PAGE],
        total=len(entries), start=start, size=PAGE, labels=LABELS, today=datetime.date.today(),
    )  # fmt: skip


@ROUTES.get("/ledger/new")
def new(
    request: Request, person: SignedIn, audit: str = "", finding: int = 0, product: str = "", claim: str = "", decision: str = ""
) -> Response:
    """The form for a decision: about a finding of an audit, or about an entry of the ledger."""
    need(person, "reviewer")
    home = house(request)
    said, back = "", "/ledger"
    if audit:
        job = job_of(home, person, audit)
        found = next((f for f in findings(audit_of(home, job)) if f.number == finding), None)
        if found is None:
            raise not_found("finding")
        product, claim, said = job.product, found.judgement.claim.text, headline(found.judgement)
        back = f"/audits/{job.id}#f{finding}"
    else:
        product = product_of(person, product).name
        back = f"/ledger?product={product}"
    entry = ledger_of(home, product).get(claim) if claim else None
    day = (datetime.date.today() + datetime.timedelta(days=USUAL_DAYS)).isoformat()
    return page(
        request, "decide.html", title="Accept or waive", here="ledger", chosen=product, claim=entry.claim if entry else claim, said=said, entry=entry,
        back=back, labels=LABELS, day=day, first=decision if decision in DECISIONS else "", fault=None, given={},
    )  # fmt: skip


@ROUTES.post("/ledger/decide")
def decided(
    request: Request,
    person: SignedIn,
    decision: Annotated[str, Form(max_length=20)] = "",
    product: Annotated[str, Form(max_length=80)] = "",
    claim: Annotated[str, Form(max_length=MOST_WORDS)] = "",
    owner: Annotated[str, Form(max_length=200)] = "",
    reason: Annotated[str, Form(max_length=MOST_WORDS)] = "",
    expires: Annotated[str, Form(max_length=10)] = "",
    evidence: Annotated[str, Form(max_length=MOST_WORDS)] = "",
    back: Annotated[str, Form(max_length=2000)] = "/ledger",
    token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Writes a decision; a form that lacks something comes back with what it lacks."""
    check_change(request, token)
    home = house(request)
    name = product_of(person, product).name
    need(person, "reviewer")
    given: dict[str, Any] = {"owner": owner, "reason": reason, "expires": expires, "evidence": evidence}
    try:
        decide(ledger_of(home, name), decision, claim, by=person.name, **given)
    except Fault as fault:
        return page(
            request, "decide.html", title="Accept or waive", here="ledger", status=fault.status, chosen=name, claim=claim, said="", entry=None,
            back=inside(back), labels=LABELS, day=expires, first=decision, fault=fault, given=given,
        )  # fmt: skip
    return RedirectResponse(inside(back), status_code=303)
