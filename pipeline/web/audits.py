"""Pages of audits on demand: start one, watch it, read its result, take it along."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from pipeline import report
from pipeline.records import Audit
from pipeline.report.files import json_text
from pipeline.report.html import html as scorecard_html
from pipeline.report.pdf import pdf_bytes
from pipeline.report.tables import csv_text, xlsx_bytes
from pipeline.store.jobs import Job
from pipeline.web.books import standing
from pipeline.web.cards import result
from pipeline.web.faults import Fault, not_found
from pipeline.web.guard import House, Person, check_change, house, product_of, signed_in
from pipeline.web.orders import order_of, put
from pipeline.web.shown import fragment, page, position

ROUTES = APIRouter()
SignedIn = Annotated[Person, Depends(signed_in)]
PAGE = 25
MOST_RENDERED = 64
# A stream of events ends after so long; the browser opens the next one by itself.
STREAM_S = 300.0

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def job_of(home: House, person: Person, ident: str) -> Job:
    """The job. Raises a 404 Fault when there is none, or it is of a product that the person may not see."""
    job = home.jobs.get(ident[:40])
    if job is None or not person.sees(job.product):
        raise not_found("audit")
    return job


def audit_of(home: House, job: Job) -> Audit:
    """The finished audit. Raises a 409 Fault while there is none."""
    audit = home.jobs.audit(job.id)
    if audit is None:
        raise Fault(409, "not_done", "This audit has no result.", "Wait until it is done.")
    return audit


@ROUTES.get("/")
def first(request: Request, person: SignedIn, product: str = "") -> Response:
    """The form for a new audit, and the latest ones."""
    home = house(request)
    if product and not person.sees(product):
        raise not_found("product")
    latest, total = home.jobs.listed(person.names, limit=8)
    chosen = product or (person.products[0].name if person.products else "")
    return page(
        request, "home.html", title="Check copy against the docs", here="check", chosen=chosen, latest=latest, total=total,
        upload_mib=home.config.web.upload_mib,
    )  # fmt: skip


@ROUTES.post("/audits")
async def start(
    request: Request,
    person: SignedIn,
    product: Annotated[str, Form(max_length=80)] = "",
    url: Annotated[str, Form(max_length=4000)] = "",
    text: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
    token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Puts an audit into the queue and leads to its page."""
    body = await file.read() if file is not None and file.filename else None
    name = file.filename or "" if file is not None else ""

    def work() -> Job:
        check_change(request, token)
        home = house(request)
        order, title = order_of(home, url=url, text=text, name=name, body=body)
        return put(home, person, product_of(person, product), order, title, home.address(request))

    job = await run_in_threadpool(work)
    return RedirectResponse(f"/audits/{job.id}", status_code=303)


@ROUTES.get("/audits")
def listed(request: Request, person: SignedIn, product: str = "", state: str = "", start: int = 0) -> Response:
    """Audits on demand, newest first."""
    home = house(request)
    names = [product_of(person, product).name] if product else person.names
    start = max(0, min(start, 10**6))
    rows, total = home.jobs.listed(names, state=state if state in {"done", "failed", "queued", "running"} else "", limit=PAGE, offset=start)
    return page(
        request, "audits.html", title="Audits on demand", here="audits", rows=rows, total=total, start=start, size=PAGE,
        chosen=product, state=state,
    )  # fmt: skip


@ROUTES.get("/audits/{ident}")
def show(request: Request, person: SignedIn, ident: str) -> Response:
    """Progress while it runs, then the result."""
    home = house(request)
    job = job_of(home, person, ident)
    if job.state != "done":
        mine = person.name == job.owner or person.may("reviewer")
        return page(request, "waiting.html", title=job.title, here="audits", job=job, place=position(home, job), mine=mine)
    others, _ = home.jobs.listed([job.product], state="done", limit=30)
    earlier = [j for j in others if j.id != job.id and j.title == job.title and j.created_at < job.created_at]
    body = rendered(home, job, may_decide=person.may("reviewer"))
    return page(request, "audit.html", title=job.title, here="audits", job=job, body=body, earlier=earlier[:1])


def rendered(home: House, job: Job, *, may_decide: bool) -> Markup:
    """The result's part of the page; it changes only with the decisions about its claims, so the last ones are kept."""
    decided = standing(home, job.product)
    key = (job.id, may_decide, tuple(decided.items()))
    found = home.rendered.get(key)
    if found is None:
        act = f"/ledger/new?audit={job.id}&finding=" if may_decide else ""
        found = fragment("result.html", **result(audit_of(home, job)), act=act, decided=decided)
        home.rendered[key] = found
        while len(home.rendered) > MOST_RENDERED:
            home.rendered.pop(next(iter(home.rendered)), None)
    return found


@ROUTES.get("/audits/{ident}/state")
def state(request: Request, person: SignedIn, ident: str) -> dict[str, Any]:
    """Where the audit stands; for pages whose stream of events is cut."""
    home = house(request)
    return position(home, job_of(home, person, ident))


@ROUTES.get("/audits/{ident}/events")
async def events(request: Request, person: SignedIn, ident: str) -> Response:
    """Where the audit stands, as it changes."""
    home = house(request)
    await run_in_threadpool(job_of, home, person, ident)

    async def stream() -> AsyncIterator[str]:
        last, spent = "", 0.0
        while spent < STREAM_S:
            job = await run_in_threadpool(home.jobs.get, ident)
            now = json.dumps(await run_in_threadpool(position, home, job)) if job else '{"ended": true, "state": "gone"}'
            if now != last:
                last = now
                yield f"data: {now}\n\n"
            elif spent % 15 < 0.5:
                yield ": still here\n\n"
            if job is None or job.ended:
                return
            await asyncio.sleep(0.5)
            spent += 0.5

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@ROUTES.post("/audits/{ident}/cancel")
def cancel(request: Request, person: SignedIn, ident: str, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Stops an audit that waits or runs."""
    check_change(request, token)
    home = house(request)
    stop(home, person, job_of(home, person, ident))
    return RedirectResponse(f"/audits/{ident}", status_code=303)


def stop(home: House, person: Person, job: Job) -> None:
    """Cancels a job. Raises a 403 Fault when it is neither the person's own nor a reviewer asks, 409 when it has ended."""
    if person.name != job.owner and not person.may("reviewer"):
        raise Fault(403, "not_yours", "Another person started this audit.", "Ask them, or a reviewer, to cancel it.")
    if job.ended:
        raise Fault(409, "ended", "This audit has already ended.", "")
    home.foreman.cancel(job.id)


FORMS = {
    "html": ("Scorecard (HTML, one file)", "text/html; charset=utf-8"), "pdf": ("PDF", "application/pdf"), "xlsx": ("Excel workbook", XLSX),
    "csv": ("CSV", "text/csv; charset=utf-8"), "md": ("Markdown summary", "text/markdown; charset=utf-8"), "json": ("JSON", "application/json"),
    "sarif": ("SARIF for code hosts", "application/sarif+json"),
}  # fmt: skip


def exported(audit: Audit, form: str) -> bytes:
    """The audit in one of FORMS. Raises UsageError when the PDF writer is not installed."""
    make: dict[str, Any] = {
        "html": lambda: scorecard_html(audit).encode("utf-8", "backslashreplace"), "pdf": lambda: pdf_bytes(audit),
        "xlsx": lambda: xlsx_bytes(audit), "csv": lambda: csv_text(audit).encode("utf-8", "replace"),
        "md": lambda: report.markdown(audit).encode("utf-8", "replace"),
        "json": lambda: json_text(report.audit_document(audit)).encode("utf-8", "backslashreplace"),
        "sarif": lambda: json_text(report.sarif(audit)).encode("utf-8", "backslashreplace"),
    }  # fmt: skip
    return bytes(make[form]())


def _file_name(title: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", re.sub(r"^https?://(www\.)?", "", title.lower())).strip("-")[:60]
    return plain or "audit"


@ROUTES.get("/audits/{ident}/export/{form}")
def export(request: Request, person: SignedIn, ident: str, form: str) -> Response:
    """A file of the result."""
    home = house(request)
    job = job_of(home, person, ident)
    if form not in FORMS:
        raise not_found("form")
    body = exported(audit_of(home, job), form)
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(job.title)}.{form}"'}
    return Response(body, media_type=FORMS[form][1], headers=headers)
