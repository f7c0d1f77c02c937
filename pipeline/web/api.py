"""JSON for scripts, under /api/v1. Keys come from `serve --new-key NAME`; every error has one shape; lists come in pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, File, Form, Header, Query, Request, Response, UploadFile
from fastapi.responses import Response as Answer
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from pipeline import __version__
from pipeline.store.jobs import Job
from pipeline.web.audits import FORMS, MOST_RENDERED, audit_of, exported, job_of, stop
from pipeline.web.desk import MOST_CHARACTERS
from pipeline.web.faults import not_found
from pipeline.web.guard import Person, check_change, house, product_of, signed_in
from pipeline.web.orders import order_of, put
from pipeline.web.shown import position
from pipeline.web.writing import judged


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What went wrong."""

    code: str
    message: str
    remedy: str


class Error(BaseModel):
    """The one error shape."""

    error: Problem


class NewAudit(_Shape):
    """A URL or pasted copy; files go to /api/v1/audits/file."""

    product: str = Field("", max_length=80, description="May be left out where you see only one product.")
    url: str = Field("", max_length=2000)
    text: str = Field("", description="Copy, read as Markdown.")


class DeskText(_Shape):
    """Copy for the writing desk."""

    product: str = Field("", max_length=80)
    text: str = Field(max_length=MOST_CHARACTERS)


class AuditState(BaseModel):
    """An audit on demand. Times are seconds since 1970; `summary` has its numbers once it is done."""

    id: str
    product: str
    owner: str
    kind: str
    title: str
    state: str
    stage: str
    done: int
    total: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    message: str
    summary: dict[str, Any]


class AuditList(BaseModel):
    """One page of audits; `next` is the offset of the next page, null on the last."""

    items: list[AuditState]
    total: int
    next: int | None


class DeskRow(BaseModel):
    """A sentence. `pending`: not judged yet, send the text again; `claims` is empty where there is nothing to check."""

    text: str
    pending: bool
    claims: list[dict[str, Any]]


class DeskAnswer(BaseModel):
    """The sentences in order."""

    sentences: list[DeskRow]


class Me(BaseModel):
    """Who asks, and the products that they may see."""

    name: str
    role: str
    products: list[str]


class Health(BaseModel):
    """Whether the server and its checker run."""

    status: str
    version: str
    checker: bool


FAULTS: dict[int | str, dict[str, Any]] = {
    code: {"model": Error} for code in (400, 401, 403, 404, 405, 409, 413, 421, 422, 429, 503)
}
ROUTES = APIRouter(prefix="/api/v1", responses=FAULTS)
SignedIn = Annotated[Person, Depends(signed_in)]
Token = Annotated[str, Header(alias="X-CSRF-Token", description="Only for browser sessions; not needed with a key.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


def following(offset: int, limit: int, total: int) -> int | None:
    """The next page's offset."""
    return offset + limit if offset + limit < total else None


def shape(job: Job, place: dict[str, Any] | None = None) -> AuditState:
    """A job as scripts see it."""
    now = place or {"stage": job.stage, "done": job.done, "total": job.total}
    return AuditState(
        id=job.id, product=job.product, owner=job.owner, kind=job.kind, title=job.title, state=job.state, stage=now["stage"],
        done=now["done"], total=now["total"], created_at=job.created_at, started_at=job.started_at, finished_at=job.finished_at,
        message=job.message, summary=job.summary,
    )  # fmt: skip


@ROUTES.get("/health", tags=["server"])
def health(request: Request) -> Health:
    """Whether the server runs; needs no sign-in."""
    return Health(status="ok", version=__version__, checker=house(request).foreman.alive())


@ROUTES.get("/me", tags=["server"])
def me(person: SignedIn) -> Me:
    """Who you are to this server."""
    return Me(name=person.name, role=person.role, products=person.names)


@ROUTES.post("/audits", status_code=202, tags=["audits"])
def start(request: Request, person: SignedIn, new: NewAudit, token: Token = "") -> AuditState:
    """Puts an audit of a URL or pasted copy into the queue."""
    check_change(request, token)
    home = house(request)
    order, title = order_of(home, url=new.url, text=new.text)
    return shape(put(home, person, product_of(person, new.product), order, title, home.address(request)))


@ROUTES.post("/audits/file", status_code=202, tags=["audits"])
async def start_file(
    request: Request,
    person: SignedIn,
    file: Annotated[UploadFile, File(description="HTML, Markdown, text, PDF, DOCX or PPTX.")],
    product: Annotated[str, Form(max_length=80)] = "",
    token: Token = "",
) -> AuditState:
    """Puts an audit of a file into the queue."""
    body = await file.read()

    def work() -> AuditState:
        check_change(request, token)
        home = house(request)
        order, title = order_of(home, name=file.filename or "", body=body)
        return shape(put(home, person, product_of(person, product), order, title, home.address(request)))

    return await run_in_threadpool(work)


@ROUTES.get("/audits", tags=["audits"])
def listed(
    request: Request,
    person: SignedIn,
    product: Annotated[str, Query(max_length=80)] = "",
    state: Annotated[str, Query(pattern="^(queued|running|done|failed|cancelled)?$")] = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> AuditList:
    """Audits on demand of your products, newest first."""
    names = [product_of(person, product).name] if product else person.names
    rows, total = house(request).jobs.listed(names, state=state, limit=limit, offset=offset)
    return AuditList(items=[shape(j) for j in rows], total=total, next=following(offset, limit, total))


@ROUTES.get("/audits/{ident}", tags=["audits"])
def one(request: Request, person: SignedIn, ident: str) -> AuditState:
    """One audit: where it stands."""
    home = house(request)
    job = job_of(home, person, ident)
    return shape(job, position(home, job))


@ROUTES.get("/audits/{ident}/result", tags=["audits"], response_model=dict[str, Any])
def result(request: Request, person: SignedIn, ident: str) -> Answer:
    """The finished audit as JSON (schema 1), as `audit --json` writes it."""
    home = house(request)
    job = job_of(home, person, ident)
    body = home.documents.get(job.id)
    if body is None:
        body = home.documents[job.id] = exported(audit_of(home, job), "json")
        while len(home.documents) > MOST_RENDERED:
            home.documents.pop(next(iter(home.documents)), None)
    return Answer(body, media_type="application/json")


@ROUTES.get("/audits/{ident}/export/{form}", tags=["audits"], response_class=Answer)
def export(request: Request, person: SignedIn, ident: str, form: str) -> Answer:
    """The finished audit as html, pdf, xlsx, csv, md, json or sarif."""
    home = house(request)
    job = job_of(home, person, ident)
    if form not in FORMS:
        raise not_found("form")
    return Answer(
        exported(audit_of(home, job), form),
        media_type=FORMS[form][1],
        headers={"Content-Disposition": f'attachment; filename="audit.{form}"'},
    )


@ROUTES.delete("/audits/{ident}", status_code=204, tags=["audits"])
def cancel(request: Request, person: SignedIn, ident: str, token: Token = "") -> Response:
    """Stops an audit that waits or runs."""
    check_change(request, token)
    home = house(request)
    stop(home, person, job_of(home, person, ident))
    return Response(status_code=204)


@ROUTES.post("/desk", tags=["desk"])
async def desk(request: Request, person: SignedIn, new: Annotated[DeskText, Body()], token: Token = "") -> DeskAnswer:
    """Verdicts on the sentences of a text; only sentences that are new to the server are judged."""
    home = house(request)
    await run_in_threadpool(check_change, request, token)
    home.limits.take("desk", home.address(request) if person.way == "open" else person.name)
    rows = await judged(home, product_of(person, new.product).name, new.text)
    return DeskAnswer(sentences=[DeskRow(text=r["text"], pending=r["pending"], claims=r["claims"]) for r in rows])
